"""What every tier of tests may ask for: a clean environment, free ports, and a real store with a fresh database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Databases
from sdk_sink import lenient, sdk, sink  # noqa: F401 - fixtures of the SDK's tests

from monitor.store import Store


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own OUTERLOOP_ variables and outerloop.toml never reach a test."""
    for name in [name for name in os.environ if name.startswith(("OUTERLOOP_", "OTEL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTERLOOP_SPOOL", "off")
    monkeypatch.chdir(tmp_path)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], *, timeout_s: float = 60) -> None:
    """Wait until `url` answers 200; fails when the process ends first or the time is up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"{process.args} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer within {timeout_s} s")


def start(module: str, *arguments: str, ready: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start one of our processes (`python -m module`) and wait until `ready` answers."""
    environment.setdefault("OUTERLOOP_OTLP_GRPC_PORT", str(free_port()))
    environment.setdefault("PYTHONPATH", str(Path(__file__).parent))  # the simulations lie here
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], env={**os.environ, **environment}
    )
    wait_for(ready, process)
    return process


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to end and wait for it; kills it after 30 s."""
    process.terminate()
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of one embedded store process, shared by the whole test session (of this worker)."""
    port = free_port()
    process = start(
        "collector.embedded_store",
        ready=f"http://127.0.0.1:{port}/ping",
        OUTERLOOP_DATA_DIR=str(tmp_path_factory.mktemp("store")),
        OUTERLOOP_STORE_PORT=str(port),
    )
    yield f"http://127.0.0.1:{port}"
    assert stop(process) == 0


@pytest.fixture(scope="session")
def databases(store_server: str) -> Databases:
    """Migrated databases without rows, for a test or a module."""
    return Databases(store_server)


@pytest.fixture
def store_url(databases: Databases) -> Iterator[str]:
    """URL of a migrated database without rows, for this test alone."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A client of the fresh database."""
    client = Store(store_url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def module_store(databases: Databases) -> Iterator[Store]:
    """A client of a database that all tests of a module share."""
    with databases.lent() as url:
        client = Store(url)
        yield client
        client.close()


@pytest.fixture
def collector_url(store_url: str, tmp_path: Path) -> Iterator[str]:
    """A collector that writes into this test's database."""
    port = free_port()
    process = start(
        "collector",
        ready=f"http://127.0.0.1:{port}/healthz",
        OUTERLOOP_STORE_URL=store_url,
        OUTERLOOP_OTLP_HTTP_PORT=str(port),
        OUTERLOOP_DATA_DIR=str(tmp_path),
    )
    yield f"http://127.0.0.1:{port}"
    stop(process)
