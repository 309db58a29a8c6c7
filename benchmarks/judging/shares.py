"""Where the CPU of a judgement goes: the openai client alone, asking, composing, engine and journal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from openai import AsyncOpenAI

from benchmarks.judging.throughput import CONCURRENCY, asked_of, interactions_of, serving
from judges.asking.messages import instructed, messages_of
from judges.kinds.question import SHAPE
from judges.running.budget import Account, Limits
from judges.running.engine import run
from judges.running.journal import Journal

__all__ = ["shares"]

LATENCY_S = 0.05


async def shares(judgements: int) -> dict[str, float]:
    """Milliseconds of CPU a judgement, by part; each part is measured in a run of its own."""
    calls = interactions_of(judgements)
    with serving("--latency", str(LATENCY_S)) as url:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            judge = asked_of(client, None)
            prompts = [judge._prompt(one) for one in calls]  # noqa: SLF001 - what the judge sends
            bodies = [
                {
                    "model": judge.endpoint.model,
                    "messages": instructed(messages_of(one), SHAPE.instruction("json_schema")),
                    **judge.endpoint.abilities.parameters(SHAPE),
                }
                for one in prompts
            ]
            await judge.endpoint.ask(prompts[0], SHAPE)

            async def post(number: int) -> None:
                await client.post("/chat/completions", cast_to=object, body=bodies[number])

            async def ask(number: int) -> None:
                await judge.endpoint.ask(prompts[number], SHAPE)

            alone = await _cpu_ms(post, judgements)
            asking = await _cpu_ms(ask, judgements)
            started = time.process_time()
            for one in calls:
                judge.most_usd(one)
            composing = 2 * (time.process_time() - started) / judgements * 1e3
            whole = await _whole_ms(client, judgements)
    return {
        "openai client alone": alone,
        "asking: pace, retries, reading, pricing": asking - alone,
        "composing the prompt, for its price and for sending": composing,
        "engine, journal, account, kept replies": whole - asking - composing,
        "together": whole,
    }


async def _cpu_ms(ask: Callable[[int], Awaitable[None]], judgements: int) -> float:
    places = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int) -> None:
        async with places:
            await ask(number)

    started = time.process_time()
    await asyncio.gather(*(one(number) for number in range(judgements)))
    return (time.process_time() - started) / judgements * 1e3


async def _whole_ms(client: AsyncOpenAI, judgements: int) -> float:
    with TemporaryDirectory() as folder, Journal(Path(folder) / "judging.sqlite") as journal:
        account = Account(journal, "bench", Limits(run_usd=1e3))
        started = time.process_time()
        await run(
            [asked_of(client, journal)],
            interactions_of(judgements),
            concurrency=CONCURRENCY,
            account=account,
        )
        whole = (time.process_time() - started) / judgements * 1e3
        account.close()
    return whole
