"""A person's word on what is normal: a baseline that is pinned to a span, or a change that is accepted.

Both are rows of `checks` (detector `baseline`), the record of who said it and why; the `rates` job follows at its next
run. The latest word on a series counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from monitor.exceptions import ConfigurationError
from monitor.jobs.series import Series, latest

if TYPE_CHECKING:
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["DETECTOR", "Word", "accept", "key_of", "pin", "said_at"]

DETECTOR = "baseline"


@dataclass(frozen=True, slots=True)
class Word:
    """Who says it, when, and why."""

    actor: str
    at: datetime
    note: str = ""


def pin(
    store: Store, service: str, series: str, span: tuple[datetime, datetime], word: Word
) -> None:
    """Hold a series against a span of time, until the next word on it.

    Raises:
        ConfigurationError: there is no such series, or the span is empty or not over yet.
    """
    since, until = span
    if not since < until <= word.at:
        raise ConfigurationError("a baseline needs a span that is over; give its start and its end")
    _say(store, service, series, "pinned", (since, until), word)


def accept(store: Store, service: str, series: str, since: datetime, word: Word) -> None:
    """Take what a series does since a moment for its new normal; it is learnt from there on.

    Raises:
        ConfigurationError: there is no such series, or the moment is still to come.
    """
    if since > word.at:
        raise ConfigurationError("what is accepted has begun already; give a time in the past")
    _say(store, service, series, "accepted", (since, word.at), word)


def _say(
    store: Store,
    service: str,
    series: str,
    status: Literal["pinned", "accepted"],
    span: tuple[datetime, datetime],
    word: Word,
) -> None:
    before = latest(store, service).get(("rate", series))
    if before is None:
        raise ConfigurationError(
            f"service {service!r} has no series {series!r}; `outerloop jobs` and the dashboard list them"
        )
    row = Series(DETECTOR, series, service, "", before.baseline, before.baseline_n).row(
        start=span[0],
        end=word.at,
        release=before.release,
        count=0,
        n=0,
        status=status,
        evidence={
            "key": json.loads(before.state).get("key", [series, ""]),
            "actor": word.actor,
            "note": word.note,
            "since": span[0].isoformat(),
            "until": span[1].isoformat(),
        },
    )
    store.append("checks", [row])


def key_of(row: CheckRow) -> tuple[str, str]:
    """Metric and slice of the series that a row of this detector is about."""
    metric, slice_ = json.loads(row.evidence)["key"]
    return metric, slice_


def said_at(row: CheckRow) -> tuple[datetime, datetime]:
    """The span that a row of this detector names."""
    told = json.loads(row.evidence)
    return datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"])
