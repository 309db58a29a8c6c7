"""Runs the trials: every one a fresh process in the SDK's own environment, with a sink beside it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sdk.peers import ROOT, Peer

__all__ = ["DEAD_PORT", "Laboratory", "free_port", "listening"]

DEAD_PORT = 1
"""Nobody listens there."""
OUTAGE_AFTER_S, OUTAGE_S = 4.0, 10.0
PATIENCE_S = 120.0
EXIT_PATIENCE_S = 30.0
Figures = dict[str, Any]
RUN = f"import sys; sys.path.append({str(ROOT)!r}); from benchmarks.sdk.child import main; main()"
CLOCK = """import json, time
began, cpu = time.perf_counter(), time.process_time()
{imports}
wall, cpu = time.perf_counter() - began, time.process_time() - cpu
print("RESULT", json.dumps({{"wall": wall, "cpu": cpu}}))"""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_sink(port: int, *options: str) -> subprocess.Popen[str]:
    """A sink that is listening."""
    command = [sys.executable, "-m", "benchmarks.sdk.sink", str(port), *options]
    sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert sink.stdout is not None
    sink.stdout.readline()
    return sink


def stop(sink: subprocess.Popen[str]) -> None:
    """End it at once, its connections with it."""
    sink.kill()
    sink.wait()
    if sink.stdout is not None:
        sink.stdout.close()


@contextlib.contextmanager
def listening(*options: str) -> Iterator[int]:
    """The port of a sink."""
    port = free_port()
    sink = start_sink(port, *options)
    try:
        yield port
    finally:
        stop(sink)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """Where the peers' environments are, and the two sinks that stay up."""

    venvs: Path
    alive: int
    hanging: int

    def imports(self, peer: Peer) -> Figures:
        """How long the app's import lines take in a new process."""
        program = CLOCK.format(imports=peer.imports)
        found = self._run(peer, ["-c", program])
        if "error" in found:
            return found
        return {"import ms": found["wall"] * 1e3, "import cpu ms": found["cpu"] * 1e3}

    def overhead(self, peer: Peer, calls: int) -> Figures:
        """Per-call costs with a collector that answers."""
        return self.child(peer, "overhead", self.alive, calls)

    def away(self, peer: Peer, calls: int) -> Figures:
        """Per-call costs of sync calls with a collector that answers, is gone, or hangs."""
        ports = {"alive": self.alive, "dead": DEAD_PORT, "hang": self.hanging}
        found: Figures = {}
        for state, port in ports.items():
            result = self.child(peer, "away", port, calls)
            found |= {f"{state} {name}": value for name, value in result.items() if name != "ended"}
        return found

    def exits(self, peer: Peer, calls: int) -> Figures:
        """Seconds from the end of `main` to the end of the process."""
        found: Figures = {}
        for state, port in (("dead", DEAD_PORT), ("hang", self.hanging)):
            result = self.child(peer, "exit", port, calls, patience_s=EXIT_PATIENCE_S)
            if "error" in result:
                found[f"exit {state} error"] = result["error"]
            else:
                found[f"exit {state} s"] = result["exit s"]
                found[f"exit {state} s killed"] = result["killed"]
        return found

    def memory(self, peer: Peer, calls: int) -> Figures:
        """Growth with nobody listening."""
        return self.child(peer, "memory", DEAD_PORT, calls)

    def loss(self, peer: Peer, calls: int) -> Figures:
        """How many of so many calls never arrive when the sink is away for ten seconds."""
        with tempfile.TemporaryDirectory() as folder:
            log, port = Path(folder) / "received", free_port()
            sink = start_sink(port, "--log", str(log))
            try:
                running = self._start(peer, [*self._program("loss", peer, port), str(calls)])
                _wait_for(log, running)
                time.sleep(OUTAGE_AFTER_S)
                stop(sink)
                time.sleep(OUTAGE_S)
                sink = start_sink(port, "--log", str(log))
                result = _finish(running, PATIENCE_S)
                time.sleep(1)
            finally:
                stop(sink)
            numbers = log.read_text().split() if log.exists() else []
        if "error" in result:
            return result
        if not numbers:
            result["error"] = "none of its calls arrived, so its costs cannot be compared"
        return {**result, "lost": calls - len(set(numbers)), "received": len(numbers)}

    def child(
        self, peer: Peer, trial: str, port: int, calls: int, *, patience_s: float = PATIENCE_S
    ) -> Figures:
        """One trial in a fresh process."""
        return self._run(peer, [*self._program(trial, peer, port), str(calls)], patience_s)

    def _program(self, trial: str, peer: Peer, port: int) -> list[str]:
        return ["-c", RUN, trial, peer.name, str(port)]

    def _run(self, peer: Peer, arguments: list[str], patience_s: float = PATIENCE_S) -> Figures:
        return _finish(self._start(peer, arguments), patience_s)

    def _start(self, peer: Peer, arguments: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [peer.python(self.venvs), *arguments],
            env=peer.environ(self.venvs),
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def _wait_for(log: Path, running: subprocess.Popen[str]) -> None:
    """Until the first call has arrived: importing and starting take some SDKs seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end and running.poll() is None:
        if log.exists() and log.stat().st_size:
            return
        time.sleep(0.05)


def _finish(running: subprocess.Popen[str], patience_s: float) -> Figures:
    """What the process found, and how long it took to end after it had said so."""
    killed = False
    try:
        said, complaints = running.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        killed = True
        running.kill()
        said, complaints = running.communicate()
    ended = time.time()
    lines = [line for line in said.splitlines() if line.startswith("RESULT ")]
    if not lines:
        last = complaints.strip().splitlines()[-1:] or [f"no result within {patience_s:g} s"]
        return {"error": last[0][:160]}
    found: Figures = json.loads(lines[-1].removeprefix("RESULT "))
    if "ended" in found:
        found["exit s"] = ended - found.pop("ended")
        found["killed"] = float(killed)
    return found
