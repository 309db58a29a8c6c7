"""Reports as files: made for two windows, kept under the data directory, found again by the dashboard."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from monitor.clock import parse_time, rfc3339
from monitor.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Period", "ReportFile", "default_reference", "report_at", "reports", "write_report"]

FOLDER = "reports"
"""In the data directory."""
MOST_CALLS = 5000
"""Calls of a window that a report looks at, drawn at random: more make the file slow to open, not clearer."""
LEAST_CALLS = 2
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open span of time: `since` <= t < `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One report, and what it compares."""

    path: Path
    service: str
    current: Period
    reference: Period
    calls: int
    reference_calls: int
    made_at: datetime


def default_reference(current: Period) -> Period:
    """The same hours, so many whole weeks earlier that the two do not overlap.

    >>> default_reference(Period(parse_time("2024-01-10"), parse_time("2024-01-11"))).since.isoformat()
    '2024-01-03T00:00:00+00:00'
    """
    back = -(-(current.until - current.since) // WEEK) * WEEK
    return Period(current.since - back, current.until - back)


def report_at(settings: Settings, service: str, current: Period, reference: Period) -> Path:
    """Where the report of these windows is kept, whether or not it has been made."""
    times = (current.since, current.until, reference.since, reference.until)
    name = "_".join(f"{time:%Y%m%dT%H%M%S}" for time in times)
    # a name that is all dots would lead out of the folder
    return settings.data_dir / FOLDER / f"service-{quote(service, safe='')}" / f"{name}.html"


def write_report(
    store: Store,
    settings: Settings,
    service: str,
    current: Period,
    reference: Period | None = None,
    *,
    now: datetime,
    out: Path | None = None,
) -> ReportFile:
    """Make the report of a service's window against another one, and keep it.

    Args:
        store: where the calls are.
        settings: say where reports are kept.
        service: whose calls.
        current: the window that is looked at.
        reference: the one it is compared with; `default_reference` when None.
        now: when it is made.
        out: write it here instead of under the data directory; such a file is not listed.

    Raises:
        ConfigurationError: Evidently is not installed.
        NotFoundError: one of the windows has hardly any calls.
    """
    from monitor.report.frames import columns_of, read_calls  # noqa: PLC0415 - pandas, for this alone
    from monitor.report.library import write_html  # noqa: PLC0415 - the same

    reference = reference or default_reference(current)
    new, old = (read_calls(store, service, one, most=MOST_CALLS) for one in (current, reference))
    for frame, period in ((new, current), (old, reference)):
        if len(frame) < LEAST_CALLS:
            raise NotFoundError(
                f"{service} has {len(frame)} calls from {rfc3339(period.since)} to {rfc3339(period.until)};"
                " choose a window with more, see `outerloop report --help`"
            )
    path = out or report_at(settings, service, current, reference)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    write_html(new, old, columns_of(new, old), draft)
    made = ReportFile(path, service, current, reference, len(new), len(old), now)
    if out is None:
        path.with_suffix(".json").write_text(json.dumps(asdict(made), default=_plain), "utf-8")
    draft.replace(path)
    return made


def reports(settings: Settings) -> list[ReportFile]:
    """The reports that are kept, the latest first."""
    return sorted(_kept(settings), key=lambda one: one.made_at, reverse=True)


def _kept(settings: Settings) -> Iterable[ReportFile]:
    for told in (settings.data_dir / FOLDER).glob("*/*.json"):
        page = told.with_suffix(".html")
        if not page.exists():
            continue
        said = json.loads(told.read_text("utf-8"))
        current, reference = (
            Period(parse_time(said[name]["since"]), parse_time(said[name]["until"]))
            for name in ("current", "reference")
        )
        yield ReportFile(
            path=page,
            service=said["service"],
            current=current,
            reference=reference,
            calls=said["calls"],
            reference_calls=said["reference_calls"],
            made_at=parse_time(said["made_at"]),
        )


def _plain(value: object) -> str:
    return rfc3339(value) if isinstance(value, datetime) else str(value)
