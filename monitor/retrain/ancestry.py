"""What lineage answers: of a release, a dataset version, a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.curation.lineage import DatasetEvent

__all__ = [
    "Answering",
    "DatasetLineage",
    "Making",
    "Membership",
    "ReleaseLineage",
    "ToldLabel",
    "TraceLineage",
    "TracedCall",
]


@dataclass(frozen=True, slots=True)
class Answering:
    """What has answered under a release's name in one service."""

    service: str
    calls: int
    first: datetime
    last: datetime
    prompts: Sequence[str]
    """Names and versions of its prompts."""
    models: Sequence[str]


@dataclass(frozen=True, slots=True)
class Making:
    """The retrain that made a release."""

    retrain_id: str
    incident_id: str
    service: str
    state: str
    base_release: str
    dataset_version: str
    candidate: Mapping[str, Any]
    """What the fine-tune job told of it: model, artifact, code and settings as far as it says, metrics."""
    approved_by: str
    approved_at: datetime | None
    promoted_at: datetime | None
    rolled_back_at: datetime | None


@dataclass(frozen=True, slots=True)
class DatasetLineage:
    """A dataset version: what went in, and what came out of it."""

    version: str
    splits: Mapping[str, int]
    """Members by split."""
    trained: int
    """Members that were exported: labelled ones of train and validation."""
    reasons: Mapping[str, int]
    """Exported members by reason; one may have several."""
    authors: Mapping[str, int]
    """Exported members by who gave the label."""
    traces: Sequence[str]
    """Of the exported members, in order of their ids."""
    events: Sequence[DatasetEvent]
    tainted: bool
    """Somebody's calls in it have been erased since."""
    retrains: Sequence[str]
    releases: Sequence[str]
    """Made of it, with those that were made of these in turn."""


@dataclass(frozen=True, slots=True)
class ReleaseLineage:
    """A release: how it was made, of what, and what was made of it."""

    release: str
    made: Sequence[Making]
    """The retrains that made it; empty where it was not made here, so that its training data is not known."""
    datasets: Sequence[DatasetLineage]
    ancestors: Sequence[str]
    """Its base, that one's base, and so on."""
    descendants: Sequence[str]
    answering: Sequence[Answering]

    @property
    def tainted(self) -> bool:
        """Whether calls that it was trained on have been erased since."""
        return any(one.tainted for one in self.datasets)


@dataclass(frozen=True, slots=True)
class TracedCall:
    """A call of a trace."""

    span_id: str
    timestamp: datetime
    service: str
    release: str
    model: str
    prompt_name: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class ToldLabel:
    """A right answer that was told of a call."""

    span_id: str
    source: str
    author: str
    name: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A call in a dataset version."""

    version: str
    span_id: str
    split: str
    reasons: Sequence[str]
    label_author: str
    trained: bool
    """It was exported: labelled, and not of the reserved share."""
    tainted: bool


@dataclass(frozen=True, slots=True)
class TraceLineage:
    """A trace: who answered it, who labelled it, and what was made of it."""

    trace_id: str
    calls: Sequence[TracedCall]
    labels: Sequence[ToldLabel]
    datasets: Sequence[Membership]
    releases: Sequence[str]
    """Trained on it, with those that were made of these in turn."""
