"""Collector processes for tests: started on free ports, asked over HTTP, killed at the end whatever happens."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from conftest import free_port

__all__ = ["CollectorProcess", "collectors", "eventually"]


def eventually(condition: Callable[[], object], *, within_s: float = 60) -> None:
    """Poll until it is true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


class CollectorProcess:
    """A collector process and an HTTP client for it."""

    def __init__(self, data_dir: Path, store_url: str, **environment: str) -> None:
        self.port, self.grpc_port = free_port(), free_port()
        self.environment = {
            **os.environ, "OUTERLOOP_DATA_DIR": str(data_dir), "OUTERLOOP_STORE_URL": store_url,
            "OUTERLOOP_OTLP_HTTP_PORT": str(self.port), "OUTERLOOP_OTLP_GRPC_PORT": str(self.grpc_port), **environment,
        }  # fmt: skip
        trusted = environment.get("OUTERLOOP_TLS_CERTIFICATE")
        self.http = httpx.Client(
            base_url=f"{'https' if trusted else 'http'}://localhost:{self.port}", timeout=30,
            verify=ssl.create_default_context(cafile=trusted),
        )  # fmt: skip
        self.process = self.launch()

    def launch(self) -> subprocess.Popen[bytes]:
        """Start (again) and wait until it answers."""
        self.process = subprocess.Popen([sys.executable, "-m", "collector"], env=self.environment)
        eventually(lambda: self.answers("/healthz"))
        return self.process

    def answers(self, path: str) -> bool:
        """Whether `path` answers 200."""
        assert self.process.poll() is None, "the collector ended"
        try:
            return self.http.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def close(self) -> None:
        """End it whatever it does."""
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


Kind = TypeVar("Kind", bound=CollectorProcess)


@contextmanager
def collectors(kind: type[Kind], data_dir: Path, store_url: str) -> Iterator[Callable[..., Kind]]:
    """Starts collectors of a kind on one data directory and database; ends what still runs."""
    started: list[Kind] = []

    def start(**environment: str) -> Kind:
        started.append(kind(data_dir, store_url, **environment))
        return started[-1]

    yield start
    for one in started:
        one.close()
