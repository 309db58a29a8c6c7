"""What was made of the subject's calls: dataset versions are tainted, their exports go, and retrains stop or say so."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from monitor.curation.lineage import HoldingVersion, taint
from monitor.exceptions import TransitionError
from monitor.retrain.state import append, retrains

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from monitor.retrain.state import Retrain
    from monitor.store import Store

__all__ = ["drop_exports", "drop_learnt", "holding", "mark_trained"]

PACKAGE = "monitor.erasure.statements"
ACTOR = "erasure"
UNDER_WAY = ("requested", "started")
"""States in which a job may still fetch the files or train on them."""
LEARNT = ("*.npz", "*.part")


def holding(store: Store, request: str) -> list[HoldingVersion]:
    """Dataset versions that hold calls of the subject; known as long as the rows are there."""
    return store.read("holding", HoldingVersion, package=PACKAGE, request=request)


def mark_trained(
    store: Store, versions: Sequence[HoldingVersion], request: str, *, now: datetime
) -> list[str]:
    """Taint the versions that train on such calls, and stop or mark retrains that did; returns these retrains.

    A retrain that is under way fails, with the reason on its page: its data is no longer what was asked for. One that
    has a candidate keeps its state, because people decide, and says what its candidate has learnt from.
    """
    note = f"calls in it were erased (request {request[:16]})"
    learnt = [one for one in versions if one.trained or one.imported]
    taint(store, learnt, now=now, actor=ACTOR, note=note)
    trained = {one.version for one in versions if one.trained}
    told = [
        one.retrain_id
        for one in retrains(store)
        if one.dataset_version in trained and _tell(store, one, request, now=now)
    ]
    return sorted(told)


def _tell(store: Store, one: Retrain, request: str, *, now: datetime) -> bool:
    """Whether the retrain was told now; each erasure is told once."""
    if any(step.details.get("erasure") == request for step in one.history):
        return False
    details = {"erasure": request}
    where = f"dataset {one.dataset_version}"
    if one.state in UNDER_WAY:
        note = f"calls in {where} were erased while it was under way; propose it again for a dataset without them"
        try:
            append(
                store, one, "failed", now=now, actor=ACTOR, via="cli", note=note, details=details
            )
        except TransitionError:  # it has finished in this moment, and has a candidate
            pass
        else:
            return True
    note = f"calls in {where} were erased after training; the candidate has learnt from them"
    append(store, one, "tainted", now=now, actor=ACTOR, via="cli", note=note, details=details)
    return True


def drop_exports(
    data_dir: Path, versions: Iterable[str], *, dry_run: bool = False
) -> Iterator[str]:
    """Delete the exported files of versions that the subject's calls were trained from; yields them."""
    for version in versions:
        folder = data_dir / "datasets" / version
        if not folder.is_dir():
            continue
        yield from (f"datasets/{version}/{path.name}" for path in sorted(folder.iterdir()))
        if not dry_run:
            shutil.rmtree(folder)


def drop_learnt(data_dir: Path, *, dry_run: bool = False) -> Iterator[str]:
    """Delete what the job `texts` has learnt, which may hold words of anybody's; yields the files.

    They are copies: the next run learns the same baselines anew, without what has been erased.
    """
    folder = data_dir / "texts"
    for pattern in LEARNT:
        for path in sorted(folder.glob(pattern)):
            yield f"texts/{path.name}"
            if not dry_run:
                path.unlink(missing_ok=True)
