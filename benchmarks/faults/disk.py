"""A disk that fills up: a small tmpfs holds everything, load goes on until it is full, then it grows."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.faults.finding import Finding
from benchmarks.faults.sidecar import PARTS, Sidecar, until
from benchmarks.ingest.load import load
from benchmarks.ingest.sender import Sent, send

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["full_disk"]

SMALL, LARGE = "size=96m", "size=2g"
SPANS = 60_000


def full_disk(folder: Path, *, seed: int) -> list[Finding]:
    """Fill it with the store away, so that the log alone takes the room; then make room and count."""
    mount = folder / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(mount)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        print("  skipped: a tmpfs cannot be mounted here (it takes root)")
        return []
    sidecar = Sidecar(mount / "data")
    try:
        sidecar.start(*PARTS)
        until(sidecar.drained, "ready", within_s=60)
        sidecar.stop("store")
        sent = _overfill(sidecar, seed)
        refusing = sidecar.metric("wal_writable") == 0
        subprocess.run(["mount", "-o", f"remount,{LARGE}", str(mount)], check=True)
        sidecar.start("store")
        until(sidecar.drained, "the log is written", within_s=120)
        later = send(sidecar.port, "/v1/traces", {}, load(512, per_request=512, seed=seed + 1))
        until(sidecar.drained, "the log is written", within_s=60)
        time.sleep(3)
        stored = int(sidecar.query("SELECT count() FROM calls FINAL")) + int(
            sidecar.query("SELECT count() FROM steps FINAL")
        )
        accepted, in_store, refused = sidecar.balance()
        return [
            Finding("spans acknowledged before the disk was full", sent.spans),
            Finding("requests answered 503 after that", sent.refused.get(503, 0)),
            Finding("other answers", sum(n for s, n in sent.refused.items() if s != 503), 0),
            Finding("says that it cannot write (1 = yes)", 1 - refusing, 0),
            Finding(
                "acknowledged and not stored", sent.spans + later.spans - stored, 0, exact=True
            ),
            Finding(
                "ledger: accepted - stored - refused", accepted - in_store - refused, 0, exact=True
            ),
        ]
    finally:
        sidecar.stop_all()
        subprocess.run(["umount", "-l", str(mount)], check=False)


def _overfill(sidecar: Sidecar, seed: int) -> Sent:
    requests = load(SPANS, per_request=512, seed=seed)
    return send(sidecar.port, "/v1/traces", {}, requests, retries=0)
