"""What the fields of answers held before and hold now, the ones that moved most first; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from monitor.report.frames import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["UNITS", "Distribution", "distributions"]

BINS, VALUES = 24, 10
"""Bars of a histogram, and values of a category that have a bar of their own."""
OTHER = "all others"
UNITS = {
    "duration_ms": "latency (ms)",
    "time_to_first_token_ms": "time to first token (ms)",
    "input_tokens": "input tokens",
    "output_tokens": "output tokens",
    "cost_usd": "cost (USD)",
}
"""What the columns that every call has are measured in."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One field in both stretches of time."""

    name: str
    """`field due_date`, `tag tenant`, `score thumbs`, or a column of every call."""
    numeric: bool
    distance: float
    """0 when both are alike, 1 when nothing is: Kolmogorov-Smirnov's of numbers, total variation of categories."""
    noise: float
    """Distance that is exceeded in 1 of 100 samples of this size where nothing moved."""
    n_before: int
    n_now: int
    bars: pd.DataFrame
    """Columns stretch (before, now), share, and value, or from and to."""

    @property
    def moved(self) -> bool:
        """Whether the distance is more than chance makes of it."""
        return self.distance > self.noise

    @property
    def title(self) -> str:
        """What its axis is called, with the unit where it is known."""
        return UNITS.get(self.name, self.name.removeprefix("field "))


def distributions(before: pd.DataFrame, now: pd.DataFrame, columns: Columns) -> list[Distribution]:
    """Every column that both have, the one that moved most beyond chance first.

    >>> old = pd.DataFrame({"field sum": [1.0, 2.0, 3.0] * 50, "status": ["ok"] * 150})
    >>> new = pd.DataFrame({"field sum": [7.0, 8.0, 9.0] * 50, "status": ["ok"] * 150})
    >>> [(one.name, one.distance, one.moved) for one in
    ...  distributions(old, new, Columns((), ("field sum",), ("status",)))]
    [('field sum', 1.0, True), ('status', 0.0, False)]
    """
    found = [_numbers(name, before[name], now[name]) for name in columns.numbers]
    found += [_categories(name, before[name], now[name]) for name in columns.categories]
    return sorted(
        (one for one in found if one is not None),
        key=lambda one: (-(one.distance - one.noise), one.name),
    )


def _numbers(name: str, before: pd.Series, now: pd.Series) -> Distribution | None:
    old, new = (
        np.sort(pd.to_numeric(one, errors="coerce").dropna().to_numpy(dtype=float))
        for one in (before, now)
    )
    if not len(old) or not len(new):
        return None
    both = np.concatenate([old, new])
    steps = (np.searchsorted(one, both, side="right") / len(one) for one in (old, new))
    distance = float(np.abs(np.subtract(*steps)).max())
    low, high = np.quantile(both, [0.005, 0.995])  # one wild value must not squeeze all others
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    bars = pd.concat(
        [
            pd.DataFrame(
                {
                    "stretch": stretch,
                    "from": edges[:-1],
                    "to": edges[1:],
                    "share": np.histogram(np.clip(one, low, high), edges)[0] / len(one),
                }
            )
            for stretch, one in (("before", old), ("now", new))
        ],
        ignore_index=True,
    )
    noise = 1.63 * np.sqrt((len(old) + len(new)) / (len(old) * len(new)))
    return Distribution(name, True, distance, float(noise), len(old), len(new), bars)  # noqa: FBT003 - a field


def _categories(name: str, before: pd.Series, now: pd.Series) -> Distribution | None:
    old, new = before.dropna().astype(str), now.dropna().astype(str)
    if old.empty or new.empty:
        return None
    shares = pd.DataFrame(
        {"before": old.value_counts(normalize=True), "now": new.value_counts(normalize=True)}
    ).fillna(0.0)
    distance = float((shares["now"] - shares["before"]).abs().sum() / 2)
    pooled = (shares["before"] * len(old) + shares["now"] * len(new)) / (len(old) + len(new))
    spread = np.sqrt(pooled * (1 - pooled) * (1 / len(old) + 1 / len(new)))
    # half the sum of |normal| of these widths, plus 2.33 of its deviations were they independent
    noise = 0.4 * float(spread.sum()) + 0.7 * float(np.sqrt((spread**2).sum()))
    kept = shares.sum(axis=1).sort_values(ascending=False, kind="stable").index
    bars = _kept(shares, [str(one) for one in kept])
    return Distribution(name, False, distance, noise, len(old), len(new), bars)  # noqa: FBT003 - a field


def _kept(shares: pd.DataFrame, order: Iterable[str]) -> pd.DataFrame:
    """The commonest values, the rest as one."""
    ordered = list(order)
    top = shares.loc[ordered[:VALUES]]
    if len(ordered) > VALUES:
        top = pd.concat([top, shares.loc[ordered[VALUES:]].sum().to_frame(OTHER).T])
    told = top.rename_axis("value").reset_index()
    return told.melt(["value"], ["before", "now"], "stretch", "share")
