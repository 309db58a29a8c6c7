"""The subject in the reports that are kept as files: one whose windows hold a call of theirs goes whole.

A report has been drawn from a sample of its windows' calls and does not say which, so none is spared. One that reaches
back beyond the retention goes as well: nobody can say any more whose calls it was made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from monitor.report.artifact import FOLDER, reports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from monitor.report import ReportFile
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Called", "called", "drop_reports"]

PACKAGE = "monitor.erasure.statements"


@dataclass(frozen=True, slots=True)
class Called:
    """Calls of the subject within an hour of a service."""

    service: str
    first: datetime
    last: datetime


def called(store: Store, request: str) -> list[Called]:
    """When the subject's calls were; known as long as the rows are there."""
    return store.read("called", Called, package=PACKAGE, request=request)


def drop_reports(
    settings: Settings, times: Sequence[Called], *, now: datetime, dry_run: bool = False
) -> Iterator[str]:
    """Remove the reports that may show the subject, and what killed runs have left of such; yields the files."""
    known = timedelta(days=settings.retention_days)
    for one in reports(settings):
        oldest = min(one.current.since, one.reference.since)
        if (known and oldest < now - known) or any(_holds(one, hour) for hour in times):
            for path in (one.path, one.path.with_suffix(".json")):
                yield _remove(settings.data_dir, path, dry_run=dry_run)
    if times:  # a draft does not say what it is of
        for draft in sorted((settings.data_dir / FOLDER).glob("*/.*.new")):
            yield _remove(settings.data_dir, draft, dry_run=dry_run)


def _holds(one: ReportFile, hour: Called) -> bool:
    return one.service == hour.service and any(
        period.since <= hour.last and hour.first < period.until
        for period in (one.current, one.reference)
    )


def _remove(data_dir: Path, path: Path, *, dry_run: bool) -> str:
    if not dry_run:
        path.unlink(missing_ok=True)
    return str(path.relative_to(data_dir))
