"""Recorded verdicts behind a real socket, with faults and kills: every sample ends once, and our books are right.

Three judges with every fault; then processes that are killed by SIGKILL in the middle and go on, once
with and once without enough money. What an answer costs is counted by a till that stands between.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.judging.counting import Till
from benchmarks.judging.recorded import KINDS
from judges.running.budget import Account
from judges.running.journal import Journal
from judges.running.money import nano

__all__ = ["replay"]

FAULTS = (
    "", "free text", "429", "500", "timeout", "badjson", "fenced", "truncated", "empty", "noschema",
)  # fmt: skip
ANSWERED = ("", "free text", "fenced", "noschema")
"""Faults that no verdict is lost by."""
READABLE = ("llmbar", "badjson")
"""LLMBar's judge says its choice in words too, which broken JSON leaves readable."""
TIMEOUT_S, SHORT_S, PATIENCE_S = 15.0, 1.0, 2.5
"""For an answer; for one that never comes; for an endpoint that only refuses."""
CONCURRENCY = 16
KILLS, KILLED_SAMPLES = 2, 400
LIMIT_USD = 0.36
Told = Mapping[str, Any]


def replay(server: Path, data: Path, samples: int) -> bool:
    """Judge so many samples of each kind with each fault; True when nothing is lost, doubled or unpaid."""
    with serving(server, data) as port, Till(port) as till, TemporaryDirectory() as folder:
        told = {
            "base_url": till.base_url, "data": str(data), "concurrency": CONCURRENCY,
            "timeout_s": TIMEOUT_S, "short_s": SHORT_S, "patience_s": PATIENCE_S,
        }  # fmt: skip
        whole = _faults(till, {**told, "journal": f"{folder}/faults.sqlite"}, samples)
        for run_usd in (None, LIMIT_USD):
            killed = {**told, "journal": f"{folder}/killed-{run_usd}.sqlite", "run_usd": run_usd}
            whole &= _kills(till, killed)
    print(
        "every sample ended once, and the books agree" if whole else "SOMETHING IS WRONG: see above"
    )
    return whole


@contextmanager
def serving(server: Path, data: Path) -> Iterator[int]:
    """The replaying server in a process of its own; gives its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [
        sys.executable, str(server), "--data", str(data), "--port", str(port), "--delay", "0.03",
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/v1/models")
            yield port
        finally:
            process.kill()


def _wait(url: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(URLError), urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit("the replaying server does not start: check --replay and --data")


def _judging(told: Told) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.judging.replayed", json.dumps(told)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _faults(till: Till, told: Told, samples: int) -> bool:
    """Every kind with every fault, once."""
    runs = [
        (kind, fault, samples)
        for fault in FAULTS
        for kind in KINDS
        if fault != "free text" or kind == "llmbar"
    ]
    whole = True
    print(
        f"  {'fault':<11}{'judge':<9}{'how they ended':<34}{'rung':<12}{'our books':>11}{'theirs':>11}"
    )
    with _judging({**told, "runs": runs}) as process:
        assert process.stdout is not None
        seen = dict(till.bill)
        for (kind, fault, _), line in zip(runs, process.stdout, strict=False):
            said = json.loads(line)
            bill = till.bill[said["model"]] - seen.get(said["model"], 0)
            seen[said["model"]] = till.bill[said["model"]]
            problems = _problems(said, (kind, fault), samples, bill)
            whole &= not problems
            ended = ", ".join(f"{count} {how}" for how, count in sorted(said["ended"].items()))
            ours = f"${said['settled_usd']:.6f}"
            print(
                f"  {fault or 'none':<11}{kind:<9}{ended:<34}{said['rung']:<12}{ours:>11}"
                f"{f'${bill / 1e9:.6f}':>11} {'; '.join(problems)}",
                flush=True,
            )
    return whole and process.returncode == 0


def _problems(said: Told, run: tuple[str, str], samples: int, bill: int) -> Sequence[str]:
    """What is not as it has to be."""
    found = []
    fault, verdicts = run[1], said["ended"].get("verdict", 0)
    if not sum(said["ended"].values()) == said["keys"] == said["kept"] == samples:
        found.append("SAMPLES LOST OR DOUBLED")
    if fault in ANSWERED and verdicts < samples:
        found.append(f"VERDICTS MISSING: {said['reasons']}")
    if fault not in ANSWERED and run != READABLE and verdicts:
        found.append("A VERDICT FROM NOTHING")
    if said["unlike"]:
        found.append(f"{said['unlike']} NOT AS RECORDED")
    # Whoever got no answer in time cannot know what it cost: it is booked as the most.
    exact = fault != "timeout" and not said["unpriced"]
    settled = nano(said["settled_usd"])
    if (settled != bill) if exact else (settled < bill or fault != "timeout"):
        found.append(f"OUR BOOKS ARE WRONG ({said['unpriced']} unpriced: {said['reasons']})")
    return found


def _kills(till: Till, told: Told) -> bool:
    """A run that is killed in the middle, again and again, and goes on."""
    told = {**told, "runs": [("arena", "", KILLED_SAMPLES)]}
    before, answered = till.bill["gpt4"], till.answered.copy()
    for kill in range(1, KILLS + 1):
        with _judging(told) as process:
            _until(till, answered, kill * KILLED_SAMPLES // 5, process)
            process.send_signal(signal.SIGKILL)
        time.sleep(0.5)  # what was under way is answered, and billed, all the same
    with _judging(told) as process:
        out, _ = process.communicate(timeout=120)
    said = json.loads(out)
    with Journal(told["journal"]) as journal:
        booked = nano(Account(journal, "arena ").spent().booked_usd)
    bill = till.bill["gpt4"] - before
    settled, done = nano(said["settled_usd"]), sum(said["ended"].values())
    again = sum(count - 1 for count in (till.answered - answered).values())
    limit = told["run_usd"]
    print(
        f"  killed {KILLS} x, {'no limit' if limit is None else f'limit ${limit}'}: {done} judged,"
        f" {said['resumed']} of them before the last start, {again} asked twice; settled"
        f" ${settled / 1e9:.6f} <= bill ${bill / 1e9:.6f} <= booked ${booked / 1e9:.6f}"
        f" {said['stopped']}",
        flush=True,
    )
    complete = done == KILLED_SAMPLES if limit is None else said["stopped"] == "budget"
    within = limit is None or booked <= nano(limit)
    once = done == said["keys"] and again <= KILLS * CONCURRENCY
    return complete and within and once and settled <= bill <= booked


def _until(till: Till, before: Any, billed: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while (till.answered - before).total() < billed and process.poll() is None:
        if time.monotonic() > until:
            raise SystemExit("the killed run does not get on")
        time.sleep(0.005)
