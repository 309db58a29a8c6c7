"""6.5 juries, repeats and cost, on best-of-4 scores and on LLMBar."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from benchmarks.verdicts.row import Row, exact, same
from benchmarks.verdicts.sets import LLMBar, lines, llmbar
from judges.asking.prices import Price
from judges.statistics.agreement import effective_votes, repeatability
from judges.statistics.ranking import credit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

Items: TypeAlias = "dict[tuple[str, str], dict[str, Any]]"
PRICES = {"full": Price(2.50, 15.00), "mini": Price(0.75, 4.50)}
REPEATS = 8
MARGIN = 0.4
PANEL = (
    "our rule keeps an item when all four models gave four readable scores in their first call: 1,683 of them;"
    " which 16 more the reference left out is not said, so this stays a miss"
)
SIX = ("GPT-4", "ChatGPT", "ChatGPT-0301", "LLaMA2", "PaLM2", "Falcon")


def panels(data: Path) -> Iterator[Row]:
    """6.5."""
    folder = data / "composo_rb2"
    base, claude, nano = (
        {(row["id"], row["subset"]): row for row in lines(folder / f"base_{name}_k8.jsonl")}
        for name in ("both", "claude_both", "nano")
    )
    yield from _single(base)
    yield from _panel(base, claude)
    yield from _cascade(base)
    yield from _noise({"full": base, "mini": base}, claude, nano)
    yield from _llmbar(llmbar(data / "llmbar"))


def scores(
    row: dict[str, Any], judge: str, k: int, *, readable: bool = False
) -> list[float] | None:
    """Each answer's mean score over the first k calls; None where an answer has none.

    A call that failed is none of a mean; `readable` takes the first k that did not fail.
    """
    means = []
    for calls in row[f"{judge}_scores"]:
        asked = [one for one in calls if one is not None][:k] if readable else calls[:k]
        told = [one for one in asked if one is not None]
        if not told:
            return None
        means.append(float(np.mean(told)))
    return means


def usd(row: dict[str, Any], judge: str, k: int) -> float:
    """Input is charged once per call of n completions, output for the k that were taken."""
    used, price = row["cost"], PRICES[judge]
    once = price.cost(used[f"{judge}_input_tokens"], 0)
    return once + price.cost(0, used[f"{judge}_output_tokens"]) * k / REPEATS


@dataclass(frozen=True, slots=True)
class Told:
    """How often the best answer came first."""

    n: int
    tied: int
    ties_wrong: float
    ties_split: float


def told(chosen: Sequence[Sequence[float]]) -> Told:
    """Of scores in which the first answer is the right one."""
    earned = [credit(one) for one in chosen]
    tied = sum(sum(abs(x - max(one)) < 1e-9 for x in one) > 1 for one in chosen)
    sure = float(np.mean([one == 1 for one in earned]))
    return Told(len(earned), tied, sure, float(np.mean(earned)))


def _single(base: Items) -> Iterator[Row]:
    expected = {
        ("full", 1): ("0.717178", "0.796848", "0.013329"),
        ("full", 8): ("0.815029", "0.832514", "0.066331"),
        ("mini", 8): ("0.791908", "", "0.015352"),
    }
    for (judge, k), (wrong, split, cost) in expected.items():
        found = told([m for row in base.values() if (m := scores(row, judge, k))])
        if k == 1:
            yield same("6.5", "full k=1: n, tied", (1729, 353), (found.n, found.tied))
        yield exact("6.5", f"{judge} k={k}, ties wrong", wrong, found.ties_wrong)
        if split:
            yield exact("6.5", f"{judge} k={k}, ties split", split, found.ties_split)
        mean = float(np.mean([usd(row, judge, k) for row in base.values()]))
        yield exact("6.5", f"{judge} k={k}, USD", cost, mean)


def _panel(base: Items, claude: Items) -> Iterator[Row]:
    chosen = []
    for key in base.keys() & claude.keys():
        both = (
            (base[key], "full"),
            (base[key], "mini"),
            (claude[key], "full"),
            (claude[key], "mini"),
        )
        means = [scores(row, judge, 1) for row, judge in both]
        readable = [one for one in means if one is not None]
        if len(readable) == len(means):
            chosen.append([float(x) for x in np.mean(readable, axis=0)])
    found = told(chosen)
    yield replace(same("6.5", "4-model panel k=1: n", 1667, found.n), why=PANEL)
    panel = exact("6.5", "4-model panel k=1, ties split", "0.872725", found.ties_split)
    yield replace(panel, why=PANEL)


def _cascade(base: Items) -> Iterator[Row]:
    chosen, cost, escalated = [], 0.0, 0
    for row in base.values():
        cheap = scores(row, "mini", 3, readable=True)
        dear = scores(row, "full", 3, readable=True)
        if cheap is None or dear is None:
            continue
        cost += usd(row, "mini", 3)
        second, first = sorted(cheap)[-2:]
        unsure = first - second <= MARGIN + 1e-9
        if unsure:
            escalated += 1
            cost += usd(row, "full", 3)
        chosen.append(dear if unsure else cheap)
    found = told(chosen)
    yield exact("6.5", "cascade mini -> full k=3, ties split", "0.823699", found.ties_split)
    yield exact("6.5", "cascade, USD", "0.014370", cost / found.n)
    yield exact("6.5", "cascade, escalated", "0.249", escalated / found.n)


def _noise(openai: dict[str, Items], claude: Items, nano: Items) -> Iterator[Row]:
    sources = (
        ("GPT-5.4", openai["full"], "full", "0.964"),
        ("Sonnet", claude, "full", "0.939"),
        ("mini", openai["mini"], "mini", "0.931"),
        ("Haiku", claude, "mini", "0.907"),
        ("nano", nano, "nano", "0.797"),
    )
    for name, items, judge, number in sources:
        every = [row[f"{judge}_scores"] for row in items.values()]
        whole = [
            four for four in every if all(None not in one and len(one) == REPEATS for one in four)
        ]
        calls = [one for four in whole for one in four]
        yield exact("4.2", f"ICC of one call, {name}", number, repeatability(calls))


def _llmbar(bar: LLMBar) -> Iterator[Row]:
    six = [bar.pairs(judge) for judge in SIX]
    truth = six[0].truth
    votes = np.zeros((len(truth), 2))
    errors = np.zeros((len(truth), len(SIX)))
    for place, pairs in enumerate(six):
        for order in (pairs.given, pairs.swapped):
            for row, (said, right) in enumerate(zip(order, truth, strict=True)):
                if said in ("1", "2"):
                    votes[row, int(said != right)] += 1
                errors[row, place] += (said != right) / 2
    jury = float(np.mean([credit(list(row)) for row in votes]))
    yield exact("6.5", "LLMBar 6 judges, equal votes", "0.602625", jury)
    yield exact("6.5", "LLMBar 6 judges, effective votes", "1.951885", effective_votes(errors))
