"""The process that judges recorded samples, and may be killed: `python -m benchmarks.judging.replayed JSON`.

It prints one JSON line for every run that has ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from openai import AsyncOpenAI

from benchmarks.judging.recorded import KINDS, samples_of
from judges.asking.endpoint import Endpoint
from judges.asking.pace import Pace
from judges.asking.prices import Price
from judges.interaction import JudgeFailure
from judges.running.budget import Account, Limits
from judges.running.engine import run
from judges.running.journal import Journal

__all__ = ["main"]

PRICE = Price(0.25, 2.0)


async def main(told: dict[str, Any]) -> None:
    """All runs, one after the other; one that has ended before is only read from the journal."""
    with Journal(told["journal"]) as journal:
        async with AsyncOpenAI(base_url=told["base_url"], api_key="none") as client:
            for name, fault, samples in told["runs"]:
                said = await _run(client, journal, told, (name, fault, samples))
                print(json.dumps(said), flush=True)


async def _run(
    client: AsyncOpenAI, journal: Journal, told: dict[str, Any], asked: tuple[str, str, int]
) -> dict[str, Any]:
    name, fault, samples = asked
    kind = KINDS[name]
    free = fault == "free text"
    model = f"{kind.model}!{fault}" if fault and not free else kind.model
    endpoint = Endpoint(
        client, model, price=PRICE, replies=journal,
        timeout_s=told["short_s" if fault == "timeout" else "timeout_s"],
        rung="text" if free else None, pace=Pace(patience_s=told["patience_s"]),
        rng=np.random.default_rng(7),
    )  # fmt: skip
    chosen = samples_of(kind, Path(told["data"]), samples)
    recorded = {interaction.key: said for interaction, said in chosen}
    account = Account(journal, f"{name} {fault}", Limits(run_usd=told.get("run_usd")))
    result = await run(
        [kind.judge(endpoint)],
        [interaction for interaction, _ in chosen],
        concurrency=told["concurrency"],
        account=account,
    )
    spent = account.spent()
    account.close()
    ended = Counter(one.status if isinstance(one, JudgeFailure) else "verdict" for _, one in result)
    other = sum(
        getattr(one, "label", said) != said
        for interaction, one in result
        if (said := recorded[interaction.key])
    )
    return {
        "model": model, "ended": ended, "keys": len({one.key for one, _ in result}),
        "kept": len(journal.verdicts(account.run_id)), "unlike": other,
        "rung": endpoint.abilities.rung, "stopped": result.stopped, "resumed": result.resumed,
        "unpriced": result.unpriced, "settled_usd": spent.settled_usd, "lost_usd": spent.lost_usd,
        "reasons": sorted({one.reason[:90] for _, one in result if isinstance(one, JudgeFailure)}),
    }  # fmt: skip


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
