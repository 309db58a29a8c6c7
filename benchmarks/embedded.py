"""An embedded store of one's own in a temporary folder, for benchmarks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.store import Store, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Embedded", "embedded"]

PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running store."""

    url: str
    folder: Path
    pid: int

    def database(self, name: str) -> Store:
        """A client of a migrated database of that name."""
        migrate(f"{self.url}/{name}", retention_days=0)
        return Store(f"{self.url}/{name}")


@contextmanager
def embedded(**variables: str) -> Iterator[Embedded]:
    """A store that is gone, with its data, at the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "OUTERLOOP_DATA_DIR": folder,
            "OUTERLOOP_STORE_PORT": str(port),
            **variables,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "collector.embedded_store"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/ping")
            yield Embedded(url, Path(folder), process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
