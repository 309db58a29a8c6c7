"""Samples from the store: a dataset version, or a service's calls of a stretch of time.

The right answers are the best that is known: what a person said, else an outcome. The reserved
split is there for exactly this; nothing of it is exported or trained on by being evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from judges.interaction import Interaction
from monitor.clock import parse_time
from monitor.evaluation.samples import Dataset, DatasetError, dataset_of

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = ["SPLITS", "names_store", "read_calls", "read_stored", "read_version"]

SPLITS = ("reserved", "validation", "train")
MOST_CALLS = 1000
"""Of a stretch of time, when nobody says how many; drawn by a hash of the trace."""
CALLS = re.compile(r"(?P<service>[^@]+)@(?P<since>.*)\.\.(?P<until>.*)")
VERSION = re.compile(r"ds-[0-9a-z]+")


@dataclass(frozen=True, slots=True)
class StoredSample:
    """One sample as the questions tell it."""

    trace_id: str
    span_id: str
    timestamp: datetime
    input: str
    input_messages: str
    output: str
    output_messages: str
    expected: str
    model: str
    service: str
    release: str
    prompt_name: str
    prompt_version: str
    session_id: str
    tags: dict[str, str]


def names_store(text: str) -> bool:
    """Whether a dataset's name is one of the store's: `ds-…` or `service@since..until`.

    >>> [names_store(one) for one in ("ds-0123456789ab", "loans@2024-01-01..", "cases.jsonl")]
    [True, True, False]
    """
    return bool(VERSION.fullmatch(text) or CALLS.fullmatch(text))


def read_stored(
    store: Store, text: str, *, now: datetime, split: str = "reserved", limit: int | None = None
) -> Dataset:
    """The samples that such a name stands for.

    Args:
        store: where they are.
        text: `ds-…`, or `service@since..until` with either end left out: 24 hours before, and now.
        now: the present.
        split: of a dataset version.
        limit: at most so many, drawn by hash.

    Raises:
        DatasetError: there are none, or a time cannot be read.
    """
    calls = CALLS.fullmatch(text)
    if calls is None:
        return read_version(store, text, now=now, split=split).cut(limit)
    try:
        until = parse_time(calls["until"]) if calls["until"] else now
        since = parse_time(calls["since"]) if calls["since"] else until - timedelta(hours=24)
    except ValueError as error:
        raise DatasetError(
            f"{text!r}: {error}; write for example {calls['service']}@2024-01-01..2024-01-02"
        ) from error
    return read_calls(
        store, calls["service"], since=since, until=until, limit=limit or MOST_CALLS, name=text
    )


def read_version(store: Store, version: str, *, now: datetime, split: str = "reserved") -> Dataset:
    """One split of a dataset version, labels as the expected answers."""
    found = store.read("evaluation_dataset", StoredSample, version=version, split=split)
    if not found:
        raise DatasetError(
            f"there is no dataset version {version!r} with members in the split {split!r};"
            " `outerloop dataset list` lists versions, --split names another split"
        )
    return dataset_of(map(_interaction, found), now=now, name=f"{version} ({split})")


def read_calls(
    store: Store, service: str, *, since: datetime, until: datetime, limit: int, name: str = ""
) -> Dataset:
    """A uniform sample of a service's successful calls, since <= t < until."""
    found = store.read(
        "evaluation_calls", StoredSample, service=service, since=since, until=until, limit=limit
    )
    if not found:
        raise DatasetError(
            f"service {service!r} has no successful call from {since:%Y-%m-%d %H:%M} to"
            f" {until:%Y-%m-%d %H:%M} UTC; the dashboard's Calls page shows what there is"
        )
    return dataset_of(map(_interaction, found), now=until, name=name or service)


def _interaction(one: StoredSample) -> Interaction:
    return Interaction(
        trace_id=one.trace_id,
        span_id=one.span_id,
        timestamp=one.timestamp,
        input=one.input,
        output=one.output,
        input_messages=one.input_messages,
        output_messages=one.output_messages,
        expected=one.expected,
        model=one.model,
        service=one.service,
        release=one.release,
        prompt_name=one.prompt_name,
        prompt_version=one.prompt_version,
        session_id=one.session_id,
        tags=one.tags,
    )
