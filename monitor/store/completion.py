"""What is known of an LLM call only after its span was stored, brought into its row.

Content may come in log records of its own, before or after the span; two instrumentations may record one request
twice, one inside the other; an evaluation may name a response instead of a span. All of it is settled here from
committed rows, so it does not matter who wrote them, when and in which order, and doing it again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.store.nesting import Nested, wrappers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    from monitor.store.client import Store

    T = TypeVar("T")

__all__ = ["APART", "complete_calls"]

APART = timedelta(hours=1)
"""How far in time a span and what is told of it may lie from each other."""
EVALUATED_S = 86_400
"""How long after a call an evaluation may come that names its response alone."""
AT_ONCE = 1500
"""Calls written by one statement: the server takes parameters of up to 128 KiB."""


def complete_calls(
    store: Store, since: datetime, until: datetime, *, apart: timedelta = APART
) -> int:
    """Complete the calls that have, or are told of by something that has, a time in [since, until).

    Gaps are filled, nothing that a span said is changed. A call that only wraps another becomes a step of its trace.

    Args:
        store: where the calls are.
        since: the earliest time of what was stored lately.
        until: just after the latest.
        apart: how far beyond the window the other piece of a pair is looked for.

    Returns:
        How many rows were completed, turned into steps or given their call.
    """
    reach = _Reach(since, until, apart)
    [(told, nested, evaluated)] = store.rows(
        "complete_calls_due", since=since, until=until, margin_s=reach.margin_s
    )
    done = _from_logs(store, reach) if told else 0
    done += _unwrap(store, reach) if nested else 0
    return done + (_give_scores_their_calls(store, reach) if evaluated else 0)


@dataclass(frozen=True, slots=True)
class _Reach:
    """What is looked at: a window, and how far around it."""

    since: datetime
    until: datetime
    apart: timedelta

    @property
    def margin_s(self) -> int:
        return int(self.apart.total_seconds())


def _from_logs(store: Store, reach: _Reach) -> int:
    """Fill gaps with what log records say; returns how many calls."""
    waiting = store.rows(
        "complete_calls_waiting", since=reach.since, until=reach.until, margin_s=reach.margin_s
    )
    for part in _parts(waiting):
        store.write(
            "complete_calls_from_logs",
            traces=[trace for trace, _ in part],
            keys=[trace + span for trace, span in part],
            since=reach.since - reach.apart,
            until=reach.until + reach.apart,
        )
    return len(waiting)


def _unwrap(store: Store, reach: _Reach) -> int:
    """Turn wrappers into steps and give what only they knew to the call inside; returns how many pairs."""
    pairs = wrappers(
        store.read(
            "complete_calls_nested",
            Nested,
            since=reach.since,
            until=reach.until,
            margin_s=reach.margin_s,
        )
    )
    for part in _parts(pairs):
        store.write(
            "complete_calls_from_wrappers",
            traces=[pair.trace_id for pair in part],
            inner=[pair.inner for pair in part],
            outer=[pair.outer for pair in part],
            alone=[int(pair.alone) for pair in part],
            since=reach.since - reach.apart,
            until=reach.until + reach.apart,
        )
    return len(pairs)


def _give_scores_their_calls(store: Store, reach: _Reach) -> int:
    """Evaluations that name a response and no span; returns how many found their call."""
    found = store.rows(
        "complete_calls_evaluated", since=reach.since, until=reach.until, margin_s=EVALUATED_S
    )
    for part in _parts(found):
        scores, traces, spans = (list(column) for column in zip(*part, strict=True))
        store.write("complete_calls_scores", scores=scores, traces=traces, spans=spans)
    return len(found)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
