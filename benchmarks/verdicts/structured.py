"""6.10 structured answers: the comparators, the schema check and outcomes."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.verdicts.row import Row, exact, same
from benchmarks.verdicts.sets import answers, lines, table
from judges.checks.comparators import Number
from judges.checks.json_answers import JsonSchema
from judges.interaction import Interaction, JudgeFailure
from judges.statistics.agreement import agreement, cohen_kappa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REMOTE = "localhost:1234"
LAST_LINE = re.compile(r"^A: *(.*)$", re.MULTILINE)
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def structured(data: Path) -> Iterator[Row]:
    """6.10."""
    trivia = answers(data / "qa_eval", "TQ", "gpt35")
    yield exact("6.10", "TriviaQA GPT-3.5 exact match", "0.2291", float(trivia.same.mean()))
    yield exact("6.10", "TriviaQA GPT-3.5 F1", "0.4115", float(trivia.overlap.mean()))
    both = list(trivia.human), list(trivia.contained)
    rate = agreement(*both)
    yield exact("6.10", "TriviaQA contains, agreement", "0.9221", rate.value if rate else None)
    yield exact("6.10", "TriviaQA contains, kappa", "0.7954", cohen_kappa(*both))
    bing = answers(data / "qa_eval", "NQ", "newbing")
    yield exact("6.10", "NQ Bing exact match", "0.0000", float(bing.same.mean()))
    yield exact("6.10", "NQ Bing by people", "0.7993", float(bing.human.mean()))
    yield from _schemas(data / "json_schema_suite" / "draft2020-12")
    yield from _gsm8k(data / "gsm8k" / "example_model_solutions.jsonl")
    yield from _who_when(data / "who_when_index" / "index.csv")


def _schemas(folder: Path) -> Iterator[Row]:
    files = sorted(folder.glob("*.json"))
    found = asyncio.run(_checked([json.loads(one.read_text("utf-8")) for one in files]))
    yield same("6.10", "JSON-Schema suite: files, tests", (46, 1299), (len(files), found.total()))
    yield same("6.10", "… that mention the remote server", 57, found["remote"])
    yield same("6.10", "… right", 1237, found["right"])
    yield same("6.10", "… not decided, and said so", 5, found["undecided"])
    yield same("6.10", "… wrong", 0, found["wrong"])


async def _checked(suites: list[list[dict[str, Any]]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for group in (group for suite in suites for group in suite):
        if REMOTE in json.dumps(group["schema"]):
            found["remote"] += len(group["tests"])
            continue
        try:
            check = JsonSchema(group["schema"])
        except ValueError:  # said before any call is judged: Python's re has no \p{Letter}
            found["undecided"] += len(group["tests"])
            continue
        for test in group["tests"]:
            verdict = await check(_answer(json.dumps(test["data"])))
            if isinstance(verdict, JudgeFailure):
                found["undecided"] += 1
            else:
                found["right" if verdict.value == test["valid"] else "wrong"] += 1
    return found


def _answer(output: str) -> Interaction:
    return Interaction("t", "s", datetime(2026, 1, 1, tzinfo=UTC), "", output)


def _gsm8k(path: Path) -> Iterator[Row]:
    rows = list(lines(path))
    counts, matched = [], 0
    for system in SYSTEMS:
        flags = [bool(row[system]["is_correct"]) for row in rows]
        counts.append(sum(flags))
        ours = [_number(row[system]["solution"], row["ground_truth"]) for row in rows]
        matched += sum(a == b for a, b in zip(flags, ours, strict=True))
    yield same("6.10", "GSM8K right", "286/515/458/742", "/".join(map(str, counts)))
    yield same("6.10", "GSM8K: comparison by us as the flag", 4 * len(rows), matched)


def _number(solution: str, truth: str) -> bool:
    given, expected = LAST_LINE.findall(solution), LAST_LINE.findall(truth)
    return bool(given) and Number(text=True)(given[-1], expected[-1])


def _who_when(path: Path) -> Iterator[Row]:
    """What guessing earns: a random agent of the run, a random step of it."""
    parts: dict[str, list[tuple[float, float]]] = {}
    for row in table(path):
        agents = row["step_agents"].split("|")
        parts.setdefault(row["part"], []).append((1 / len(set(agents)), 1 / int(row["n_steps"])))
    for place, (name, numbers) in enumerate(
        (("agent", ("0.291005", "0.291954")), ("step", ("0.119961", "0.041560")))
    ):
        for (part, chances), number in zip(sorted(parts.items()), numbers, strict=True):
            mean = float(np.mean([one[place] for one in chances]))
            yield exact("6.10", f"Who&When {part}: random {name}", number, mean)
