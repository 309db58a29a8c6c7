"""What an erasure did: proof for the one who asked, without the datum that was to be erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = ["OUT_OF_REACH", "Erasure", "ErasureRow", "earlier", "trained_releases"]

PACKAGE = "monitor.erasure.statements"
OUT_OF_REACH = (
    "spans that an application's SDK still holds, and one sent again later (in no dataset): stop it, or run again",
    "messages already sent to Slack or to a webhook, files that a fine-tune job has fetched, and trained models",
    "reports that were written elsewhere (`outerloop report --out`)",
    "backups, and parts that the engine has replaced and deletes within minutes",
)
"""What this command cannot reach, said with every receipt."""


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """A receipt as the table `erasures` keeps it."""

    erased_at: datetime
    request: str
    """Keyed hash of the subject."""
    kind: str
    rows: Mapping[str, int]
    """Rows that went (under --dry-run: would go), by table."""
    files: Sequence[str]
    """Files below the data directory that were written anew or removed."""
    datasets: Sequence[str]
    """Dataset versions that held calls of the subject."""
    releases: Sequence[str]
    """Model releases trained on these, or made from such a release."""
    log: str
    """What became of the collector's write-ahead log."""
    mentions: Mapping[str, int]
    """Rows that still hold the id in a text, by column: for a person to judge."""
    complete: bool
    """Nothing that belongs to the subject is left."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A receipt with what is told beside it."""

    receipt: ErasureRow
    dry_run: bool
    shared_traces: int
    """Traces that others share, of which only the subject's own spans are the subject's."""
    left: Mapping[str, int]
    """Rows of the subject that are still there, by table."""
    placeholders: Sequence[str] = ()
    """What masking had made of the id: rows under these are the subject's too."""
    earlier: Sequence[ErasureRow] = ()
    """Receipts of earlier erasures of the same subject."""
    retrains: Sequence[str] = ()
    """Retrains that had learnt from the subject's calls, or were about to: told now, on their own record."""
    out_of_reach: Sequence[str] = field(default=OUT_OF_REACH)


@dataclass(frozen=True, slots=True)
class _Step:
    base_release: str
    candidate_release: str
    trained: int


def earlier(store: Store, request: str) -> list[ErasureRow]:
    """Receipts of the same subject, the oldest first."""
    return store.read("receipts", ErasureRow, package=PACKAGE, request=request)


def trained_releases(store: Store, versions: Sequence[str]) -> list[str]:
    """Releases trained on one of the dataset versions, and all that were fine-tuned from these."""
    steps = store.read("trained_releases", _Step, package=PACKAGE, versions=list(versions))
    found = {step.candidate_release for step in steps if step.trained}
    while more := {step.candidate_release for step in steps if step.base_release in found} - found:
        found |= more
    return sorted(found)
