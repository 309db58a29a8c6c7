"""The collector's write-ahead log: it is waited for, or, while no collector runs, written anew.

The log is worked off in order, so everything that was accepted before the request is in the store as soon as the
collector has settled as many items as it had accepted then, however much comes in meanwhile.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.erasure.subject import Subject
    from monitor.settings import Settings

__all__ = ["LogBusyError", "clean_log", "collector_runs", "wait_for_log"]

WAIT_S, POLL_S, ANSWER_S = 60.0, 0.1, 5.0
SAMPLE = re.compile(r'^outerloop_collector_(\w+)\{signal="(\w+)"\} (\d+)', re.MULTILINE)


class LogBusyError(OuterloopError):
    """The collector still holds rows for the store; see its /readyz for why, then run this again."""


def collector_runs(settings: Settings) -> bool:
    """Whether a collector answers at this machine's address."""
    try:
        _figures(settings)
    except httpx.TransportError:
        return False
    return True


def wait_for_log(settings: Settings, *, say: Callable[[str], None], wait_s: float = WAIT_S) -> None:
    """Return when the store has everything that the collector had accepted before this call.

    Raises:
        LogBusyError: it is not there in time.
    """
    target = _figures(settings)["accepted_total"]
    deadline = time.monotonic() + wait_s
    told = False
    while waiting := target - _settled(settings):
        if time.monotonic() > deadline:
            raise LogBusyError(
                f"after {wait_s:.0f} s the collector still holds {sum(waiting.values()):,} items that came before this"
                f" request; {settings.collector_url}/readyz says why. Nothing has been erased; run this again"
            )
        if not told:
            say(f"waiting for {sum(waiting.values()):,} items in the collector's log")
            told = True
        time.sleep(POLL_S)


def clean_log(
    data_dir: Path, subject: Subject, *, sessions: Sequence[str], traces: Sequence[str]
) -> tuple[int, list[str]]:
    """Write the log of a collector that does not run anew; returns the items taken out and their traces.

    The collector's own package knows the log's format, and a process of its own takes the log's lock.

    Raises:
        LogBusyError: a collector holds the log and does not answer.
    """
    folder = data_dir / "wal"
    if not any(folder.glob("*.wal")):
        return 0, []
    asked = {"folder": str(folder), "kind": subject.kind, "id": subject.id}
    ids = {"sessions": list(sessions), "traces": list(traces)}
    done = subprocess.run(  # ids go by standard input, not where `ps` shows them
        [sys.executable, "-m", "collector.erasure"],
        input=json.dumps(asked | ids).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise LogBusyError(done.stderr.decode("utf-8", "replace").strip() or None)
    told = json.loads(done.stdout)
    return int(told["removed"]), [str(one) for one in told["traces"]]


def _figures(settings: Settings) -> dict[str, Counter[str]]:
    token = settings.token.get_secret_value() if settings.token else ""
    answer = httpx.get(
        f"{settings.collector_url}/metrics",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=ANSWER_S,
        verify=str(settings.tls_certificate) if settings.tls_certificate else True,
    ).raise_for_status()
    found: dict[str, Counter[str]] = {}
    for name, signal, number in SAMPLE.findall(answer.text):
        found.setdefault(name, Counter())[signal] = int(number)
    return found


def _settled(settings: Settings) -> Counter[str]:
    figures = _figures(settings)
    return figures["stored_total"] + figures["refused_total"]
