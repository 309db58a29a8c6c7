"""Judgements per second against an endpoint that takes its time, and what one costs us in CPU.

What is measured is the product's path: the engine with a journal and an account on disk, a budget
that is held and settled, replies that are kept, the real client over a socket.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from openai import AsyncOpenAI

from judges.asking.endpoint import Endpoint
from judges.asking.prices import Price
from judges.interaction import Interaction, JudgeFailure
from judges.kinds.question import Question
from judges.running.budget import Account, Limits
from judges.running.engine import run
from judges.running.journal import Journal

__all__ = ["CONCURRENCY", "Measured", "alone", "asked_of", "interactions_of", "measure", "serving"]

SERVER = Path(__file__).parents[2] / "tests" / "judge_server.py"
CONCURRENCY = 64
PRICE = Price(0.25, 2.0)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


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
    spent_usd: float
    """By our books."""

    @property
    def times_ideal(self) -> float:
        """Wall time as a multiple of the ideal."""
        return self.wall_s / self.ideal_s

    def __str__(self) -> str:
        return (
            f"{self.wall_s:.2f} s, {self.times_ideal:.3f} x the ideal {self.ideal_s:.1f} s;"
            f" {self.cpu_ms:.2f} ms of CPU a judgement; {self.failures} failed; at most"
            f" {self.most_under_way} under way; ${self.spent_usd:.4f}"
        )


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
    interactions = interactions_of(judgements)
    with (
        serving(*options) as url,
        TemporaryDirectory() as folder,
        Journal(Path(folder) / "judging.sqlite") as journal,
    ):
        async with AsyncOpenAI(base_url=url, api_key="none") as client:
            judge = asked_of(client, journal)
            account = Account(journal, "bench", Limits(run_usd=1e3, day_usd=1e3), now=lambda: NOON)
            started, cpu_s = time.monotonic(), time.process_time()
            result = await run([judge], interactions, concurrency=CONCURRENCY, account=account)
            wall_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_s
            account.close()
    failures = sum(isinstance(verdict, JudgeFailure) for _, verdict in result)
    return Measured(
        wall_s,
        ideal_s=judgements * latency_s / min(CONCURRENCY, limit or CONCURRENCY),
        cpu_ms=cpu_s / judgements * 1e3,
        failures=failures + judgements - len(result),
        most_under_way=judge.endpoint.pace.most_under_way,
        spent_usd=result.spent_usd,
    )


async def alone(judgements: int, *, latency_s: float) -> float:
    """Seconds that the bare client takes with all places used from the start: what this machine can do."""
    prompt = "The caller says something. " * 120
    body = {"model": "judge-test", "messages": [{"role": "user", "content": prompt}]}
    places = asyncio.Semaphore(CONCURRENCY)
    with serving("--latency", str(latency_s)) as url:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

            async def post() -> None:
                async with places:
                    await client.post("/chat/completions", cast_to=object, body=body)

            started = time.monotonic()
            await asyncio.gather(*(post() for _ in range(judgements)))
            return time.monotonic() - started


def asked_of(client: AsyncOpenAI, journal: Journal | None) -> Question:
    """The judge."""
    endpoint = Endpoint(
        client, "judge-test", price=PRICE, replies=journal, rng=np.random.default_rng(7)
    )
    return Question("polite", "Is the answer polite?", endpoint)


def interactions_of(number: int) -> list[Interaction]:
    """So many of about 3 kB."""
    return [_interaction(one) for one in range(number)]


def _interaction(number: int) -> Interaction:
    return Interaction(
        trace_id=f"{number:032x}",
        span_id=f"{number:016x}",
        timestamp=NOON,
        input=f"Call {number}. " + "The caller says something. " * 80,
        output=f"Answer {number}. " + "It is polite. " * 60,
    )
