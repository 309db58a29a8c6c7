"""A person's word on what is normal: a baseline pinned to a span or a dataset, a change that is accepted, or neither.

All are rows of `checks` (detector `baseline`), the record of who said it and why; the `rates` job follows at its next
run. The latest word on a series counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from monitor.clock import parse_time
from monitor.exceptions import ConfigurationError
from monitor.jobs.calls import services
from monitor.jobs.series import Series, latest
from monitor.watching.metrics import BY_CALL, SIGNALS, TOLD

if TYPE_CHECKING:
    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = [
    "DETECTOR",
    "Status",
    "Word",
    "accept",
    "changed_at",
    "dataset_of",
    "hold_to",
    "key_of",
    "moved_with",
    "pin",
    "said_at",
    "service_of",
    "unpin",
]

DETECTOR = "baseline"
Status = Literal["pinned", "accepted", "dataset", "unpinned"]
NO_SERIES = "service {!r} has no series {!r} with a baseline that can be set; `outerloop baselines` lists them"


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


def hold_to(store: Store, service: str, series: str, version: str, word: Word) -> None:
    """Hold a series of scores against what they say of a dataset's reserved split, its random share.

    Raises:
        ConfigurationError: there is no such series, it is none of scores that are yes or no, or
            nobody has told such scores of the dataset's calls.
    """
    metric = series.split(" [", maxsplit=1)[0]
    source, _, name = metric.partition("/")
    if source not in (*TOLD, *BY_CALL) or metric in SIGNALS or "<" in name:
        raise ConfigurationError(
            f"a dataset says nothing of {series!r}: only yes/no scores (check, judge, human, user, outcome) can be held"
            " to one; give --since and --until"
        )
    [(_, n)] = store.rows(
        "dataset_verdicts", version=version, service=service, source=source, name=name
    )
    if not n:
        raise ConfigurationError(
            f"no call in the reserved split of dataset {version!r} has a {source} score {name!r};"
            " `outerloop dataset list` shows what there is"
        )
    _say(store, service, series, "dataset", (word.at, word.at), word, dataset=version)


def unpin(store: Store, service: str, series: str, word: Word) -> None:
    """Take the last word on a series back: it is learnt by itself again.

    Raises:
        ConfigurationError: there is no such series, or nobody has said anything of it.
    """
    before = latest(store, service).get((DETECTOR, series))
    if before is None or before.status == "unpinned":
        raise ConfigurationError(
            f"nobody has set the baseline of {series!r} of service {service!r};"
            " `outerloop baselines` says how each was chosen"
        )
    _say(store, service, series, "unpinned", (word.at, word.at), word)


def moved_with(store: Store, service: str, series: str) -> list[str]:
    """A series and what alarms with it: the same metric, of all calls and of slices."""
    metric = series.split(" [", maxsplit=1)[0]
    others = [
        row.series
        for (detector, name), row in latest(store, service).items()
        if detector == "rate"
        and name != series
        and name.split(" [", maxsplit=1)[0] == metric
        and row.status in ("drift", "watch")
    ]
    return [series, *others]


def changed_at(store: Store, service: str, series: str) -> datetime:
    """When a series' present alarm began.

    Raises:
        ConfigurationError: it has none, so that nothing says what is to be accepted.
    """
    row = latest(store, service).get(("rate", series))
    began = json.loads(row.evidence).get("started_at") if row else ""
    if row is None or row.status not in ("drift", "watch") or not began:
        raise ConfigurationError(
            f"{series!r} of service {service!r} shows no change; say since when with --since"
        )
    return parse_time(began)


def service_of(store: Store, series: str) -> str:
    """The one service that has a rate series of that name.

    Raises:
        ConfigurationError: no service has it, or several do.
    """
    found = [one for one in services(store) if ("rate", series) in latest(store, one)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(f"{series!r} is a series of {', '.join(found)}; add --service")
    raise ConfigurationError(
        f"no service has a rate series {series!r}; `outerloop baselines` lists them"
    )


def _say(
    store: Store,
    service: str,
    series: str,
    status: Status,
    span: tuple[datetime, datetime],
    word: Word,
    *,
    dataset: str = "",
) -> None:
    before = latest(store, service).get(("rate", series))
    if before is None:
        raise ConfigurationError(NO_SERIES.format(service, series))
    row = Series(DETECTOR, series, service, "", before.baseline, before.baseline_n).row(
        start=span[0],
        end=word.at,
        release=before.release,
        count=0,
        n=0,
        status=status,
        evidence={
            "key": _key(before),
            "actor": word.actor,
            "note": word.note,
            "since": span[0].isoformat(),
            "until": span[1].isoformat(),
            "dataset": dataset,
        },
    )
    store.append("checks", [row])


def _key(before: CheckRow) -> list[str]:
    """Metric and slice of a rate series, also of one that is not watched yet."""
    key = json.loads(before.state or "{}").get("key")
    if key:
        return list(key)
    told = json.loads(before.evidence)
    [label] = [f"{name}={value}" for name, value in told.get("slice", {}).items()] or [""]
    return [told.get("metric", before.series), label]


def key_of(row: CheckRow) -> tuple[str, str]:
    """Metric and slice of the series that a row of this detector is about."""
    metric, slice_ = json.loads(row.evidence)["key"]
    return metric, slice_


def dataset_of(row: CheckRow) -> str:
    """The dataset version that a row of this detector names; '' for none."""
    return str(json.loads(row.evidence).get("dataset", ""))


def said_at(row: CheckRow) -> tuple[datetime, datetime]:
    """The span that a row of this detector names."""
    told = json.loads(row.evidence)
    return datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"])
