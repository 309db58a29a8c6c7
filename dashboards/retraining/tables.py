"""A retrain's figures as frames: pure, from what its events told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboards import words
from dashboards.retraining.sayings import name_of_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "balance_frame",
    "canary_frame",
    "forest_frame",
    "judge_frame",
    "measure_frame",
    "parts_of",
    "rates_frame",
]

LONGEST_NAME = 48


def parts_of(comparison: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """All reserved calls, then every part whose rate is one of wrong answers.

    Invalid answers are a rate of another kind, and of other calls: they are no row among these.
    """
    told = [part for part in comparison.get("slices", ()) if isinstance(part, dict)]
    kept: list[Mapping[str, Any]] = [part for part in told if part.get("attribute") != "answers"]
    names = ("candidate", "production", "difference", "low", "high", "n", "smallest", "p_value")
    whole: Mapping[str, Any] = {
        "attribute": "all",
        "value": "labelled calls",
        **{name: comparison.get(name) for name in names},
    }
    if comparison.get("n") and isinstance(comparison.get("candidate"), dict):
        kept.insert(0, whole)
    return kept


def forest_frame(parts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """For the chart. Columns part, difference, low, high, n, smallest, candidate, production, shown."""
    return pd.DataFrame(
        [
            {
                "part": words.cut(words.visible(name_of_part(part)), LONGEST_NAME),
                "difference": part["difference"],
                "low": part["low"],
                "high": part["high"],
                "n": part["n"],
                "smallest": part.get("smallest"),
                "candidate": part["candidate"]["value"],
                "production": part["production"]["value"],
                "shown": f"{words.percent(part['production']['value'])} → {words.percent(part['candidate']['value'])}"
                f"  (n = {words.count(part['n'])})",
            }
            for part in parts
        ]
    )


def rates_frame(parts: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """For the table under it."""
    return pd.DataFrame(
        {
            "Part": [words.visible(name_of_part(part)) for part in parts],
            "Calls": [part["n"] for part in parts],
            "Production wrong": [_rate(part["production"]) for part in parts],
            "Candidate wrong": [_rate(part["candidate"]) for part in parts],
            "Difference (95 %)": [
                f"{100 * part['difference']:+.1f} points ({100 * part['low']:+.1f} to {100 * part['high']:+.1f})"
                for part in parts
            ],
            "Smallest shown": [_smallest(part.get("smallest")) for part in parts],
            "p": [_p(part.get("p_value")) for part in parts],
            "Holm's p": [_p(part.get("adjusted_p")) for part in parts],
        }
    )


def measure_frame(measures: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Durations, tokens and cost, side by side."""
    return pd.DataFrame(
        {
            "Measure": [str(one["name"]) for one in measures],
            "Production": [_amount(one["production"], one["unit"]) for one in measures],
            "Candidate": [_amount(one["candidate"], one["unit"]) for one in measures],
            "Ratio (95 %)": [
                f"{one['ratio']:.2f} ({one['low']:.2f} to {one['high']:.2f})" for one in measures
            ],
            "Calls": [one["n"] for one in measures],
        }
    )


def judge_frame(judges: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What checks and judges said of both answers."""
    asked = [one for one in judges if not one.get("refused")]
    return pd.DataFrame(
        {
            "Check or judge": [words.visible(str(one["judge"])) for one in asked],
            "Kind": [str(one["kind"]).replace("_", "/") for one in asked],
            "Production": [f"{one['production']:.3g}" for one in asked],
            "Candidate": [f"{one['candidate']:.3g}" for one in asked],
            "Difference (95 %)": [
                f"{one['difference']:+.3g} ({one['low']:+.3g} to {one['high']:+.3g})"
                for one in asked
            ],
            "Better is": [str(one["direction"]) for one in asked],
            "Smallest shown": [
                "" if one.get("smallest") is None else f"{one['smallest']:.3g}" for one in asked
            ],
            "Test": [str(one["test"]) for one in asked],
            "Holm's p": [_p(one.get("adjusted_p")) for one in asked],
            "Calls": [one["n"] for one in asked],
        }
    )


def balance_frame(slices: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Shares of the training set beside those of the traffic."""
    return pd.DataFrame(
        {
            "Slice": [words.visible(f"{one['attribute']}: {one['value']}") for one in slices],
            "Of the traffic": [
                f"{words.percent(one['traffic_share'])} ({words.count(one['traffic'])})"
                for one in slices
            ],
            "Of the training set": [
                f"{words.percent(one['training_share'])} ({words.count(one['training'])})"
                for one in slices
            ],
            "Times": [
                one["training_share"] / one["traffic_share"] if one["traffic_share"] else None
                for one in slices
            ],
        }
    )


def canary_frame(series: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What is watched of a canary, series by series."""
    return pd.DataFrame(
        {
            "Series": [words.visible(str(one["series"])) for one in series],
            "Verdict": [str(one["verdict"]) for one in series],
            "Candidate": [f"{one['count']:,} of {one['n']:,}" for one in series],
            "Production": [f"{one['others']:,} of {one['others_n']:,}" for one in series],
            "Difference (95 %, at any time)": [
                f"{100 * one['difference']:+.2f} points ({100 * one['low']:+.2f} to {100 * one['high']:+.2f})"
                for one in series
            ],
            "Evidence worse / safe": [
                f"{one['e_worse']:.3g} / {one['e_safe']:.3g}" for one in series
            ],
            "Hours": [one["hours"] for one in series],
        }
    )


def _rate(one: Mapping[str, Any]) -> str:
    return f"{words.percent(one['value'])} ({words.percent(one['low'])} to {words.percent(one['high'])})"


def _smallest(share: float | None) -> str:
    return "none at all" if share is None else f"{100 * share:.1f} points"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _amount(value: float, unit: str) -> str:
    if unit == "ms":
        return words.duration(value)
    return words.money(value) if unit == "USD" else f"{value:,.4g} {unit}"
