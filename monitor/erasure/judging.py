"""The subject in what judging keeps beside the store: its journal, and the files of evaluations."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from judges.running.journal import Journal, JournalError
from monitor.curation.export import replace_text
from monitor.evaluation.bench import JOURNAL
from monitor.evaluation.keeping import FOLDER
from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from monitor.erasure.texts import Erased

__all__ = ["JournalHeldError", "clean_evaluations", "forget_judged"]


class JournalHeldError(OuterloopError):
    """The judging journal cannot be written, so no row has been erased; mend it and run this again."""


def forget_judged(data_dir: Path, keys: Sequence[str], *, dry_run: bool = False) -> int:
    """Erase the verdicts on these samples and all cached replies from the journal; says how many.

    A cached reply may quote anybody, so all of them go.

    Raises:
        JournalHeldError: the journal is there and cannot be written.
    """
    path = data_dir / JOURNAL
    if not keys or not path.exists():
        return 0
    try:
        with Journal(path) as journal:
            return _would_forget(journal, keys) if dry_run else journal.forget(keys)
    except JournalError as error:
        raise JournalHeldError(f"{error}. No row has been erased; run this again") from error


class _OnlyLookedError(Exception):
    """Takes a transaction back."""


def _would_forget(journal: Journal, keys: Sequence[str]) -> int:
    number = 0
    with suppress(_OnlyLookedError), journal.writing() as books:
        number = books.forget(keys)
        raise _OnlyLookedError
    return number


def clean_evaluations(data_dir: Path, erased: Erased, *, dry_run: bool = False) -> Iterator[str]:
    """Take the lines of erased samples out of the files of evaluations; yields the files.

    A line belongs to the subject when one of its fields is an erased id, not when a text mentions one.
    """
    for path in sorted((data_dir / FOLDER).glob("*.jsonl")):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not _named(json.loads(line), erased)]
        if len(kept) == len(lines):
            continue
        if not dry_run and kept:
            replace_text(path, "".join(kept))
        elif not dry_run:
            path.unlink()
        yield str(path.relative_to(data_dir))
    for path in sorted(
        (data_dir / FOLDER).glob("*.half")
    ):  # of a run that was killed while writing
        text = path.read_text("utf-8", "replace")
        if any(one in text for one in erased.ids) or any(
            one.partition("/")[2] in text for one in erased.spans
        ):
            if not dry_run:
                path.unlink()
            yield str(path.relative_to(data_dir))


def _named(row: dict[str, Any], erased: Erased) -> bool:
    told = {str(row.get(name, "")) for name in ("trace_id", "session_id", "sample_id", "user_id")}
    return bool(told & erased.ids) or f"{row.get('trace_id')}/{row.get('span_id')}" in erased.spans
