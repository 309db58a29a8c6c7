"""6.3 position, 6.4 parsing, and 6.6 ranking and self-preference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.verdicts.row import Row, at_least, exact, near, same
from benchmarks.verdicts.sets import LLMBar, arena, lines, llmbar
from judges.asking.replies import UnreadableError, read
from judges.asking.shapes import Shape, Slot
from judges.panels.families import self_preference
from judges.statistics.agreement import agreement, cohen_kappa, spearman
from judges.statistics.position import first_share
from judges.statistics.ranking import Comparisons, bradley_terry, win_rates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

JUDGES = ("gpt4", "claude3", "gpt35")
CHOICE = Shape((Slot("choice", ("a", "b"), r"Output \(([ab])\) is better"),), reason=False)


def positions(data: Path) -> Iterator[Row]:
    """6.3."""
    bar = llmbar(data / "llmbar")
    expected = {
        "GPT-4": ("0.844869", "0.809069", "0.928401", "0.047733", "0.023866"),
        "PaLM2": ("0.698091", "0.560859", "0.715990", "0.198091", ""),
        "Falcon": ("0.564439", "0.272076", "0.415274", "0.568019", ""),
    }
    for judge, numbers in expected.items():
        found = bar.pairs(judge).orders
        rates = (found.accuracy, found.both_right, found.consistent, found.primacy, found.recency)
        names = ("accuracy", "both orders right", "consistent", "primacy", "recency")
        for name, number, rate in zip(names, numbers, rates, strict=True):
            if number:
                value = rate.value if rate else None
                yield exact("6.3", f"LLMBar Vanilla {judge} {name}", number, value)
    natural = bar.pairs("GPT-4", subset="Natural")
    rate = natural.orders.accuracy
    yield exact("6.3", "LLMBar Natural GPT-4 accuracy", "0.955", rate.value if rate else None)
    kappa = cohen_kappa(natural.truth, natural.given)
    yield exact("6.3", "LLMBar Natural GPT-4 kappa, given order", "0.897709", kappa)
    published = list(lines(data / "llmbar" / "published_statistics.jsonl"))
    right = sum(_as_published(bar, row) for row in published)
    yield same("6.3", "LLMBar published counts reproduced", 499, right)
    votes = arena(data / "arena_ppr").votes
    told = {"human": "0.503306", "gpt4": "0.551320", "claude3": "0.395209", "gpt35": "0.862620"}
    for who, number in told.items():
        share = first_share(votes[who], first="A", second="B")
        yield exact("6.3", f"Arena first place, {who}", number, share.value if share else None)


def _as_published(bar: LLMBar, row: dict[str, Any]) -> bool:
    """All four counts and the number of pairs; two unreadable verdicts are equal there."""
    pairs = bar.pairs(row["judge"], row["strategy"], subset=row["subset"])
    both = pairs.orders.both_right
    found = {
        "correct_False": agreement(pairs.given, pairs.truth),
        "correct_True": agreement(pairs.swapped, pairs.truth),
        "correct_both": both,
        "equal": agreement(pairs.given, pairs.swapped),
    }
    counts = {k: f"{round(one.value * one.n)} / {one.n} " for k, one in found.items() if one}
    return all(str(row[name]).startswith(count) for name, count in counts.items())


def parsing(data: Path) -> Iterator[Row]:
    """6.4: the raw texts of the CoT strategy through the reader of replies."""
    bar = llmbar(data / "llmbar")
    least = {"GPT-4": 838, "ChatGPT": 833, "LLaMA2": 834, "Falcon": 830}
    for judge in (*least, "PaLM2"):
        rows = list(lines(data / "llmbar" / f"raw_cot_{judge}.jsonl"))
        winners = [_winner(row) for row in rows]
        agree = sum(w == row["winner"] for w, row in zip(winners, rows, strict=True) if w)
        if judge in least:
            name = f"{judge}: as recorded, of {len(rows)}"
            yield at_least("6.4", name, least[judge], agree)
            continue
        against = sum(w != row["winner"] for w, row in zip(winners, rows, strict=True) if w)
        yield near("6.4", f"{judge}: contradicts the recorded winner", 146, against, 3)
        truth = [bar.label[row["subset"], row["idx"]] for row in rows]
        before = agreement([row["winner"] for row in rows], truth)
        after = agreement(winners, truth)
        yield exact(
            "6.4", f"{judge}: accuracy as recorded", "0.585919", before.value if before else None
        )
        value = after.value if after else None
        yield near("6.4", f"{judge}: accuracy as read by us", 0.638425, value, 0.004)


def _winner(row: dict[str, Any]) -> str | None:
    """In the stored numbering; None where the text cannot be read."""
    try:
        letter = read(row["text"] or "", CHOICE).answers["choice"]
    except UnreadableError:
        return None
    return "12"["ab".index(letter) ^ int(row["swap"])]


def ranks(data: Path) -> Iterator[Row]:
    """6.6."""
    votes = arena(data / "arena_ppr")
    games = {
        who: Comparisons(tuple(votes.models), votes.first, votes.second, votes.points(who))
        for who in ("human", *JUDGES)
    }
    rates = {who: win_rates(one) for who, one in games.items()}
    strengths = {who: bradley_terry(one) for who, one in games.items()}
    for name, found, expected in (
        ("win rates", rates, ("0.984962", "0.965414", "0.923308")),
        ("Bradley-Terry", strengths, ("0.980451", "0.992481", "0.944361")),
    ):
        for judge, number in zip(JUDGES, expected, strict=True):
            value = spearman(found["human"], found[judge])
            yield exact("6.6", f"{name}: Spearman with people, {judge}", number, value)
    human = dict(zip(votes.models, strengths["human"], strict=True))
    for model, number in (
        ("gpt-4", "1.367"),
        ("claude-v1", "1.105"),
        ("claude-instant-v1", "0.974"),
    ):
        yield exact("6.6", f"strength of {model}", number, float(human[model]))
    places = {
        name: np.array([model in chosen for model in votes.models])
        for name, chosen in (("own", ("gpt-4",)), ("rival", ("claude-v1", "claude-instant-v1")))
    }
    by = {who: votes.points(who) for who in ("gpt4", "claude3")}

    def results(group: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
        first, second = group[votes.first], group[votes.second]
        one, other = ([*by[w][first], *(1 - by[w][second])] for w in ("gpt4", "claude3"))
        return one, other

    lead = self_preference(results(places["own"]), results(places["rival"]))
    yield exact("6.6", "self-preference, GPT-4 against Claude-3: DiD", "0.035598", lead.value)
    yield exact("6.6", "… standard error", "0.009", lead.standard_error)
