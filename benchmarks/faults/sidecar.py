"""A store and a collector that may be killed, and what they say of themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.ingest.servers import fetch, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PARTS", "Sidecar", "until"]

PARTS = {"store": "collector.embedded_store", "collector": "collector"}


class Sidecar:
    """Both processes on one data directory."""

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.grpc_port, self._store_port = free_port(), free_port(), free_port()
        self._environment = {
            **os.environ, "OUTERLOOP_DATA_DIR": str(folder), "OUTERLOOP_OTLP_HTTP_PORT": str(self.port),
            "OUTERLOOP_OTLP_GRPC_PORT": str(self.grpc_port), "OUTERLOOP_STORE_PORT": str(self._store_port),
            **environment,
        }  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *parts: str) -> None:
        """Start processes and wait until they answer."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        for part in parts:
            command = [sys.executable, "-m", PARTS[part]]
            self._processes[part] = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log
            )
        for part in parts:
            url = f"{self.url}/healthz" if part == "collector" else f"{self._store_url()}/ping"
            until(lambda url=url: _answers(url), f"{part} answers", within_s=60)

    def kill(self, *parts: str) -> None:
        """`kill -9`, all at once."""
        for part in parts:
            self._processes[part].send_signal(signal.SIGKILL)
        for part in parts:
            self._processes.pop(part).wait()

    def stop(self, *parts: str) -> None:
        """Ask to end."""
        for part in parts:
            process = self._processes.pop(part)
            process.terminate()
            process.wait(60)

    def stop_all(self) -> None:
        """End whatever runs."""
        self.stop(*reversed(list(self._processes)))

    def query(self, sql: str) -> str:
        """Ask the store."""
        return fetch(f"{self._store_url()}/?database=outerloop", sql.encode()).decode().strip()

    def metric(self, name: str) -> float:
        """A figure of the collector's `/metrics`, all labels together."""
        lines = fetch(f"{self.url}/metrics").decode().splitlines()
        found = [
            line
            for line in lines
            if line.startswith((f"outerloop_collector_{name}{{", f"outerloop_collector_{name} "))
        ]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def drained(self) -> bool:
        """Whether nothing waits for the store."""
        return _answers(f"{self.url}/readyz") and self.metric("waiting") == 0

    def memory_mb(self) -> dict[str, float]:
        """Resident memory by process."""
        return {
            part: psutil.Process(process.pid).memory_info().rss / 1e6
            for part, process in self._processes.items()
        }

    def balance(self) -> tuple[int, int, int]:
        """The ledger's accepted, stored and refused items."""
        entries = [
            int(self.query(f"SELECT sum(count) FROM ledger WHERE entry = '{entry}'"))
            for entry in ("accepted", "stored", "refused")
        ]
        return entries[0], entries[1], entries[2]

    def _store_url(self) -> str:
        return f"http://127.0.0.1:{self._store_port}"


def until(condition: Callable[[], bool], what: str, *, within_s: float) -> float:
    """Poll until it holds; returns the seconds that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise TimeoutError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def _answers(url: str) -> bool:
    try:
        fetch(url, timeout_s=5)
    except (urllib.error.URLError, OSError):
        return False
    return True
