"""One round with one server: start, idle, load, lag, size; and the engine's own limit."""

from __future__ import annotations

import statistics
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import psutil

from benchmarks.ingest.load import load
from benchmarks.ingest.sender import Sent, send
from benchmarks.ingest.servers import Outerloop, Server, fetch

if TYPE_CHECKING:
    from benchmarks.ingest.load import Request

__all__ = ["Figures", "limit", "measure"]

Figures = dict[str, float]
IDLE_S = 15.0
LAG_S = 12.0
POLL_S = 0.01
LIMIT_BLOCK = 10_240
"""Rows of a prebuilt block."""


class Watch(threading.Thread):
    """Peak memory of a tree of processes, sampled."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._server, self._over = server, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.25):
            self.peak_bytes = max(self.peak_bytes, memory(self._server))

    def end(self) -> int:
        """Stop; returns the peak."""
        self._over.set()
        self.join()
        return self.peak_bytes


def measure(server: Server, requests: list[Request], *, lag_seed: int | None) -> Figures:
    """All figures of one round; lag at half of the measured peak, for ours, when a seed is given."""
    server.install()
    figures: Figures = {"cold start s": server.start()}
    try:
        time.sleep(3.0)
        before = cpu_s(server)
        time.sleep(IDLE_S)
        figures["idle CPU %"] = (cpu_s(server) - before) / IDLE_S * 100
        figures["idle memory MB"] = memory(server) / 1e6
        watch, before = Watch(server), cpu_s(server)
        sent = send(server.port, server.path, server.headers, requests)
        peak = sent.spans / (_all_visible(server, sent.spans, within_s=900) - sent.began)
        time.sleep(2.0)  # merges of the load itself
        figures |= {
            "visible spans/s": peak,
            "accepted spans/s": sent.accepted_per_s,
            "CPU s per 1,000 spans": (cpu_s(server) - before) / sent.spans * 1000,
            "peak memory MB": watch.end() / 1e6,
            "accept p50 ms": _percentile([s for _, s, _ in sent.answers], 50) * 1e3,
            "accept p99 ms": _percentile([s for _, s, _ in sent.answers], 99) * 1e3,
            "refused requests": sum(sent.refused.values()),
            "bytes on disk per span": server.bytes_on_disk() / sent.spans,
        }
        if lag_seed is not None:
            lags = _lags(server, peak / 2, requests[0].spans, lag_seed)
            figures |= {"lag p50 s": _percentile(lags, 50), "lag p99 s": _percentile(lags, 99)}
    finally:
        server.stop()
    return figures


def limit(server: Outerloop, requests: list[Request]) -> float:
    """Spans a second when the same rows come as prebuilt Native blocks into the same table, views on."""
    server.start()
    try:
        sent = send(server.port, server.path, server.headers, requests)
        _all_visible(server, sent.spans, within_s=300)
        columns = server.query(
            "SELECT arrayStringConcat(groupArray(concat('`', name, '`')), ', ') FROM system.columns"
            " WHERE database = 'outerloop' AND table = 'otel_traces' AND default_kind = '' FORMAT TSVRaw"
        ).decode().strip()  # fmt: skip
        blocks = [
            server.query(
                f"SELECT {columns} FROM otel_traces ORDER BY Timestamp, SpanId"
                f" LIMIT {LIMIT_BLOCK} OFFSET {offset} FORMAT Native"
            )
            for offset in range(0, sent.spans, LIMIT_BLOCK)
        ]  # fmt: skip
        for table in ("otel_traces", "calls", "steps"):
            server.query(f"TRUNCATE TABLE {table}")
        asked = urlencode({
            "database": "outerloop", "query": "INSERT INTO otel_traces FORMAT Native",
            "max_partitions_per_insert_block": 0,
        })  # fmt: skip
        began = time.perf_counter()
        for block in blocks:
            fetch(f"{server.store}/?{asked}", block)
        return sent.spans / (time.perf_counter() - began)
    finally:
        server.stop()


def memory(server: Server) -> int:
    """Proportional set size of the whole tree: shared pages count once."""
    total = 0
    for process in server.tree():
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def cpu_s(server: Server) -> float:
    """CPU seconds of the whole tree so far."""
    total = 0.0
    for process in server.tree():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _all_visible(server: Server, spans: int, *, within_s: float) -> float:
    """The moment when a query finds them all."""
    deadline = time.perf_counter() + within_s
    while (found := server.count()) < spans:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{server.name} shows {found} of {spans} spans after {within_s} s")
        time.sleep(0.02)
    return time.perf_counter()


def _lags(server: Server, spans_per_s: float, per_request: int, seed: int) -> list[float]:
    """Seconds from each answer to the moment when so many spans are visible, at a steady rate."""
    number = int(spans_per_s * LAG_S) // per_request * per_request
    requests = load(number, per_request=per_request, seed=seed)
    base, seen, over = server.count(), [], threading.Event()

    def poll() -> None:
        while not over.wait(POLL_S):
            found = server.count() - base
            seen.append((found, time.perf_counter()))

    poller = threading.Thread(target=poll)
    poller.start()
    sent = send(server.port, server.path, server.headers, requests, spans_per_s=spans_per_s)
    _all_visible(server, base + sent.spans, within_s=60)
    time.sleep(5 * POLL_S)
    over.set()
    poller.join()
    return _waits(sent, [n for n, _ in seen], [t for _, t in seen])


def _waits(sent: Sent, counts: list[int], moments: list[float]) -> list[float]:
    waits, total = [], 0
    for answered, _, spans in sent.answers:
        total += spans
        at = bisect_left(counts, total)
        waits.append(max(0.0, moments[min(at, len(moments) - 1)] - answered))
    return waits


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
