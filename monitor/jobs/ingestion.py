"""Ingestion trouble: what keeps rows from being stored, or says that they were lost, as incidents.

Reads `ledger` and `otel_traces`, and over HTTP what the collector says of itself (`/readyz`, `/metrics`); writes
`incidents`. Runs every ten minutes. While the store itself is away nothing can be written: the incident is written
when it is back, with the times that the collector noted. Without any row in `ledger` stock OpenTelemetry Collectors
are in use, and the collector is not asked.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.figures import Figures, ask_collector
from monitor.jobs.accounts import lost_rows, refusals
from monitor.jobs.trouble import Trouble, settle, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.incidents import Incident
    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

DETECTOR = "ingestion"
COLLECTOR = "collector"
"""Stands where a service is named, for troubles of all of them."""
MIB = 1 << 20
LOG_LIMIT_BYTES = 2048 * MIB
"""The write-ahead log's limit where a collector does not tell it."""
FILLING, NEARLY_FULL = 0.25, 0.8
"""Shares of the log's limit: a ticket, a page."""
DISK_LOW_BYTES, DISK_OUT_BYTES = 1024 * MIB, 256 * MIB
LAG = timedelta(minutes=5)
"""Rows that have waited so long are late."""
OUTAGE = timedelta(minutes=2)
"""A shorter absence of the store, a restart, is not told."""
USED = timedelta(days=14)
"""A collector of ours that wrote its account within this time should answer."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Find every trouble there is now and settle the incidents about ingestion."""
    now = window.until
    found = [*refusals(store, window), *_disk(settings, now)]
    [(last, entries)] = store.rows("ledger_last")
    ours = bool(entries) and last > now - USED
    figures = ask_collector(settings, tries=3) if ours else None
    if isinstance(figures, Figures):
        found += [*_log(figures, now), *_store(figures, window)]
        waiting = figures.value("waiting")
    elif figures is not None:
        found.append(_unanswered(figures, last, now))
        waiting = -1.0
    else:
        waiting = 0.0
    found += lost_rows(store, now, waiting=waiting)
    counts = settle(store, found, detector=DETECTOR, now=now, over=_over)
    return {"found": len(found), **counts}


def _over(incident: Incident) -> str | None:
    del incident
    return "It is over: the last look found nothing of it."


def _disk(settings: Settings, now: datetime) -> Iterator[Trouble]:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free >= DISK_LOW_BYTES:
        return
    out = free < DISK_OUT_BYTES
    yield Trouble(
        kind="disk",
        service=COLLECTOR,
        title=f"The disk under the data directory is {'' if out else 'nearly '}full: {free // MIB} MiB free",
        summary=(
            f"{free // MIB} MiB are free at {folder}. When it is full the collector answers 503 to every"
            " sender, and what senders cannot keep themselves is lost there."
        ),
        advice=(
            "Make room on that disk, give it another (OUTERLOOP_DATA_DIR), or keep rows for fewer days"
            " (OUTERLOOP_RETENTION_DAYS). Nothing that was accepted is lost meanwhile."
        ),
        severity="page" if out else "ticket",
        cause="ingestion",
        started_at=_millisecond(now),
    )


