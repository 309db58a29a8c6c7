"""Where a release comes from, and where a call has gone: release, retrain, dataset version, calls, and back.

Every answer is read from the store, whose rows are only added to; the dataset's record tells what an erasure took.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from monitor.curation.lineage import history, members
from monitor.exceptions import NotFoundError
from monitor.retrain.ancestry import (
    Answering,
    DatasetLineage,
    Making,
    Membership,
    ReleaseLineage,
    ToldLabel,
    TracedCall,
    TraceLineage,
)
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.retrain.state import Retrain, Step
    from monitor.store import Store

__all__ = [
    "Answering",
    "DatasetLineage",
    "Making",
    "Membership",
    "ReleaseLineage",
    "ToldLabel",
    "TraceLineage",
    "TracedCall",
    "dataset_lineage",
    "lineage_of",
    "release_lineage",
    "trace_lineage",
]

TRACE = re.compile(r"[0-9a-f]{32}")
DATASET = re.compile(r"(ds|im)-[0-9A-Za-z]+")


def lineage_of(store: Store, name: str) -> ReleaseLineage | DatasetLineage | TraceLineage:
    """The lineage of a release, a dataset version (`ds-…`) or a trace (32 hexadecimal digits).

    Raises:
        NotFoundError: the store knows nothing by that name.
    """
    if DATASET.fullmatch(name):
        return dataset_lineage(store, name)
    if TRACE.fullmatch(name):
        return trace_lineage(store, name)
    return release_lineage(store, name)


def release_lineage(store: Store, release: str) -> ReleaseLineage:
    """How a release was made, of which data, and what has become of it.

    Raises:
        NotFoundError: no retrain made it and no call names it.
    """
    known = retrains(store)
    made = [one for one in known if one.candidate_release == release]
    answering = store.read("release_seen", Answering, release=release)
    based = any(one.base_release == release for one in known)
    if not made and not answering and not based:
        raise NotFoundError(
            f"nothing is known of {release!r}; give a release, a dataset (`outerloop dataset list`) or a trace id"
        )
    versions = sorted({one.dataset_version for one in made if one.dataset_version})
    return ReleaseLineage(
        release=release,
        made=tuple(map(_making, made)),
        datasets=tuple(_dataset(store, version, known) for version in versions),
        ancestors=tuple(_ancestors(known, release)),
        descendants=tuple(sorted(_descended(known, {release}) - {release})),
        answering=tuple(answering),
    )


def dataset_lineage(store: Store, version: str) -> DatasetLineage:
    """What went into a dataset version and what came out of it.

    Raises:
        NotFoundError: there is no such version, nor a record of one.
    """
    found = _dataset(store, version, retrains(store))
    if not found.splits and not found.events and not found.retrains:
        raise NotFoundError(f"there is no dataset {version!r}; `outerloop dataset list` lists them")
    return found


def trace_lineage(store: Store, trace_id: str) -> TraceLineage:
    """Who answered a trace, who labelled it, and what was trained on it.

    Raises:
        NotFoundError: nothing of it is in the store.
    """
    calls = store.read("trace_calls", TracedCall, trace=trace_id)
    datasets = store.read("dataset_memberships", Membership, trace=trace_id)
    labels = store.read("trace_labels", ToldLabel, trace=trace_id)
    if not calls and not datasets and not labels:
        raise NotFoundError(
            f"there is no trace {trace_id} in the store; it may have aged out, or been erased"
        )
    known = retrains(store)
    versions = {one.version for one in datasets if one.trained}
    return TraceLineage(
        trace_id=trace_id,
        calls=tuple(calls),
        labels=tuple(labels),
        datasets=tuple(datasets),
        releases=tuple(_releases_of(known, versions)),
    )


def _dataset(store: Store, version: str, known: Iterable[Retrain]) -> DatasetLineage:
    """A version as it stands; an erasure may have taken all of its members."""
    every = list(known)
    try:
        held = members(store, version)
    except NotFoundError:
        held = []
    exported = [one for one in held if one.labelled and one.split in ("train", "validation")]
    events = history(store, version)
    return DatasetLineage(
        version=version,
        splits=dict(Counter(one.split for one in held)),
        trained=len(exported),
        reasons=dict(Counter(why for one in exported for why in (one.reasons or [one.reason]))),
        authors=dict(Counter(one.label_author for one in exported)),
        traces=tuple(sorted({one.trace_id for one in exported})),
        events=tuple(events),
        tainted=any(one.event == "tainted" for one in events),
        retrains=tuple(sorted(one.retrain_id for one in every if one.dataset_version == version)),
        releases=tuple(_releases_of(every, {version})),
    )


def _releases_of(known: Sequence[Retrain], versions: set[str]) -> list[str]:
    made = {one.candidate_release for one in known if one.dataset_version in versions}
    return sorted(_descended(known, made - {""}))


def _descended(known: Iterable[Retrain], releases: set[str]) -> set[str]:
    """These and every release that was fine-tuned from one of them, however far."""
    every = [one for one in known if one.candidate_release]
    found = set(releases)
    while more := {one.candidate_release for one in every if one.base_release in found} - found:
        found |= more
    return found


def _ancestors(known: Iterable[Retrain], release: str) -> list[str]:
    bases = {one.candidate_release: one.base_release for one in known if one.base_release}
    found: list[str] = []
    while (release := bases.get(release, "")) and release not in found:
        found.append(release)
    return found


def _making(one: Retrain) -> Making:
    def last(event: str) -> Step | None:
        return next((step for step in reversed(one.history) if step.event == event), None)

    approved, promoted, back = last("approved"), last("promoted"), last("rolled_back")
    return Making(
        retrain_id=one.retrain_id,
        incident_id=one.incident_id,
        service=one.service,
        state=one.state,
        base_release=one.base_release,
        dataset_version=one.dataset_version,
        candidate=dict(one.details.get("candidate") or {}),
        approved_by=approved.actor if approved else "",
        approved_at=approved.timestamp if approved else None,
        promoted_at=promoted.timestamp if promoted else None,
        rolled_back_at=back.timestamp if back else None,
    )
