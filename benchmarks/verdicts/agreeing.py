"""6.1 agreement and 6.2 scores from log-probabilities."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.verdicts.row import Row, absent, exact, same
from benchmarks.verdicts.sets import Arena, arena, table
from judges.statistics.agreement import (
    agreement,
    cohen_kappa,
    gwet_ac1,
    krippendorff_alpha,
    spearman,
)
from judges.statistics.rates import wilson
from judges.statistics.worth import correlation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PANDALM = {"1": 1, "2": 2, "Tie": 0}


def agreeing(data: Path) -> Iterator[Row]:
    """6.1, with the sets that are there."""
    yield from _pandalm(data / "pandalm")
    yield from _arena(arena(data / "arena_ppr"))
    yield from _hanna(data / "hanna")
    held_out = data / "arena_2025"
    if not (held_out / "judgments.csv").exists():
        yield absent("6.1", "arena_2025: GPT-5.2 agreement, kappa")
    else:
        yield from _arena_2025(arena(held_out))
    yield absent("6.1", "unieval: Topical-Chat Spearman")


def _value(one: Sequence[object], other: Sequence[object]) -> float | None:
    rate = agreement(one, other)
    return None if rate is None else rate.value


def _pandalm(folder: Path) -> Iterator[Row]:
    items = json.loads((folder / "testset-v1.json").read_text("utf-8"))
    people = [[row[f"annotator{k}"] for k in (1, 2, 3)] for row in items]
    told = zip(("0.852023", "0.878944", "0.861661"), ((0, 1), (0, 2), (1, 2)), strict=True)
    for expected, (one, other) in told:
        pair = ([row[one] for row in people], [row[other] for row in people])
        name = f"PandaLM annotators {one + 1}, {other + 1}: kappa"
        yield exact("6.1", name, expected, cohen_kappa(*pair))
    yield exact("6.1", "PandaLM alpha", "0.864221", krippendorff_alpha(people))
    majority = [max(set(row), key=row.count) for row in people]
    counts = "/".join(str(majority.count(k)) for k in (0, 1, 2))
    yield same("6.1", "PandaLM majority tie/1/2", "105/422/472", counts)
    replies = json.loads((folder / "gpt-3.5-turbo-testset-v1.json").read_text("utf-8"))
    said = [PANDALM.get(str(row["gpt_result"])) for row in replies]
    yield same("6.1", "PandaLM GPT-3.5 unparsable", 25, said.count(None))
    pairs = [(y, f) for y, f in zip(majority, said, strict=True) if f is not None]
    human, judge = [y for y, _ in pairs], [f for _, f in pairs]
    yield exact("6.1", "PandaLM GPT-3.5 accuracy", "0.715606", _value(human, judge))
    wrong = wilson(sum(y == f for y, f in pairs), len(said))
    yield exact("6.1", "… unparsable as wrong", "0.697698", wrong.value if wrong else None)
    yield exact("6.1", "PandaLM GPT-3.5 kappa", "0.492865", cohen_kappa(human, judge))
    yield exact("6.1", "PandaLM GPT-3.5 AC1", "0.605150", gwet_ac1(human, judge))
    clear = [(y, f) for y, f in pairs if y and f]
    yield same("6.1", "PandaLM pairs without ties", 849, len(clear))
    no_tie = _value([y for y, _ in clear], [f for _, f in clear])
    yield exact("6.1", "PandaLM GPT-3.5 without ties", "0.815077", no_tie)


def _arena(votes: Arena) -> Iterator[Row]:
    expected = {
        "gpt4": ("0.832743", "0.665113", "0.554701"),
        "claude3": ("0.722701", "0.439998", "0.475203"),
        "gpt35": ("0.569582", "0.135009", "0.400238"),
    }
    for judge, (clear, kappa, every) in expected.items():
        human, said = _decided(votes, judge)
        if judge == "gpt4":
            yield same("6.1", "Arena pairs without ties, GPT-4", 14397, len(human))
        yield exact("6.1", f"Arena {judge} without ties", clear, _value(human, said))
        yield exact("6.1", f"Arena {judge} kappa", kappa, cohen_kappa(human, said))
        both = votes.votes["human"], votes.votes[judge]
        yield exact("6.1", f"Arena {judge} with ties", every, _value(*both))


def _decided(votes: Arena, judge: str) -> tuple[list[str], list[str]]:
    pairs = zip(votes.votes["human"], votes.votes[judge], strict=True)
    clear = [(y, f) for y, f in pairs if y in "AB" and f in "AB" and f]
    return [y for y, _ in clear], [f for _, f in clear]


def _arena_2025(votes: Arena) -> Iterator[Row]:
    """Its judges' columns are not known here; GPT-5.2's is the one whose name says so."""
    judge = next((name for name in votes.votes if "5" in name and "4o" not in name), "")
    if "human" not in votes.votes or not judge:
        yield absent("6.1", "arena_2025: no column of GPT-5.2 in its judgments.csv")
        return
    human, said = votes.votes["human"], votes.votes[judge]
    told = [(y, f) for y, f in zip(human, said, strict=True) if f in ("A", "B", "T")]
    sides = [y for y, _ in told], [f for _, f in told]
    yield exact("6.1", f"arena_2025 {judge} agreement", "0.560", _value(*sides))
    yield exact("6.1", f"arena_2025 {judge} kappa", "0.129", cohen_kappa(*sides))


def _hanna(folder: Path) -> Iterator[Row]:
    rows = table(folder / "ratings.csv")
    panel = [name for name in rows[0] if name.endswith("_p1")]
    similar = {(one["story"], one["system"]): one for one in table(folder / "similarity.csv")}
    of_bert, of_length = [], []
    for criterion in sorted({row["criterion"] for row in rows}):
        part = [row for row in rows if row["criterion"] == criterion]
        people = [[int(row[f"h{k}"]) for k in (1, 2, 3)] for row in part]
        means = [float(np.mean(one)) for one in people]
        expected = {"CX": "0.265823", "CH": "-0.053903"}.get(criterion)
        if expected:
            alpha = krippendorff_alpha(people, level="ordinal")
            yield exact("6.1", f"HANNA ordinal alpha {criterion}", expected, alpha)
        if criterion == "CX":
            jury = [float(np.mean([float(row[name]) for name in panel])) for row in part]
            yield exact("6.1", "HANNA jury of 5 Spearman CX", "0.568974", spearman(jury, means))
        machines = [
            (similar[row["story"], row["system"]], mean)
            for row, mean in zip(part, means, strict=True)
            if row["system"] != "Human"
        ]
        level = [mean for _, mean in machines]
        of_bert.append(spearman([float(one["bertscore_f1"]) for one, _ in machines], level) or 0.0)
        of_length.append(spearman([float(one["length"]) for one, _ in machines], level) or 0.0)
    for name, found, low, high in (
        ("BERTScore", of_bert, "0.172", "0.334"),
        ("length", of_length, "0.159", "0.474"),
    ):
        yield exact("6.1", f"HANNA {name} Spearman, least", low, min(found))
        yield exact("6.1", f"HANNA {name} Spearman, most", high, max(found))


def scores(data: Path) -> Iterator[Row]:
    """6.2: the expected score of a distribution against its most likely one."""
    folder = data / "llm_rubric"
    label, most, mean = _rubric(folder, "real", "Q0")
    yield same("6.2", "LLM-Rubric real Q0, n", 223, len(label))
    yield exact("6.2", "RMSE of the argmax", "1.201643", _rmse(most, label))
    yield exact("6.2", "RMSE of the expected score", "0.918676", _rmse(mean, label))
    yield exact("6.2", "Pearson of the argmax", "0.140091", correlation(label, most))
    yield exact("6.2", "Pearson of the expected score", "0.177301", correlation(label, mean))
    better = []
    for question in [f"Q{k}" for k in range(9)]:
        label, most, mean = _rubric(folder, "synth", question)
        if _rmse(mean, label) < _rmse(most, label):
            better.append(question)
    expected = "Q0 Q1 Q2 Q5 Q6 Q7 Q8"
    yield same("6.2", "synthetic: expected beats argmax", expected, " ".join(better))


def _rubric(folder: Path, part: str, question: str) -> tuple[list[float], list[float], list[float]]:
    chances = {
        row["text_id"]: [float(row[f"answer{k}_prob"]) for k in (1, 2, 3, 4)]
        for row in table(folder / f"{part}_llm.tsv", delimiter="\t")
        if row["criterion"] == question
    }
    label, most, mean = [], [], []
    for row in table(folder / f"{part}_human.tsv", delimiter="\t"):
        said, p = float(row[question] or 0), chances.get(row["text_id"])
        if said and p:
            label.append(said)
            most.append(1.0 + p.index(max(p)))
            mean.append(sum(k * one for k, one in enumerate(p, 1)) / sum(p))
    return label, most, mean


def _rmse(guess: Sequence[float], label: Sequence[float]) -> float:
    return float(np.sqrt(np.mean((np.array(guess) - np.array(label)) ** 2)))
