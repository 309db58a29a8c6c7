"""A process that judges, for tests that kill it: `python judged_process.py SETTINGS`, a JSON object.

The judge stands for a paid service with books of its own: each request appends a line with its
sample and its cost in nano-USD to the account file, and is answered a moment later. A line that is
written has to be paid, whether or not the answer ever arrives. With `base_url` it is a real question
put to a real endpoint there, which keeps the books itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from judges.interaction import Interaction, JudgeFailure, Judgement, Usage, Verdict
from judges.running.budget import Account, Limits
from judges.running.engine import run
from judges.running.journal import Journal

MOST, CENT = 0.03, 10_000_000


@dataclass
class Service:
    """Takes between one and three cents, by the sample."""

    account: int
    name: str = "paid"
    version: str = "v"
    latency_s: float = 0.01

    async def __call__(self, interaction: Interaction) -> Verdict:
        """Charge, wait, answer."""
        cost = cost_of(interaction.trace_id)
        os.write(self.account, f"{interaction.trace_id} {cost}\n".encode())
        await asyncio.sleep(self.latency_s)
        usage = Usage("m", 1, 1, cost / 1e9, 1)
        return Judgement(self.name, cost == CENT, "", "", self.version, usage)

    def most_usd(self, _: Interaction) -> float:
        """Three cents."""
        return MOST


def cost_of(trace_id: str) -> int:
    """What the service takes for a sample."""
    return CENT * (1 + int(trace_id) % 3)


def calls(number: int, first: int = 0) -> list[Interaction]:
    """Samples that are told apart by a number."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        Interaction(f"{n}", "s", moment, f"log {n}", f"answer {n}", service="shop")
        for n in range(first, first + number)
    ]


def begin(folder: Path, settings: dict[str, Any]) -> subprocess.Popen[str]:
    """This program as a process of its own."""
    return subprocess.Popen(
        [sys.executable, __file__, json.dumps(settings)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process reports that ends well."""
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    told: dict[str, Any] = json.loads(out)
    return told


async def question(base_url: str, journal: Journal, stack: AsyncExitStack) -> Any:
    """A question that costs what the stand-in of an endpoint takes."""
    import numpy as np  # a process without an endpoint starts faster without these
    from openai import AsyncOpenAI

    from judges.asking.endpoint import Endpoint
    from judges.asking.prices import Price
    from judges.kinds.question import Question

    client = await stack.enter_async_context(AsyncOpenAI(base_url=base_url, api_key="none"))
    price, rng = Price(0.25, 2.0), np.random.default_rng()
    endpoint = Endpoint(client, "judge-test", price=price, replies=journal, rng=rng)
    return Question("right", "Is the answer right?", endpoint)


async def judge(told: dict[str, Any]) -> dict[str, Any]:
    """One run; says what came of it."""
    limits = Limits(told.get("run_usd"), told.get("day_usd"), told.get("service_day_usd", {}))
    moment = datetime.fromisoformat(told.get("now", "2026-03-01T12:00:00+00:00"))
    samples = calls(told.get("number", 100), told.get("first", 0))
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal(told["journal"]))
        if "base_url" in told:
            asked = await question(told["base_url"], journal, stack)
        else:
            books = os.open(told["account"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            asked = Service(books, latency_s=told.get("latency_s", 0.01))
        account = Account(journal, told["run_id"], limits, now=lambda: moment)
        concurrency = told.get("concurrency", 8)
        deadline_s = told.get("deadline_s")
        result = await run(
            [asked], samples, concurrency=concurrency, account=account, deadline_s=deadline_s
        )
        spent = account.spent()
        account.close()
    return {
        "judged": [interaction.trace_id for interaction, _ in result],
        "failed": sum(isinstance(verdict, JudgeFailure) for _, verdict in result),
        "stopped": result.stopped,
        "resumed": result.resumed,
        "settled_usd": spent.settled_usd,
        "lost_usd": spent.lost_usd,
    }


if __name__ == "__main__":
    import resource
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have it ignored

    settings = json.loads(sys.argv[1])
    if "user" in settings:
        os.setuid(settings["user"])
    if "file_bytes" in settings:  # what a full disk looks like
        resource.setrlimit(resource.RLIMIT_FSIZE, (settings["file_bytes"],) * 2)
    Path(settings["account"]).touch()
    print(json.dumps(asyncio.run(judge(settings))))
