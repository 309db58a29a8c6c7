"""A dataset version: who is in, in which split, and why. Immutable, and named by its content.

Members are the calls that went wrong (all of them, labelled or not), a random share of recent
calls, and a replay of older ones so that what worked keeps working. The reserved test share is a
random sample of the traffic; nothing that looks like one of its members is trained on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from monitor.records import DatasetRow
from monitor.retrain.reserve import position, reserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = [
    "CallText",
    "Choice",
    "Curation",
    "DatasetSummary",
    "DatasetVersion",
    "TrafficCall",
    "build_dataset",
    "call_texts",
    "choose",
    "message_text",
    "traffic",
]

VALIDATION_SHARE = 0.10
CHUNK = 500
"""Trace ids in one question: its parameters travel in the address."""
HARD = ("failed_outcome", "failed_check", "drifted", "relabelled")


@dataclass(frozen=True, slots=True)
class Curation:
    """At most how many calls of each kind; the hash of the trace id decides which."""

    hard: int = 4000
    random: int = 2000
    replay: int = 2000
    reserved: int = 2000


@dataclass(frozen=True, slots=True)
class TrafficCall:
    """A call that a dataset may take, without its text."""

    timestamp: datetime
    trace_id: str
    span_id: str
    input_hash: int
    """Of the normalised input; equal hashes are near-duplicates."""
    label: str
    label_author: str
    failed: str
    """`failed_outcome`, `failed_check` or ''."""


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


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen call, where it goes and why."""

    call: TrafficCall
    split: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What `choose` chose, and what it left out on purpose."""

    members: Sequence[Choice]
    near_duplicates: int
    """Calls kept out because a reserved call has the same input."""
    hard_over_limit: int
    """Hard examples beyond `Curation.hard`."""


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A version's counts, as the store knows them."""

    version: str
    service: str
    created_at: datetime
    train: int
    """Labelled members of the split, those that are exported."""
    validation: int
    reserved: int
    unlabelled: int
    """Members of train and validation that wait for a label; they are not exported."""


@dataclass(frozen=True, slots=True)
class DatasetVersion(DatasetSummary):
    """A version as it was built."""

    since: datetime
    until: datetime
    hard_unlabelled: int
    near_duplicates: int
    hard_over_limit: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Labelled members of train and validation by reason."""


def build_dataset(
    store: Store,
    *,
    service: str,
    incident: Incident | None,
    since: datetime,
    until: datetime,
    now: datetime,
    key: bytes,
    curation: Curation | None = None,
) -> DatasetVersion:
    """Build (or find again) the version that a service's calls of `since` <= t < `until` make.

    Args:
        store: where calls, labels and datasets are.
        service: whose calls.
        incident: what is to be cured; its start divides recent calls from older ones.
        since: start of the time that may be replayed.
        until: end of the time looked at.
        now: when it is built.
        key: the installation's reserve key.
        curation: size limits.
    """
    calls = traffic(store, service, since, until)
    chosen = choose(calls, incident=incident, key=key, limits=curation or Curation())
    texts = call_texts(store, service, [member.call for member in chosen.members])
    rows = [
        _row(member, texts[member.call.trace_id, member.call.span_id], service, now)
        for member in chosen.members
        if (member.call.trace_id, member.call.span_id) in texts
    ]
    version = _identify(rows)
    if store.value("dataset_size", version=version) != len(rows):
        store.append("datasets", [_named(row, version) for row in rows])
    exported = [row for row in rows if row.split != "reserved" and row.label]
    waiting = [row for row in rows if row.split != "reserved" and not row.label]
    return DatasetVersion(
        version=version,
        service=service,
        created_at=now,
        train=sum(row.split == "train" for row in exported),
        validation=sum(row.split == "validation" for row in exported),
        reserved=sum(row.split == "reserved" for row in rows),
        unlabelled=len(waiting),
        since=since,
        until=until,
        hard_unlabelled=sum(row.reason in HARD for row in waiting),
        near_duplicates=chosen.near_duplicates,
        hard_over_limit=chosen.hard_over_limit,
        reasons=dict(Counter(row.reason for row in exported)),
    )


def traffic(store: Store, service: str, since: datetime, until: datetime) -> list[TrafficCall]:
    """A service's successful calls of a time range with the best label known now."""
    return store.read("dataset_calls", TrafficCall, service=service, since=since, until=until)


