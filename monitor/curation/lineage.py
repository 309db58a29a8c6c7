"""Which calls a dataset version holds, which versions hold a call, and what became of a version.

For erasure: `versions_of` the traces before their rows go, then `taint` these versions. A tainted
version can still be looked at; nothing of it is taken into a later one, and it is said wherever it
is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.curation.traffic import CHUNK
from monitor.exceptions import NotFoundError

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = [
    "DatasetEvent",
    "DatasetEventRow",
    "HoldingVersion",
    "Member",
    "history",
    "members",
    "taint",
    "versions_of",
]


@dataclass(frozen=True, slots=True)
class DatasetEventRow:
    """An event in a version's life, as `dataset_events` keeps it."""

    timestamp: datetime
    dataset_version: str
    service: str
    event: str
    """`built`, `imported` or `tainted`."""
    actor: str
    note: str
    details: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class DatasetEvent:
    """An event of one version."""

    timestamp: datetime
    event: str
    actor: str
    note: str
    details: str


@dataclass(frozen=True, slots=True)
class HoldingVersion:
    """A version that holds some calls that were asked about."""

    version: str
    service: str
    trained: int
    """How many of them were exported."""
    reserved: int
    imported: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a version."""

    trace_id: str
    span_id: str
    split: str
    reason: str
    reasons: Sequence[str]
    label_author: str
    labelled: bool


def members(store: Store, version: str) -> list[Member]:
    """Every member of a version.

    Raises:
        NotFoundError: there is no such version.
    """
    found = store.read("dataset_traces", Member, version=version)
    if not found:
        raise NotFoundError(f"there is no dataset {version!r}; `outerloop dataset list` lists them")
    return found


def versions_of(store: Store, traces: Iterable[str]) -> list[HoldingVersion]:
    """Versions that hold calls of these traces."""
    asked = sorted(set(traces))
    merged: dict[str, HoldingVersion] = {}
    for start in range(0, len(asked), CHUNK):
        chunk = asked[start : start + CHUNK]
        for one in store.read("dataset_of_traces", HoldingVersion, traces=chunk):
            before = merged.get(one.version)
            merged[one.version] = (
                one
                if before is None
                else HoldingVersion(
                    one.version,
                    one.service,
                    before.trained + one.trained,
                    before.reserved + one.reserved,
                    before.imported + one.imported,
                )
            )
    return sorted(merged.values(), key=lambda one: one.version)


def history(store: Store, version: str) -> list[DatasetEvent]:
    """What became of a version, the oldest first."""
    return store.read("dataset_built", DatasetEvent, version=version)


def taint(
    store: Store, versions: Iterable[HoldingVersion], *, now: datetime, actor: str, note: str
) -> int:
    """Mark versions as tainted, each once; returns how many were marked now.

    Args:
        store: where they are.
        versions: of `versions_of`.
        now: when.
        actor: who or what erased.
        note: why, without naming whose calls.
    """
    rows = [
        DatasetEventRow(now, one.version, one.service, "tainted", actor, note, "{}")
        for one in versions
        if not any(event.event == "tainted" for event in history(store, one.version))
    ]
    return store.append("dataset_events", rows)
