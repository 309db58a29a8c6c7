"""`kill -9` of collector, store or both at random moments, and a store that is away for long."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from benchmarks.faults.finding import Finding
from benchmarks.faults.senders import ExporterLoad, SdkLoad
from benchmarks.faults.sidecar import PARTS, Sidecar, until

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["away", "kills"]

CHOICES = (("collector",), ("store",), ("collector", "store"))


def kills(folder: Path, *, rounds: int, seed: int) -> list[Finding]:
    """Kill and restart `rounds` times under load; then count."""
    random_ = random.Random(seed)
    sidecar = Sidecar(folder / "kills")
    sidecar.start(*PARTS)
    exporter, sdk = ExporterLoad(sidecar.url), SdkLoad(sidecar.url)
    try:
        for number in range(rounds):
            time.sleep(random_.uniform(0.1, 1.5))
            parts = random_.choice(CHOICES)
            sidecar.kill(*parts)
            time.sleep(random_.uniform(0.0, 0.5))
            sidecar.start(*parts)
            if number % 10 == 9:
                print(
                    f"  round {number + 1}: {len(exporter.acknowledged):,} acknowledged", flush=True
                )
        return _count(sidecar, exporter, sdk)
    finally:
        sidecar.stop_all()


def away(folder: Path, *, seconds: float) -> list[Finding]:
    """Stop the store under load, wait, start it again; then count."""
    sidecar = Sidecar(folder / "away")
    sidecar.start(*PARTS)
    exporter, sdk = ExporterLoad(sidecar.url), SdkLoad(sidecar.url)
    try:
        time.sleep(3)
        before_mb = sidecar.memory_mb()["collector"]
        sidecar.stop("store")
        time.sleep(seconds)
        grown_mb = sidecar.memory_mb()["collector"] - before_mb
        refused = exporter.refused
        sidecar.start("store")
        caught_up_s = until(
            lambda: sidecar.metric("waiting") < 2_000, "the log is written", within_s=300
        )
        return [
            Finding("spans refused to the exporter while the store was away", refused, 0),
            Finding("collector's memory grown meanwhile, MB", grown_mb, 60),
            Finding("seconds to catch up", caught_up_s, 120),
            *_count(sidecar, exporter, sdk),
        ]
    finally:
        sidecar.stop_all()


def _count(sidecar: Sidecar, exporter: ExporterLoad, sdk: SdkLoad) -> list[Finding]:
    """What was acknowledged against what is there."""
    exporter.end()
    made, acknowledged, pending, dropped = sdk.end()
    until(sidecar.drained, "nothing waits", within_s=120)
    time.sleep(3)  # the ledger's last rows
    rows = sidecar.query("SELECT span_id FROM calls FINAL WHERE startsWith(service, 'exporter')")
    found = rows.split()
    steps = sidecar.query(
        "SELECT count(), uniqExact(span_id), uniqExact(input) FROM steps FINAL WHERE service = 'sdk'"
    )
    sdk_rows, sdk_spans, sdk_calls = map(int, steps.split())
    accepted, stored, refused = sidecar.balance()
    return [
        Finding("spans acknowledged to the exporter", len(exporter.acknowledged)),
        Finding("of these, not in the store", len(exporter.acknowledged - set(found)), 0),
        Finding("counted twice in calls", len(found) - len(set(found)), 0),
        Finding("in the store and never sent", len(set(found) - exporter.sent), 0),
        Finding("calls made under our SDK", made),
        Finding("acknowledged to our SDK", acknowledged),
        Finding("of these, not in the store", max(0, acknowledged - sdk_calls), 0),
        Finding("counted twice in steps", sdk_rows - sdk_spans, 0),
        Finding("pending or dropped by our SDK", pending + dropped),
        Finding("ledger: accepted", accepted),
        Finding("ledger: accepted - stored - refused", accepted - stored - refused, 0, exact=True),
    ]
