"""Ours in an app: a million calls, a web app under load, forked workers, Celery, a notebook."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.sdk.hosts import celery, notebook
from benchmarks.sdk.peers import APPS, OURS, PEERS, ROOT, install
from benchmarks.sdk.targets import Target
from benchmarks.sdk.trials import free_port, listening

__all__ = ["apps", "leak"]

RUN = (
    f"import sys; sys.path.append({str(ROOT)!r}); from benchmarks.sdk.workloads import main; main()"
)
WEB = "import uvicorn; uvicorn.main()"
SPANS_PER_REQUEST = 3
"""With the request's number in them: the step, its retriever, the model call."""
AT_A_TIME = 16
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Served:
    """What one run of the web app did."""

    bodies: Counter[str]
    latencies_ms: list[float]
    growth_mb: float
    complaints: str


def leak(venvs: Path, calls: int) -> list[Target]:
    """A million calls of all kinds; what they leave behind."""
    with listening() as port:
        said = _run_workload("leak", venvs, port, calls)
    lines = [line.split() for line in said.stdout.splitlines() if not line.startswith("RESULT")]
    print(f"{'calls':>10}{'resident MB':>14}{'live objects':>14}")
    for number, resident, objects in lines:
        print(f"{int(number):>10,}{float(resident):>14.1f}{int(objects):>14,}")
    warm, last = lines[1], lines[-1]
    found = _result(said)
    return [
        Target(
            "growth from a fifth of the calls to the end, MB", float(last[1]) - float(warm[1]), 5
        ),
        Target("live objects more than at a fifth of them", int(last[2]) - int(warm[2]), 500),
        Target("not acknowledged", calls - found["acknowledged"], 0),
        Target("errors that the SDK swallowed", found["guarded"], 0),
        Target("lines on stderr", len(said.stderr.splitlines()), 0),
    ]


def apps(venvs: Path, calls: int) -> list[Target]:
    """The web app without and with the SDK, then forked workers, Celery's, and a notebook."""
    failed = install(APPS, venvs)
    if failed:
        raise SystemExit(f"the web app's requirements do not install: {failed}")
    with tempfile.TemporaryDirectory() as folder, listening() as model:
        log = Path(folder) / "web"
        with listening("--log", str(log)) as port:
            bare = _serve(venvs, model, calls, {"OTEL_SDK_DISABLED": "true"})
            ours = _serve(venvs, model, calls, {"OUTERLOOP_ENDPOINT": f"http://127.0.0.1:{port}"})
            time.sleep(0.5)
        arrived = Counter(log.read_text().split())
        log = Path(folder) / "pool"
        with listening("--log", str(log)) as port:
            pool = _run_workload("pool", venvs, port, calls)
            time.sleep(0.5)
        jobs = Counter(log.read_text().split())
    for title, served in (("with the SDK off", bare), ("with it on", ours)):
        p50, p99 = (
            statistics.median(served.latencies_ms),
            sorted(served.latencies_ms)[-calls // 100],
        )
        print(
            f"web app {title:<16} median {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"memory {served.growth_mb:+.1f} MB from a fifth of the requests to the end"
        )
    missing = SPANS_PER_REQUEST * calls - sum(min(n, SPANS_PER_REQUEST) for n in arrived.values())
    unlike = sum(((bare.bodies - ours.bodies) + (ours.bodies - bare.bodies)).values())
    return [
        Target(f"web app: spans lost of {SPANS_PER_REQUEST * calls:,}", missing, 0),
        Target("web app: answers unlike those without the SDK", unlike, 0),
        Target(
            "web app: memory growth beyond that without, MB", ours.growth_mb - bare.growth_mb, 5
        ),
        Target("web app: complaints on stderr", len(ours.complaints.splitlines()), 0),
        Target(f"forked workers: spans lost of {2 * calls:,}", 2 * calls - sum(jobs.values()), 0),
        Target("forked workers: results missing", calls - _result(pool)["returned"], 0),
        Target("forked workers: lines on stderr", len(pool.stderr.splitlines()), 0),
        *celery(venvs, max(calls // 2, 1)),
        *notebook(venvs, max(calls // 50, 2)),
    ]


def _run_workload(
    name: str, venvs: Path, port: int, calls: int
) -> subprocess.CompletedProcess[str]:
    peer = PEERS[OURS]
    return subprocess.run(
        [peer.python(venvs), "-c", RUN, name, str(port), str(calls)],
        env=peer.environ(venvs),
        check=False,
        capture_output=True,
        text=True,
        timeout=3600,
    )


def _result(said: subprocess.CompletedProcess[str]) -> dict[str, int]:
    for line in said.stdout.splitlines():
        if line.startswith("RESULT "):
            found: dict[str, int] = json.loads(line.removeprefix("RESULT "))
            return found
    raise RuntimeError(f"the workload ended without a result: {said.stderr[-500:]}")


def _serve(venvs: Path, model: int, calls: int, settings: dict[str, str]) -> Served:
    port = free_port()
    environ = {**APPS.environ(venvs), **settings, "MODEL_URL": f"http://127.0.0.1:{model}/v1"}
    environ["PYTHONPATH"] += f":{ROOT}"
    options = ["--workers", str(WORKERS), "--port", str(port), "--log-level", "warning"]
    with tempfile.TemporaryFile("w+") as complaints:
        server = psutil.Popen(
            [APPS.python(venvs), "-c", WEB, "benchmarks.sdk.webapp:app", *options],
            env=environ,
            stderr=complaints,
        )
        try:
            _await(f"http://127.0.0.1:{port}/ready")
            bodies, latencies, growth_mb = asyncio.run(_ask(server, port, calls))
        finally:
            server.terminate()
            server.wait(30)
        complaints.seek(0)
        return Served(bodies, latencies, growth_mb, complaints.read())


def _await(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer; does the app start?")


async def _ask(
    server: psutil.Popen, port: int, calls: int
) -> tuple[Counter[str], list[float], float]:
    """All requests, some at a time."""
    numbers = iter(range(calls))
    bodies: Counter[str] = Counter()
    latencies: list[float] = []
    sizes: dict[int, float] = {}

    async def work(client: httpx.AsyncClient) -> None:
        for number in numbers:
            if number in (calls // 5, calls - 1):
                sizes[number] = _resident_mb(server)
            began = time.perf_counter()
            answer = await client.post(
                "/answer", json={"text": f"CALL-{number}-END how much is it?"}
            )
            latencies.append((time.perf_counter() - began) * 1e3)
            bodies[f"{answer.status_code} {answer.text}"] += 1

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        await asyncio.gather(*(work(client) for _ in range(AT_A_TIME)))
    return bodies, latencies, sizes[calls - 1] - sizes[calls // 5]


def _resident_mb(server: psutil.Popen) -> float:
    children = server.children(recursive=True)
    return float(sum(process.memory_info().rss for process in (server, *children))) / 1e6
