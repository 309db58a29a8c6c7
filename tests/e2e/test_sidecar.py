"""The whole sidecar as one command: it starts, restarts what dies, loses nothing, and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.exceptions import OuterloopError
from monitor.jobs.schedule import SCHEDULE
from monitor.store import Store
from tests.conftest import free_port

pytestmark = pytest.mark.e2e
CAPTURE = Path(__file__).parents[1] / "data" / "otlp" / "otel-genai-openai" / "chat.pb"
PATIENCE_S = 60


@dataclass
class Sidecar:
    """A running `outerloop up`."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    said: Path

    def until(self, words: str, *, timeout_s: float = PATIENCE_S) -> str:
        """Wait until it has said something; returns all it said."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            text = self.said.read_text()
            if words in text:
                return text
            assert self.process.poll() is None, text
            time.sleep(0.1)
        raise AssertionError(f"{words!r} was not said: {self.said.read_text()}")

    def post(self, body: bytes) -> int:
        """Send OTLP traces; returns the status."""
        address = f"http://127.0.0.1:{self.ports['otlp_http_port']}/v1/traces"
        kind = {"Content-Type": "application/x-protobuf"}
        request = urllib.request.Request(address, body, kind)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)

    def store(self) -> Store:
        """A client of its store."""
        return Store(f"http://127.0.0.1:{self.ports['store_port']}/outerloop")

    def calls(self, wanted: int, *, timeout_s: float = PATIENCE_S) -> int:
        """Wait until the store holds so many calls; returns how many it holds."""
        deadline, found = time.monotonic() + timeout_s, -1
        while time.monotonic() < deadline and found < wanted:
            try:
                store = self.store()
                found = int(store.value("calls_counted"))
                store.close()
            except (OuterloopError, ClickHouseError):  # the store is on its way back
                time.sleep(0.2)
        return found

    def part(self, module: str) -> psutil.Process:
        """One of its processes."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(one for one in children if module in one.cmdline())


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    """`outerloop up` without dashboards on free ports; ended afterwards."""
    ports = {
        name: free_port()
        for name in ("otlp_http_port", "otlp_grpc_port", "store_port", "dashboard_port")
    }
    environment = {f"OUTERLOOP_{name.upper()}": str(port) for name, port in ports.items()}
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor.cli", "up", "--no-dashboard", "--data-dir", str(tmp_path / "data")],
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"}, stdout=output, stderr=output, text=True,
        )  # fmt: skip
    running = Sidecar(process, ports, said)
    running.until("send OTLP to")
    yield running
    if process.poll() is None:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_leaves_nothing_running(
    sidecar: Sidecar, name: signal.Signals
) -> None:
    """Ctrl-C or SIGTERM ends all parts within ten seconds, exit 0, and what was acknowledged is stored first."""
    assert sidecar.post(CAPTURE.read_bytes()) == 200
    children = psutil.Process(sidecar.process.pid).children(recursive=True)
    assert len(children) >= 3
    began = time.monotonic()
    sidecar.process.send_signal(name)
    assert sidecar.process.wait(30) == 0
    assert time.monotonic() - began < 20  # ten seconds on a machine that does nothing else
    assert [one for one in children if one.is_running()] == []


@pytest.mark.parametrize("module", ["collector", "collector.embedded_store"])
def test_a_part_that_is_killed_is_restarted_and_nothing_is_lost(
    sidecar: Sidecar, module: str
) -> None:
    """After a kill -9 the supervisor says so and restarts it; acknowledged calls are all there, once."""
    body = CAPTURE.read_bytes()
    assert sidecar.post(body) == 200
    sidecar.part(module).kill()
    sidecar.until("was restarted")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            assert sidecar.post(body) == 200
            break
        except OSError:
            time.sleep(0.2)
    assert sidecar.calls(1) == 1


def test_the_schedule_runs_by_the_clock_on_the_wall(sidecar: Sidecar) -> None:
    """Soon after the start every job of the schedule has run once, and each run is a row that went well."""
    deadline, runs = time.monotonic() + PATIENCE_S, {}
    while len(runs) < len(SCHEDULE) and time.monotonic() < deadline:
        runs = {row[0]: row for row in sidecar.store().rows("last_runs")}
        time.sleep(0.2)
    assert set(runs) == {job.name for job in SCHEDULE}
    assert {row[2] for row in runs.values()} <= {"ok", "skipped"}


def test_a_second_sidecar_on_the_same_data_is_refused(sidecar: Sidecar, tmp_path: Path) -> None:
    """It names the process that holds the data directory, and leaves the first one alone."""
    ports = {f"OUTERLOOP_{name.upper()}": str(free_port()) for name in sidecar.ports}
    second = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "up", "--no-dashboard", "--data-dir", str(tmp_path / "data")],
        env={**os.environ, **ports}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert str(sidecar.part("collector.embedded_store").pid) in second.stderr
    assert sidecar.post(CAPTURE.read_bytes()) == 200


def test_a_taken_port_is_named(sidecar: Sidecar, tmp_path: Path) -> None:
    """The message says which port and which setting changes it."""
    taken = {"OUTERLOOP_STORE_PORT": str(sidecar.ports["store_port"])}
    second = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "up", "--no-dashboard", "--data-dir", str(tmp_path / "other")],
        env={**os.environ, **taken}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert taken["OUTERLOOP_STORE_PORT"] in second.stderr
    assert "OUTERLOOP_STORE_PORT" in second.stderr
