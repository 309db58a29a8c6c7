"""What the ledger says went wrong: refused, rejected and dropped, and minutes that do not balance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.jobs.trouble import Trouble, when

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.jobs.job import Window
    from monitor.store import Store

__all__ = ["LOOK_BACK", "SETTLED", "Entry", "Imbalance", "imbalances", "lost_rows", "refusals"]

FRESH = timedelta(hours=2)
"""A trouble that the ledger has told of within this time goes on."""
LOOK_BACK = timedelta(hours=24)
"""How far back a first look, or one after a pause of the jobs, goes."""
SETTLED = timedelta(minutes=10)
"""Minutes older than this should balance, once the collector's log is empty."""
HABIT = timedelta(days=14)
MANY_REJECTED, TIMES_USUAL = 20, 5
"""Rejected is trouble from so many on, and so many times what the same span usually has."""
FEW_ROWS = 20
"""Spans stored by the account, from which on their rows are looked for."""
UNREADABLE = {
    "malformed": "See what sends them: something that is no OTLP, or an exporter of another version.",
    "too large": "Let that exporter send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE).",
    "unsupported": "Let that exporter send http/protobuf or http/json (OTEL_EXPORTER_OTLP_PROTOCOL).",
    "unauthorized": "Give its sender the token: Authorization: Bearer, the value of OUTERLOOP_TOKEN.",
    "invalid ids": "Its trace or span ids are empty or have a wrong length; see the library that makes them.",
    "not durable": "The write-ahead log takes nothing; see the collector's /readyz.",
}
"""What to do about each reason of a rejection."""
UNNAMED = "unknown sender"
"""Stands for a service that gave no name, or a request that could not be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger over a window."""

    entry: str
    signal: str
    service: str
    reason: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A minute of a service whose account does not balance."""

    signal: str
    service: str
    minute: datetime
    difference: int
    """Accepted minus stored minus refused."""


@dataclass(frozen=True, slots=True)
class Vanished:
    """A service with fewer rows than its account says were stored."""

    service: str
    stored: int
    present: int
    first: datetime


def refusals(store: Store, window: Window) -> Iterator[Trouble]:
    """Rows that the store refused, requests that were turned away, and what senders lost."""
    now = window.until
    since = max(min(window.since, now - FRESH), now - LOOK_BACK)
    by_series: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for one in store.read("ledger_entries", Entry, since=since, until=now + FRESH):
        reason = one.reason if one.entry == "rejected" else ""
        by_series[one.entry, one.service or UNNAMED, reason].append(one)
    usual = _usual(store, since) if any(kind == "rejected" for kind, _, _ in by_series) else {}
    for (entry, service, reason), lines in by_series.items():
        count = sum(one.count for one in lines)
        first = min(one.first for one in lines).replace(tzinfo=UTC)
        if entry == "refused":
            yield _refused(service, count, first, now)
        elif entry == "dropped":
            yield _dropped(service, count, first, now)
        elif count >= max(
            MANY_REJECTED, TIMES_USUAL * usual.get((service, reason), 0.0) * ((now - since) / FRESH)
        ):
            yield _rejected(service, reason, count, first, now)


def _usual(store: Store, before: datetime) -> dict[tuple[str, str], float]:
    """Rejections in an average span of `FRESH`, by service and reason."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for one in store.read("ledger_entries", Entry, since=before - HABIT, until=before):
        if one.entry == "rejected":
            found[one.service or UNNAMED, one.reason] += one.count / (HABIT / FRESH)
    return found


def _named(service: str) -> str:
    return "A sender that could not be read" if service == UNNAMED else f"Service {service}"


def _refused(service: str, count: int, first: datetime, now: datetime) -> Trouble:
    return Trouble(
        kind="refused",
        service=service,
        title=f"The store refuses rows of {service}: {count:,} since {when(first, now)}",
        summary=f"{count:,} accepted rows were refused for what is in them, the first at {when(first, now)}.",
        advice=(
            "They are kept with the store's reason in wal/refused/ of the data directory. If the reason is"
            " no fault of the sender, report it as a bug; the rows can be sent again afterwards."
        ),
        severity="ticket",
        cause="ingestion",
        started_at=first,
        size=count,
    )