def choose(
    calls: Sequence[TrafficCall], *, incident: Incident | None, key: bytes, limits: Curation
) -> Chosen:
    """Decide about every call. Pure: the same calls and key give the same choice.

    Random and replayed members are drawn from the labelled calls, because an unlabelled one would
    teach nothing; a hard one is in with or without its label, so that somebody is asked for it.
    """
    turn = incident.started_at if incident else None
    flagged = {one.trace_id for one in incident.details.examples} if incident else set()
    kept = [call for call in calls if reserved(call.trace_id, key)]
    tested = {call.input_hash for call in kept}
    others = [call for call in calls if not reserved(call.trace_id, key)]
    free = [call for call in others if call.input_hash not in tested]
    groups: dict[str, list[tuple[TrafficCall, str]]] = {"hard": [], "random": [], "replay": []}
    for call in free:
        recent = turn is None or call.timestamp >= turn
        reason = _hard(call, flagged) if recent else ""
        if reason:
            groups["hard"].append((call, reason))
        elif call.label:
            group = "random" if recent else "replay"
            groups[group].append((call, group))
    taken = [
        Choice(call, _split(call, key), reason)
        for group, limit in (
            ("hard", limits.hard),
            ("random", limits.random),
            ("replay", limits.replay),
        )
        for call, reason in sorted(groups[group], key=lambda pair: _order(pair[0], key))[:limit]
    ]
    test = sorted(kept, key=lambda call: _order(call, key))[: limits.reserved]
    return Chosen(
        members=[*taken, *(Choice(call, "reserved", "random") for call in test)],
        near_duplicates=len(others) - len(free),
        hard_over_limit=max(0, len(groups["hard"]) - limits.hard),
    )


def _hard(call: TrafficCall, flagged: set[str]) -> str:
    if call.failed:
        return call.failed
    if call.trace_id in flagged:
        return "drifted"
    return "relabelled" if call.label_author.startswith("human") else ""


def _order(call: TrafficCall, key: bytes) -> tuple[float, str]:
    return position(call.trace_id, key, "order"), call.span_id


def _split(call: TrafficCall, key: bytes) -> str:
    """By the input, so that two calls with the same input never sit on both sides."""
    return (
        "validation" if position(str(call.input_hash), key, "split") < VALIDATION_SHARE else "train"
    )


def call_texts(
    store: Store, service: str, calls: Iterable[TrafficCall]
) -> dict[tuple[str, str], CallText]:
    """The texts of some calls, by trace and span."""
    ordered = sorted(calls, key=lambda call: call.timestamp)
    texts = {}
    for at in range(0, len(ordered), CHUNK):
        chunk = ordered[at : at + CHUNK]
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


def message_text(text: CallText) -> str:
    """The call's input messages as JSON text, also where the dialect records plain text only."""
    if text.input_messages not in ("", "[]"):
        return text.input_messages
    return orjson.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": text.input}]}]
    ).decode()


def _row(member: Choice, text: CallText, service: str, now: datetime) -> DatasetRow:
    return DatasetRow(
        created_at=now,
        dataset_version="",
        service=service,
        split=member.split,
        trace_id=text.trace_id,
        span_id=text.span_id,
        call_timestamp=text.timestamp,
        input_messages=message_text(text),
        output=text.output,
        label=member.call.label,
        label_author=member.call.label_author,
        reason=member.reason,
    )


def _identify(rows: Iterable[DatasetRow]) -> str:
    """`ds-` and the hash of everything that makes the members what they are, not of the time."""
    lines = sorted(
        orjson.dumps(
            [
                row.service,
                row.split,
                row.trace_id,
                row.span_id,
                row.input_messages,
                row.output,
                row.label,
                row.label_author,
                row.reason,
            ]
        )
        for row in rows
    )
    digest = sha256(b"\n".join(lines)).hexdigest()
    return f"ds-{digest[:16]}"


def _named(row: DatasetRow, version: str) -> DatasetRow:
    return DatasetRow(
        row.created_at,
        version,
        row.service,
        row.split,
        row.trace_id,
        row.span_id,
        row.call_timestamp,
        row.input_messages,
        row.output,
        row.label,
        row.label_author,
        row.reason,
    )
