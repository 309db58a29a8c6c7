"""Ours inside a Celery worker that forks, and inside a notebook's kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.sdk.peers import APPS, ROOT
from benchmarks.sdk.targets import Target
from benchmarks.sdk.trials import listening

__all__ = ["celery", "notebook"]

WORKERS, JOBS_PER_WORKER = 4, 250
SPANS_PER_JOB = 2
SPANS_PER_ROUND = 5
PATIENCE_S = 300.0
SEND = """import sys
from benchmarks.sdk.child import GIVEN
from benchmarks.sdk.jobs import work
for number in range(int(sys.argv[1])):
    work.delay(f"CALL-{number}-END {GIVEN[number & 63]}")
"""


def celery(venvs: Path, jobs: int) -> list[Target]:
    """Jobs through a real worker: a prefork pool whose processes are replaced after some."""
    with tempfile.TemporaryDirectory() as folder:
        home, log = Path(folder), Path(folder) / "received"
        for name in ("queue", "control"):
            (home / name).mkdir()
        with listening("--log", str(log)) as port:
            environ = _environ(venvs, port) | {"JOBS_HOME": folder}
            python = APPS.python(venvs)
            send = [python, "-c", SEND, str(jobs)]
            subprocess.run(send, env={**environ, "OTEL_SDK_DISABLED": "true"}, check=True)
            said = _work(python, environ, home / "done", jobs)
            time.sleep(0.5)
        done = len((home / "done").read_text().split())
        arrived = _arrived(log, SPANS_PER_JOB)
    ours = [line for line in said.splitlines() if "outerloop: " in line]
    print(
        f"Celery worker: {done:,} jobs done by processes that are replaced every {JOBS_PER_WORKER}"
    )
    return [
        Target(f"Celery: jobs not done of {jobs:,}", jobs - done, 0),
        Target(
            f"Celery: spans lost of {SPANS_PER_JOB * done:,}", SPANS_PER_JOB * done - arrived, 0
        ),
        Target("Celery: complaints of the SDK on stderr", len(ours), 0),
    ]


def notebook(venvs: Path, rounds: int) -> list[Target]:
    """The same cells without and with the SDK: they end alike, and every span arrives."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "received"
        with listening("--log", str(log)) as port:
            bare = _cells(venvs, port, rounds, {"OTEL_SDK_DISABLED": "true"})
            ours = _cells(venvs, port, rounds, {})
            time.sleep(0.5)
        arrived = _arrived(log, SPANS_PER_ROUND)
    expected = SPANS_PER_ROUND * rounds + 2
    print(f"notebook: {len(ours):,} cells, one restart, {Counter(ours)}")
    return [
        Target(f"notebook: spans lost of {expected:,}", expected - arrived, 0),
        Target(
            "notebook: cells that end otherwise than without the SDK",
            sum(one != other for one, other in zip(bare, ours, strict=True)),
            0,
        ),
    ]


def _environ(venvs: Path, port: int) -> dict[str, str]:
    found = APPS.environ(venvs) | {"OUTERLOOP_ENDPOINT": f"http://127.0.0.1:{port}"}
    found["PYTHONPATH"] += f":{ROOT}"
    return found


def _arrived(log: Path, most: int) -> int:
    """Marked spans in the sink's log; one that was sent twice counts once."""
    numbers = Counter(log.read_text().split() if log.exists() else ())
    return sum(min(count, most) for count in numbers.values())


def _work(python: Path, environ: dict[str, str], done: Path, jobs: int) -> str:
    """Let a worker do all jobs, and end it as a deployment does; what it says on stderr."""
    options = ["--pool", "prefork", "--concurrency", str(WORKERS), "--without-heartbeat"]
    options += ["--max-tasks-per-child", str(JOBS_PER_WORKER), "--loglevel", "WARNING"]
    with tempfile.TemporaryFile("w+") as complaints:
        worker = subprocess.Popen(
            [python, "-m", "celery", "-A", "benchmarks.sdk.jobs", "worker", *options],
            env=environ,
            cwd=done.parent,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and worker.poll() is None:
            if done.exists() and done.stat().st_size >= 2 * jobs:
                break
            time.sleep(0.2)
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        complaints.seek(0)
        return complaints.read()


def _cells(venvs: Path, port: int, rounds: int, settings: dict[str, str]) -> list[str]:
    """How each cell of one run of the notebook ended."""
    environ = {**_environ(venvs, port), **settings, "JUPYTER_PLATFORM_DIRS": "1"}
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [
                APPS.python(venvs),
                "-m",
                "benchmarks.sdk.notebook",
                f"http://127.0.0.1:{port}",
                str(rounds),
            ],
            env={**environ, "IPYTHONDIR": home, "HOME": home, "PATH": os.environ["PATH"]},
            cwd=home,
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            ends: list[str] = json.loads(line.removeprefix("RESULT "))["ends"]
            return ends
    raise RuntimeError(f"the notebook ended without a result: {done.stderr[-500:]}")
