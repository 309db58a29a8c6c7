"""Judgements per second against an endpoint that takes its time, and what one costs us in CPU."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from openai import AsyncOpenAI

from judges.asking.endpoint import Endpoint
from judges.asking.prices import Price
from judges.interaction import Interaction, JudgeFailure
from judges.kinds.question import Question
from judges.running.engine import run

__all__ = ["Measured", "measure"]

SERVER = Path(__file__).parents[2] / "tests" / "judge_server.py"
CONCURRENCY = 64


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    wall_s: float
    ideal_s: float
    """With as many under way all the time as the endpoint allows."""
    cpu_ms: float
    """Of this process, per judgement."""
    failures: int
    most_under_way: int


@contextmanager
def serving(*options: str) -> Iterator[str]:
    """The stand-in in a process of its own; gives its base URL."""
    command = [sys.executable, str(SERVER), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def measure(judgements: int, *, latency_s: float, limit: int | None = None) -> Measured:
    """Judge so many interactions of about 3 kB."""
    options = ["--latency", str(latency_s), *(["--limit", str(limit)] if limit else [])]
    with serving(*options) as url:
        async with AsyncOpenAI(base_url=url, api_key="none") as client:
            rng = np.random.default_rng(7)
            endpoint = Endpoint(client, "judge-test", price=Price(0.25, 2.0), rng=rng)
            asked = [Question("polite", "Is the answer polite?", endpoint)]
            interactions = [_interaction(number) for number in range(judgements)]
            started, cpu_s = time.monotonic(), time.process_time()
            result = await run(asked, interactions, concurrency=CONCURRENCY)
            wall_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_s
    failures = sum(isinstance(verdict, JudgeFailure) for _, verdict in result)
    ideal_s = judgements * latency_s / min(CONCURRENCY, limit or CONCURRENCY)
    unjudged = judgements - len(result)
    return Measured(
        wall_s, ideal_s, cpu_s / judgements * 1e3, failures + unjudged, endpoint.pace.most_under_way
    )


def _interaction(number: int) -> Interaction:
    return Interaction(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        input=f"Call {number}. " + "The caller says something. " * 80,
        output=f"Answer {number}. " + "It is polite. " * 60,
    )
