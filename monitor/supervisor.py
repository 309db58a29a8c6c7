"""Runs the parts of a sidecar on one machine: starts them in order, restarts one that dies, stops all of them.

Every part is a process of its own in a session of its own, so that Ctrl-C reaches the supervisor alone and the parts
stop in the right order: collector before store, so that it can hand over what it holds.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.exceptions import OuterloopError, PortInUseError

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = ["Part", "Supervisor", "sidecar"]

READY_TIMEOUT_S = 60
STOP_TIMEOUT_S = 8
"""A part that has not ended this long after SIGTERM is killed; all of them together stop within ten seconds."""
BACKOFF_S = (0.5, 1, 2, 5, 10)
"""Pause before a restart; the last one is used for ever."""
SETTLED_S = 30
"""A part that has lived this long starts again at the first pause."""
WRONG_USE = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the sidecar."""

    name: str
    module: str
    ready_url: str | None = None
    """Answers 200 when the part can work."""
    arguments: Sequence[str] = ()
    port_setting: str = ""
    """The setting that moves the part to another port."""
    ready_tls: ssl.SSLContext | None = None
    """What to trust when `ready_url` is https."""
    piped: bool = False
    """Standard input and output are pipes for the supervisor's owner."""


@dataclass(slots=True)
class _Running:
    part: Part
    process: subprocess.Popen[str]
    started: float
    restarts: int = 0
    due: float | None = None
    """When it is to be started again, None while it runs."""


@dataclass(slots=True)
class Supervisor:
    """Keeps parts running.

    Args:
        say: takes one line for people: what started where, what died, what was restarted.
        environment: added to this process's own for every part.
        output: where the parts' own words go.
    """

    say: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    output: IO[str] | None = None
    _running: list[_Running] = field(default_factory=list)

    def start(self, *parts: Part) -> None:
        """Start parts, all at once, and wait until every one is ready.

        Raises:
            PortInUseError: somebody else listens where one of them would.
            OuterloopError: one ended at once, or did not become ready in time.
        """
        for part in parts:
            _refuse_taken_port(part)
        started = [_Running(part, self._spawn(part), time.monotonic()) for part in parts]
        self._running += started
        for running in started:
            self._wait_ready(running)
            part = running.part
            where = f" at {part.ready_url.rsplit('/', 1)[0]}" if part.ready_url else ""
            self.say(f"{part.name} is up{where}")

    def process(self, name: str) -> subprocess.Popen[str]:
        """The process of a part that was started."""
        return next(running.process for running in self._running if running.part.name == name)

    def watch_once(self) -> None:
        """Restart what has died; call it now and then."""
        now = time.monotonic()
        for running in self._running:
            if running.due is not None:
                if running.due <= now:
                    running.process, running.started, running.due = (
                        self._spawn(running.part),
                        now,
                        None,
                    )
                    self.say(f"{running.part.name} was restarted (pid {running.process.pid})")
            elif running.process.poll() is not None:
                running.restarts = 0 if now - running.started > SETTLED_S else running.restarts + 1
                pause = BACKOFF_S[min(running.restarts, len(BACKOFF_S) - 1)]
                running.due = now + pause
                self.say(
                    f"{running.part.name} died ({_how(running.process.returncode)}); restarting in {pause:g} s"
                )

    def stop(self) -> None:
        """Stop all parts, the last started first; returns when none is left."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for running in reversed(self._running):
            if running.process.poll() is None:
                if running.process.stdin:
                    running.process.stdin.close()
                running.process.terminate()
                try:
                    running.process.wait(max(0.5, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self.say(f"{running.part.name} did not stop in time and was killed")
                    running.process.kill()
                    running.process.wait()
        self._running.clear()

    def _spawn(self, part: Part) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE if part.piped else None
        return subprocess.Popen(  # noqa: S603 - our own modules by our own interpreter
            [sys.executable, "-m", part.module, *part.arguments],
            env={**os.environ, **self.environment},
            text=True,
            start_new_session=True,
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or self.output,
            stderr=self.output,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads are running yet
        )

    def _wait_ready(self, running: _Running) -> None:
        part, deadline = running.part, time.monotonic() + READY_TIMEOUT_S
        while part.ready_url and not _answers(part.ready_url, part.ready_tls):
            code = running.process.poll()
            if code is not None:
                error = OuterloopError(
                    f"{part.name} could not start ({_how(code)}); its own message is above"
                )
                error.exit_code = WRONG_USE if code == WRONG_USE else 1
                raise error
            if time.monotonic() > deadline:
                raise OuterloopError(
                    f"{part.name} was not ready within {READY_TIMEOUT_S} s at {part.ready_url}"
                )
            time.sleep(0.05)


def sidecar(settings: Settings, *, dashboard: bool = True) -> list[Part]:
    """The parts of a whole sidecar in the order in which they start."""
    collector = f"{settings.collector_url}/healthz"
    parts = [
        Part(
            "collector",
            "collector",
            collector,
            port_setting="OUTERLOOP_OTLP_HTTP_PORT",
            ready_tls=settings.collector_tls,
        ),
        Part("scheduler", "monitor.cli", arguments=["scheduler"]),
    ]
    if settings.store_url is None:
        ping = f"http://127.0.0.1:{settings.store_port}/ping"
        parts.insert(
            0, Part("store", "collector.embedded_store", ping, port_setting="OUTERLOOP_STORE_PORT")
        )
    if dashboard:
        health = f"http://{settings.host}:{settings.dashboard_port}/_stcore/health"
        parts.append(
            Part("dashboard", "dashboards", health, port_setting="OUTERLOOP_DASHBOARD_PORT")
        )
    return parts


def _refuse_taken_port(part: Part) -> None:
    """Another sidecar's part would answer in this one's place, so readiness alone proves nothing."""
    address = urlsplit(part.ready_url or "")
    if address.port is None:
        return
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((address.hostname or "127.0.0.1", address.port)) == 0:
            cure = f"choose another by {part.port_setting}" if part.port_setting else "try again"
            raise PortInUseError(
                f"{part.name}: port {address.port} is taken; stop its owner or {cure}"
            )


def _answers(url: str, tls: ssl.SSLContext | None) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2, context=tls):  # noqa: S310 - our own loopback address
            return True
    except (urllib.error.URLError, OSError):
        return False


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _die_with_parent() -> None:
    """Linux: the kernel ends this part when the supervisor is killed, so that nothing is left running."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
