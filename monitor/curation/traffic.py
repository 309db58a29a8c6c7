"""Calls that a dataset or the review queue may take: what is known of each, and the texts of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = [
    "CHUNK",
    "CallText",
    "TrafficCall",
    "call_texts",
    "chunks",
    "flag_drifted",
    "message_text",
    "traffic",
]

CHUNK = 500
"""Trace ids in one question: its parameters travel in the address."""
COLUMNS = {"release": "release", "model": "model"}
"""How an incident's slice names what a call says; tags are `tag NAME`."""


@dataclass(frozen=True, slots=True)
class TrafficCall:
    """A call that a dataset may take, without its text."""

    timestamp: datetime
    trace_id: str
    span_id: str
    input_hash: int = 0
    """Of the normalised input: letters' case and white space do not count."""
    label: str = ""
    """The right answer, '' while nobody knows it."""
    label_author: str = ""
    """`human:ann`, `outcome:crm` or `model:gpt-5`."""
    signals: Sequence[str] = ()
    """Why it may be hard: failed_check, failed_outcome, failed_review, low_judge, thumbs_down."""
    reviewers: Sequence[str] = ()
    """People who have answered about it in the review queue."""
    session_id: str = ""
    release: str = ""
    model: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    kept: float = 1.0
    """With which probability the review queue looks at such a call at all; of many it looks at some."""
    asked_with: float = 1.0
    """With which the queue first asked somebody about it, where it has."""
    shown: bool = False
    """An open incident shows it."""

    def attribute(self, name: str) -> str:
        """What the call says of an attribute that a slice names."""
        if name.startswith("tag "):
            return self.tags.get(name.removeprefix("tag "), "")
        return str(getattr(self, COLUMNS[name])) if name in COLUMNS else ""


@dataclass(frozen=True, slots=True)
class CallText:
    """The text of a chosen call."""

    trace_id: str
    span_id: str
    timestamp: datetime
    release: str
    input: str
    input_messages: str
    output: str
    output_messages: str = ""


def traffic(store: Store, service: str, since: datetime, until: datetime) -> list[TrafficCall]:
    """A service's successful calls of a time range with the best label known now."""
    return store.read("dataset_calls", TrafficCall, service=service, since=since, until=until)


def call_texts(
    store: Store, service: str, calls: Iterable[TrafficCall]
) -> dict[tuple[str, str], CallText]:
    """The texts of some calls, by trace and span."""
    texts = {}
    for chunk in chunks(calls):
        for text in store.read(
            "dataset_texts",
            CallText,
            service=service,
            since=chunk[0].timestamp,
            until=chunk[-1].timestamp,
            traces=[call.trace_id for call in chunk],
        ):
            texts[text.trace_id, text.span_id] = text
    return texts


def chunks(calls: Iterable[TrafficCall]) -> Iterator[list[TrafficCall]]:
    """Calls in order of time, as many at once as one question takes."""
    ordered = sorted(calls, key=lambda call: call.timestamp)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def message_text(text: CallText) -> str:
    """The call's input messages as JSON text, also where the dialect records plain text only."""
    if text.input_messages not in ("", "[]"):
        return text.input_messages
    return orjson.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": text.input}]}]
    ).decode()


def flag_drifted(calls: Iterable[TrafficCall], open_: Sequence[Incident]) -> Iterator[bool]:
    """For each call, whether an incident shows it, or it lies in the slice that one is about.

    An incident without a slice is about all calls of the service, which tells nothing about any one
    of them.
    """
    shown = {one.trace_id for incident in open_ for one in incident.details.examples}
    slices = [
        (incident.started_at, incident.details.root) for incident in open_ if incident.details.root
    ]
    for call in calls:
        yield call.trace_id in shown or any(
            call.timestamp >= since and all(call.attribute(name) == value for name, value in root)
            for since, root in slices
        )
