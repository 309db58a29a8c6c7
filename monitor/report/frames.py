"""What a report compares: a sample of calls as a table, with their texts, figures, fields, tags and scores."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from monitor.drift.fields import flatten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.store import Store

__all__ = ["CATEGORIES", "NUMBERS", "TEXTS", "Columns", "columns_of", "read_calls"]

TEXTS = ("input", "output")
NUMBERS = ("duration_ms", "time_to_first_token_ms", "input_tokens", "output_tokens", "cost_usd")
CATEGORIES = (
    "release",
    "request_model",
    "response_model",
    "prompt_version",
    "status",
    "error_type",
    "finish_reason",
)
FIXED = (*TEXTS, *NUMBERS, *CATEGORIES)
MOST_VALUES, CALLS_A_VALUE = 30, 10
"""A field or tag with more values, or more than one for so many calls, is no category: it is an id or a text."""
LEAST_SHARE = 0.05
"""A field, tag or score that fewer calls carry is left out."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of two frames are, by kind; only columns that say something in both."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]


def read_calls(store: Store, service: str, period: Any, *, most: int) -> pd.DataFrame:
    """At most so many calls of a period, a row each; empty when there were none."""
    rows = store.frame(
        "report_calls", service=service, since=period.since, until=period.until, most=most
    )
    if rows.empty:
        return pd.DataFrame(columns=list(FIXED))
    keys = list(zip(rows.pop("trace_id"), rows.pop("span_id"), strict=True))
    frame = rows[list(FIXED)].copy()
    for name in NUMBERS:
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype("float64")
    more = [
        _named("tag", rows["tags"]),
        _named("field", (flatten(text) for text in rows["output"])),
        _named("score", _scores(store, keys)),
    ]
    return pd.concat([frame, *(one.reset_index(drop=True) for one in more)], axis=1)


def _named(kind: str, rows: Iterable[Any]) -> pd.DataFrame:
    """A column for each key that enough rows carry, named for its kind."""
    listed = [dict(row) for row in rows]
    carried = Counter(name for row in listed for name in row)
    names = [name for name, n in sorted(carried.items()) if n >= LEAST_SHARE * len(listed)]
    return pd.DataFrame({f"{kind} {name}": [row.get(name) for row in listed] for name in names})


def _scores(store: Store, keys: list[tuple[str, str]]) -> list[dict[str, float]]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for trace, span, name, value in store.rows("report_scores", traces=[key[0] for key in keys]):
        found.setdefault((trace, span), {})[name] = value
    return [found.get(key, {}) for key in keys]


def columns_of(current: pd.DataFrame, reference: pd.DataFrame) -> Columns:
    """Sort the columns that both frames have by what they hold; those without content are left out.

    >>> one = pd.DataFrame({"input": list("abcdefgh"), "duration_ms": [1.0] * 8, "status": ["ok"] * 8,
    ...                     "cost_usd": [None] * 8, "field id": list("ijklmnop"), "field sum": [1, 2.5] * 4})
    >>> columns_of(one, one)
    Columns(texts=('input',), numbers=('duration_ms', 'field sum'), categories=('status',))
    """
    texts, numbers, categories = [], [], []
    for name in (str(name) for name in current if name in reference):
        both = pd.concat([current[name], reference[name]]).dropna()
        if not (current[name].notna().any() and reference[name].notna().any()):
            continue
        if name in TEXTS:
            texts.append(name)
        elif pd.api.types.is_numeric_dtype(both.infer_objects()):
            numbers.append(name)
        elif _is_category(both.astype(str)):
            categories.append(name)
    return Columns(tuple(texts), tuple(numbers), tuple(categories))


def _is_category(values: pd.Series[str]) -> bool:
    few = min(MOST_VALUES, max(2, len(values) // CALLS_A_VALUE))
    return values.nunique() <= few and bool((values != "").any())
