"""Recorded verdicts behind a real socket, with faults: every sample ends once, in a named way."""

from __future__ import annotations

import asyncio
import csv
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from openai import APIConnectionError, AsyncOpenAI

from judges.asking.endpoint import Endpoint, NoAnswer
from judges.asking.prompting import Prompt
from judges.asking.shapes import Shape, Slot

__all__ = ["replay"]

FAULTS = (
    "", "429", "500", "timeout", "badjson", "fenced", "truncated", "empty", "noschema",
)  # fmt: skip
CHOICE = Shape((Slot("choice", ("A", "B", "tie"), r"\[\[(A|B|C)\]\]"),))
SCORE = Shape((Slot("score", ("1", "2", "3", "4")),))
Sample = tuple[str, str, Shape]
"""Marker, model, shape."""


async def replay(server: Path, data: Path, samples: int) -> bool:
    """Ask for so many verdicts of each kind with each fault; True when none is lost or doubled."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(server), "--data", str(data), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: ASYNC220 - once, before anything is asked
        try:
            url = f"http://127.0.0.1:{port}/v1"
            async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
                await _ready(client)
                kinds = {"llmbar": _llmbar, "arena": _arena, "rubric": _rubric}
                whole = True
                for kind, made in kinds.items():
                    chosen = list(islice(made(data), samples))
                    for fault in FAULTS:
                        whole &= await _one(client, kind, chosen, fault)
                return whole
        finally:
            process.kill()


async def _ready(client: AsyncOpenAI) -> None:
    for _ in range(200):
        try:
            await client.models.list()
        except APIConnectionError:
            await asyncio.sleep(0.1)
        else:
            return
    raise SystemExit("the replaying server does not start: check --replay and --data")


async def _one(client: AsyncOpenAI, kind: str, samples: list[Sample], fault: str) -> bool:
    model = samples[0][1] + (f"!{fault}" if fault else "")
    endpoint = Endpoint(client, model, rng=np.random.default_rng(7), timeout_s=2)
    ended: Counter[str] = Counter()

    async def ask(number: int, marker: str, shape: Shape) -> int:
        try:
            await endpoint.ask(Prompt("You judge.", f"{marker}\nWhich is it?"), shape)
            ended["verdict"] += 1
        except NoAnswer as failed:
            ended[failed.status] += 1
        return number

    done = await asyncio.gather(
        *(ask(number, marker, shape) for number, (marker, _, shape) in enumerate(samples))
    )
    said = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
    print(
        f"  {kind:<8}{fault or 'no fault':<10} {said}; rung {endpoint.abilities.rung}", flush=True
    )
    return sorted(done) == list(range(len(samples))) and ended.total() == len(samples)


def _llmbar(data: Path) -> Iterator[Sample]:
    with (data / "llmbar" / "raw_cot_GPT-4.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            first = 2 if one["swap"] else 1
            yield f"[[llmbar {one['subset']} {one['idx']} {first}]]", "GPT-4", CHOICE


def _arena(data: Path) -> Iterator[Sample]:
    with (data / "arena_ppr" / "judgments.csv").open(encoding="utf-8", newline="") as lines:
        for one in csv.DictReader(lines):
            yield f"[[arena {one['num']} AB]]", "gpt4", CHOICE


def _rubric(data: Path) -> Iterator[Sample]:
    with (data / "llm_rubric" / "real_llm.tsv").open(encoding="utf-8", newline="") as lines:
        for one in csv.DictReader(lines, delimiter="\t"):
            yield f"[[rubric real {one['text_id']} {one['criterion']}]]", "rubric", SCORE
