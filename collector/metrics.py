"""The ledger and its lags for Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from monitor.clock import utcnow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from collector.ledger import Ledger
    from collector.wal import Wal
    from collector.writer import Writer

__all__ = ["exposition"]

Sample = tuple[dict[str, str], float]
STORED_SIGNALS = ("traces", "logs")


def exposition(wal: Wal, ledger: Ledger, writer: Writer) -> str:
    """All figures in Prometheus' text format.

    `accepted = stored + refused + waiting` holds in every reading, because waiting is what is left.
    """
    totals = dict(ledger.totals)
    settled = {
        s: totals.get((s, "stored"), 0) + totals.get((s, "refused"), 0) for s in STORED_SIGNALS
    }
    accepted = {
        s: max(ledger.accepted_before.get(s, 0) + wal.kept[s], settled[s]) for s in STORED_SIGNALS
    }
    groups = [
        _metric(
            "accepted_total",
            "counter",
            "Spans and log records made durable here.",
            _by_signal(accepted),
        ),
        _metric(
            "stored_total", "counter", "Of these, those in the store.", _entry(totals, "stored")
        ),
        _metric(
            "refused_total",
            "counter",
            "Of these, those that the store refuses.",
            _entry(totals, "refused"),
        ),
        _metric(
            "waiting",
            "gauge",
            "Of these, those that wait for the store.",
            _by_signal({s: accepted[s] - settled[s] for s in STORED_SIGNALS}),
        ),
        _metric(
            "rejected_total",
            "counter",
            "Turned away since this process started.",
            [({"signal": s, "reason": r}, n) for (s, r), n in dict(ledger.rejected).items()],
        ),
        _metric(
            "dropped_total",
            "counter",
            "Lost by senders, by their own word.",
            _entry(totals, "dropped"),
        ),
        _metric("wal_bytes", "gauge", "Size of the write-ahead log.", [({}, wal.bytes)]),
        _metric("wal_limit_bytes", "gauge", "The most it may take.", [({}, wal.limit_bytes)]),
        _metric("wal_writable", "gauge", "1 when it takes requests.", [({}, wal.problem is None)]),
        _metric(
            "store_lag_seconds", "gauge", "Arrival to store, last segment.", [({}, writer.lag_s)]
        ),
        _metric("store_up", "gauge", "1 when the store answers.", [({}, writer.problem is None)]),
        *_troubles(wal, writer),
    ]
    return "".join(groups)


def _troubles(wal: Wal, writer: Writer) -> Iterator[str]:
    unwritable_s = time.monotonic() - wal.problem_since if wal.problem else 0.0
    start, end = writer.outage
    down_s = utcnow().timestamp() - start if start and not end else 0.0
    for name, text, value in (
        ("wal_unwritable_seconds", "For how long the log has taken nothing.", unwritable_s),
        ("waiting_oldest_seconds", "Age of the oldest that waits for the store.", wal.oldest_s()),
        ("store_down_seconds", "For how long the store has been away.", down_s),
        ("store_outage_start_time_seconds", "Start of its last absence.", start),
        ("store_outage_end_time_seconds", "End of its last absence; 0: it lasts.", end),
    ):
        yield _metric(name, "gauge", text, [({}, value)])


def _entry(totals: dict[tuple[str, str], int], entry: str) -> list[Sample]:
    return _by_signal({s: totals.get((s, entry), 0) for s in STORED_SIGNALS})


def _by_signal(numbers: dict[str, int]) -> list[Sample]:
    return [({"signal": signal}, number) for signal, number in numbers.items()]


def _metric(name: str, kind: str, text: str, samples: Iterable[Sample]) -> str:
    name = f"outerloop_collector_{name}"
    lines = [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    for labels, number in samples:
        marks = ",".join(f'{label}="{value}"' for label, value in labels.items())
        lines.append(
            f"{name}{{{marks}}} {_number(number)}" if marks else f"{name} {_number(number)}"
        )
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
