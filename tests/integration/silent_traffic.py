"""Weeks of calls with a rhythm, written straight into the store, and a collector's figures on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from monitor.store import Store

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
WEEK, DAY, HOUR, MINUTE = (timedelta(**{unit: 1}) for unit in ("weeks", "days", "hours", "minutes"))


@dataclass(frozen=True, slots=True)
class Called:
    """The columns of `calls` that a habit needs."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str


@dataclass(frozen=True, slots=True)
class Booked:
    """A row of the ledger."""

    minute: datetime
    signal: str
    service: str
    entry: str
    reason: str
    count: int


def office(hour: int) -> float:
    """30 calls an hour in working hours, Monday to Friday."""
    return 30.0 if hour < 120 and 8 <= hour % 24 < 18 else 0.0


def always(hour: int) -> float:
    """20 calls an hour, day and night."""
    return 20.0


def seldom(hour: int) -> float:
    """2 calls an hour, day and night."""
    return 2.0


def weekly(hour: int) -> float:
    """300 calls on Tuesday between two and three."""
    return 300.0 if hour == 26 else 0.0


def send(
    store: Store,
    service: str,
    rate: Callable[[int], float],
    *,
    since: datetime = MONDAY,
    until: datetime,
    seed: int = 1,
) -> None:
    """Calls at a rate for each hour of the week, at random moments."""
    rng, rows, hour = np.random.default_rng(seed), [], since
    while hour < until:
        number = int(rng.poisson(rate(hour.weekday() * 24 + hour.hour)))
        for offset in sorted(rng.uniform(0, 3600, number)):
            at = hour + timedelta(seconds=float(offset))
            if at < until:
                rows.append(Called(at, f"t{service}{at.timestamp()}", f"s{len(rows)}", service))
        hour += HOUR
    store.append("calls", rows)


@contextmanager
def collector_says(
    *, problems: dict[str, str] | None = None, **figures: float
) -> Iterator[dict[str, float]]:
    """A listener that answers `/readyz` and `/metrics`; yields the figures, to be changed, and `port`."""
    told: dict[str, float] = dict(figures)
    wrong = problems or {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ready = self.path == "/readyz"
            lines = [f"outerloop_collector_{name} {value}" for name, value in told.items()]
            body = json.dumps({"ready": not wrong, **wrong}) if ready else "\n".join(lines)
            self.send_response(503 if ready and wrong else 200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    told["port"] = server.server_port
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