def _dropped(service: str, count: int, first: datetime, now: datetime) -> Trouble:
    return Trouble(
        kind="dropped",
        service=service,
        title=f"{_named(service)} lost {count:,} spans or scores by its own word since {when(first, now)}",
        summary=(
            f"Its SDK says that it dropped {count:,} since {when(first, now)}: its queue was full, or the"
            " collector was away for longer than it can wait. They are not in any figure here."
        ),
        advice=(
            "See whether the collector was reachable then, and whether that process sends more than its"
            " queue holds; a process that ends should call monitor.flush()."
        ),
        severity="ticket",
        cause="ingestion",
        started_at=first,
        size=count,
    )


def _rejected(service: str, reason: str, count: int, first: datetime, now: datetime) -> Trouble:
    return Trouble(
        kind=f"rejected {reason}",
        service=service,
        title=f"{count:,} requests or items were turned away as {reason} since {when(first, now)}",
        summary=f"{_named(service)}: {count:,} turned away as {reason} since {when(first, now)}, far more than usual.",
        advice=UNREADABLE.get(reason, "See the collector's log for what was wrong with them."),
        severity="ticket",
        cause="ingestion",
        started_at=first,
        size=count,
    )


def imbalances(store: Store, now: datetime, *, since: datetime | None = None) -> list[Imbalance]:
    """Minutes of the last day that should balance by now and do not."""
    rows = store.read(
        "ledger_imbalance", Imbalance, since=since or now - LOOK_BACK, until=now - SETTLED
    )
    return [
        Imbalance(one.signal, one.service, one.minute.replace(tzinfo=UTC), one.difference)
        for one in rows
    ]


def lost_rows(store: Store, now: datetime, *, waiting: float) -> Iterator[Trouble]:
    """Accounts that do not balance with an empty log, and rows that vanish behind the account.

    Args:
        store: the store.
        now: up to when.
        waiting: rows in the collector's log; negative when it cannot be asked.
    """
    if waiting == 0:
        by_service: dict[str, list[Imbalance]] = defaultdict(list)
        for one in imbalances(store, now):
            by_service[one.service or UNNAMED].append(one)
        for service, minutes in by_service.items():
            yield _unbalanced(service, minutes, now)
    for lost in store.read("rows_missing", Vanished, since=now - FRESH, until=now - SETTLED):
        if lost.stored >= FEW_ROWS:
            yield _vanished(lost, now)


def _unbalanced(service: str, minutes: Sequence[Imbalance], now: datetime) -> Trouble:
    missing = sum(max(0, one.difference) for one in minutes)
    twice = sum(max(0, -one.difference) for one in minutes)
    first = minutes[0].minute
    what = f"{missing:,} rows are missing" if missing else f"{twice:,} rows are counted twice"
    return Trouble(
        kind="imbalance",
        service=service,
        title=f"{what} for {service}, the first at {when(first, now)}",
        summary=(
            f"In {len(minutes):,} minutes of arrival accepted is not stored plus refused, and nothing waits"
            f" in the collector's log: {missing:,} too few, {twice:,} too many."
        ),
        advice=(
            "Compare the collector's /metrics with `outerloop doctor`, and keep its data directory: the"
            " log and the state file beside it show what happened. Please report this as a bug."
        ),
        severity="page",
        cause="ingestion",
        started_at=first,
        size=missing + twice,
    )


def _vanished(lost: Vanished, now: datetime) -> Trouble:
    first = lost.first.replace(tzinfo=UTC)
    return Trouble(
        kind="vanished",
        service=lost.service or UNNAMED,
        title=f"Spans of {lost.service or UNNAMED} are stored and are not there",
        summary=(
            f"By the account {lost.stored:,} spans were stored since {when(first, now)}; the table"
            f" otel_traces has {lost.present:,} of this service altogether."
        ),
        advice=(
            "If somebody erased them, or their timestamps are older than OUTERLOOP_RETENTION_DAYS, that is"
            " why; resolve this then. Otherwise see the store's log for the parts that it lost."
        ),
        severity="page",
        cause="ingestion",
        started_at=first,
        size=lost.stored - lost.present,
    )
