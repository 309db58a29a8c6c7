"""A long run at a steady rate: memory stays flat, parts stay few."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.faults.finding import Finding
from benchmarks.faults.sidecar import PARTS, Sidecar, until
from benchmarks.ingest.load import load
from benchmarks.ingest.sender import send

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["soak"]

RATE = 1_000
PER_REQUEST = 50
WARM_UP = 0.25
"""Share of the run that is left out of the slope: caches fill."""


def soak(folder: Path, *, minutes: float, seed: int) -> list[Finding]:
    """1,000 spans a second for so long."""
    sidecar = Sidecar(folder / "soak")
    sidecar.start(*PARTS)
    until(sidecar.drained, "ready", within_s=60)
    over = threading.Event()
    times: list[float] = []
    samples: list[dict[str, float]] = []
    parts: list[int] = []

    def watch() -> None:
        while not over.wait(5):
            times.append(time.monotonic())
            samples.append(sidecar.memory_mb())
            parts.append(
                int(
                    sidecar.query(
                        "SELECT count() FROM system.parts WHERE active AND database = 'outerloop'"
                    )
                )
            )

    watcher = threading.Thread(target=watch)
    watcher.start()
    sent = refused = 0
    with ThreadPoolExecutor(1) as ahead:  # the next minute's load is made while this one is sent
        made = [ahead.submit(load, 60 * RATE, per_request=PER_REQUEST, seed=seed)]
        try:
            for minute in range(round(minutes)):
                requests = made.pop().result()
                made.append(
                    ahead.submit(load, 60 * RATE, per_request=PER_REQUEST, seed=seed + minute + 1)
                )
                done = send(sidecar.port, "/v1/traces", {}, requests, spans_per_s=RATE)
                sent, refused = sent + done.spans, refused + sum(done.refused.values())
                print(f"  minute {minute + 1}: {samples[-1]}, {parts[-1]} parts", flush=True)
        finally:
            over.set()
            watcher.join()
    until(sidecar.drained, "all is stored", within_s=120)
    stored = int(sidecar.query("SELECT count() FROM otel_traces"))
    sidecar.stop_all()
    start = int(len(times) * WARM_UP)
    minutes_run = (np.array(times[start:]) - times[start]) / 60

    def slope(part: str) -> float:
        return float(np.polyfit(minutes_run, [s[part] for s in samples[start:]], 1)[0])

    return [
        Finding("spans sent", sent),
        Finding("requests refused", refused, 0),
        Finding("not stored", sent - stored, 0, exact=True),
        Finding("collector's memory, MB a minute", slope("collector"), 1.0),
        Finding("store's memory, MB a minute", slope("store"), 5.0),
        Finding("store's memory at the end, MB", samples[-1]["store"]),
        Finding("most active parts", max(parts), 300),
    ]