def _log(figures: Figures, now: datetime) -> Iterator[Trouble]:
    """The write-ahead log: full, or filling."""
    held = figures.value("wal_bytes")
    limit = figures.value("wal_limit_bytes", LOG_LIMIT_BYTES)
    size = f"{held / MIB:,.0f} of {limit / MIB:,.0f} MiB"
    why = figures.problems.get("store", "")
    because = f" The store does not take them: {why}." if why else ""
    if not figures.value("wal_writable", 1.0):
        yield Trouble(
            kind="refusing",
            service=COLLECTOR,
            title="The collector refuses everything with 503: its write-ahead log takes nothing",
            summary=(
                f"{figures.problems.get('wal', 'The log cannot be written')}."
                f" It holds {size}, {figures.value('waiting'):,.0f} rows.{because}"
            ),
            advice=(
                "Bring the store back if it is away; make room if the disk is full. The log then empties"
                " by itself. Senders try again for some minutes at most, so what they send now may be lost."
            ),
            severity="page",
            cause="ingestion",
            started_at=_ago(figures, "wal_unwritable_seconds", now),
            size=int(figures.value("waiting")),
        )
    elif held >= FILLING * limit:
        yield Trouble(
            kind="filling",
            service=COLLECTOR,
            title=f"The collector's write-ahead log is filling: {size}",
            summary=f"{figures.value('waiting'):,.0f} rows wait for the store.{because}",
            advice="See why the store is slow or away; at the limit the collector answers 503.",
            severity="page" if held >= NEARLY_FULL * limit else "ticket",
            cause="ingestion",
            started_at=_ago(figures, "waiting_oldest_seconds", now),
            size=int(figures.value("waiting")),
        )


def _store(figures: Figures, window: Window) -> Iterator[Trouble]:
    """The store: away as the collector sees it, away until just now, or slow to take rows."""
    now, late = window.until, figures.value("waiting_oldest_seconds")
    waiting = figures.value("waiting")
    down_s = figures.value("store_down_seconds", OUTAGE.total_seconds())
    if not figures.value("store_up", 1.0) and down_s >= OUTAGE.total_seconds():
        why = figures.problems.get("store", "it does not say why")
        yield _away(
            _ago(figures, "store_down_seconds", now),
            f"It is still away for it: {why}.",
            waiting,
            now,
        )
    elif late > LAG.total_seconds():
        since = when(now - timedelta(seconds=late), now)
        yield Trouble(
            kind="lag",
            service=COLLECTOR,
            title=f"Rows are accepted and not stored: the oldest has waited since {since}",
            summary=f"{waiting:,.0f} rows wait in the write-ahead log, the oldest since {since}.",
            advice="See the collector's log: the store answers, and does not take rows fast enough or at all.",
            severity="page",
            cause="ingestion",
            started_at=_ago(figures, "waiting_oldest_seconds", now),
            size=int(waiting),
        )
    else:
        began = _time(figures.value("store_outage_start_time_seconds"))
        ended = _time(figures.value("store_outage_end_time_seconds"))
        if began and ended and ended - began >= OUTAGE and window.since <= ended <= now > began:
            told = f"It came back at {when(ended, now)}; {waiting:,.0f} rows still wait."
            yield _away(began, told, waiting, now)


def _away(began: datetime, told: str, waiting: float, now: datetime) -> Trouble:
    return Trouble(
        kind="store",
        service=COLLECTOR,
        title=f"The store was away for the collector from {when(began, now)} on",
        summary=f"The collector could store nothing from {when(began, now)} on. {told}",
        advice=(
            "What was accepted is in the write-ahead log and goes into the store by itself; nothing has"
            " to be done for it. Find out why the store was away: its process, its disk, its memory."
        ),
        severity="page",
        cause="ingestion",
        started_at=began,
        size=int(waiting),
    )


def _unanswered(error: Exception, last: datetime, now: datetime) -> Trouble:
    since = last.replace(tzinfo=UTC) if last.tzinfo is None else last
    return Trouble(
        kind="unanswered",
        service=COLLECTOR,
        title="The collector does not answer",
        summary=f"Nothing listens where it should be ({error}). It last wrote its account at {when(since, now)}.",
        advice=(
            "Start it with `outerloop up` or `outerloop collector`. If it runs on another machine, set"
            " OUTERLOOP_ENDPOINT for the scheduler to its address."
        ),
        severity="page",
        cause="ingestion",
        started_at=_millisecond(since),
    )


def _ago(figures: Figures, name: str, now: datetime) -> datetime:
    return _millisecond(now - timedelta(seconds=figures.value(name)))


def _time(seconds: float) -> datetime | None:
    return _millisecond(datetime.fromtimestamp(seconds, UTC)) if seconds else None


def _millisecond(moment: datetime) -> datetime:
    """As exactly as the store keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
