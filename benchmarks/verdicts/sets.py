"""Reading the recorded sets, each as its own folder has it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from judges.checks.comparators import contains, exact_match, f1
from judges.statistics.position import both_orders
from judges.statistics.sampling import uniform

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from judges.statistics.position import Orders

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
POINTS = {"A": 1.0, "B": 0.0, "T": 0.5, "X": 0.5}
"""Of the first model: a win, a loss, a tie, both bad."""


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def table(path: Path, *, delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def first_by_hash(keys: Iterable[str], n: int, *, salt: str = "ppi") -> NDArray[np.bool_]:
    """Which are the n with the smallest hash: a random sample that everybody draws alike."""
    places = np.array([uniform(key, salt) for key in keys])
    chosen = np.zeros(len(places), dtype=bool)
    chosen[np.argsort(places, kind="stable")[:n]] = True
    return chosen


@dataclass(frozen=True, slots=True, eq=False)
class Arena:
    """Comparisons of two models by people and by judges."""

    keys: list[str]
    models: list[str]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    votes: dict[str, list[str]]
    """By `human` and by judge: A, B or T; ties of both kinds are T."""

    def points(self, who: str) -> Floats:
        """Of the model shown first."""
        return np.array([POINTS[one] for one in self.votes[who]])

    def of(self, model: str) -> tuple[NDArray[np.bool_], dict[str, Floats]]:
        """Comparisons with this model, and what it won of them by each rater."""
        place = self.models.index(model)
        with_it = (self.first == place) | (self.second == place)
        won = {}
        for who in self.votes:
            points = self.points(who)[with_it]
            won[who] = np.where(self.first[with_it] == place, points, 1 - points)
        return with_it, won


def arena(folder: Path) -> Arena:
    """`judgments.csv` with one column per judge, and `models.json`."""
    rows = table(folder / "judgments.csv")
    names = folder / "models.json"
    raters = [name for name in rows[0] if name not in ("num", "qid12", "model_a", "model_b")]
    if names.exists():
        models = [str(one) for one in json.loads(names.read_text("utf-8"))]
        sides = [[int(row[side]) for row in rows] for side in ("model_a", "model_b")]
    else:
        models = sorted({row[side] for row in rows for side in ("model_a", "model_b")})
        sides = [[models.index(row[side]) for row in rows] for side in ("model_a", "model_b")]
    votes = {who: ["T" if row[who] == "X" else row[who] for row in rows] for who in raters}
    keys = [f"arena:{row['num']}" for row in rows]
    return Arena(keys, models, np.array(sides[0]), np.array(sides[1]), votes)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """One system's answers to questions with a golden answer."""

    keys: list[str]
    human: Floats
    """1 where a person says it is right."""
    contained: Floats
    """1 where the golden answer occurs in it: a judge without a model."""
    same: Floats
    overlap: Floats


def answers(folder: Path, name: str, system: str) -> Answers:
    """Of QA-Eval's `TQ.json` or `NQ.json`, without the questions marked as improper."""
    with (folder / f"{name}.json").open(encoding="utf-8") as file:
        rows = [(f"{name}:{n}", row) for n, row in enumerate(json.load(file))]
    rows = [(key, row) for key, row in rows if not row["improper"] and row["golden_answer"]]
    rows = [(key, row) for key, row in rows if isinstance(row[f"judge_{system}"], bool)]
    said = [row[f"answer_{system}"] or "" for _, row in rows]
    golden = [row["golden_answer"].split("/") for _, row in rows]
    both = list(zip(said, golden, strict=True))
    return Answers(
        [key for key, _ in rows],
        np.array([float(row[f"judge_{system}"]) for _, row in rows]),
        np.array([float(contains(text, right)) for text, right in both]),
        np.array([float(exact_match(text, right)) for text, right in both]),
        np.array([f1(text, right) for text, right in both]),
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """One judge's verdicts on LLMBar pairs in both orders."""

    truth: list[str]
    given: list[str]
    swapped: list[str]

    @property
    def orders(self) -> Orders:
        """What the order did to them."""
        found = both_orders(self.given, self.swapped, self.truth)
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class LLMBar:
    """LLMBar's labels and verdicts."""

    label: dict[tuple[str, int], str]
    main: frozenset[tuple[str, int]]
    """The 419 pairs of the benchmark proper."""
    verdicts: dict[tuple[str, str, str], dict[tuple[str, int], tuple[str, str]]]
    """By subset, judge and strategy: verdict in the given and in the swapped order."""

    def pairs(self, judge: str, strategy: str = "Vanilla", *, subset: str = "") -> Pairs:
        """Of the main benchmark, or of one subset."""
        found = {
            key: verdict
            for (part, who, how), items in self.verdicts.items()
            if who == judge and how == strategy and (not subset or part == subset)
            for key, verdict in items.items()
            if subset or key in self.main
        }
        given, swapped = ([one[k] for one in found.values()] for k in (0, 1))
        return Pairs([self.label[key] for key in found], given, swapped)


def llmbar(folder: Path) -> LLMBar:
    """`items.jsonl` and `verdicts.csv`."""
    label, main = {}, set()
    for row in lines(folder / "items.jsonl"):
        key = (str(row["subset"]), int(row["idx"]))
        label[key] = str(row["label"])
        if row.get("input") is not None:
            main.add(key)
    verdicts: dict[tuple[str, str, str], dict[tuple[str, int], tuple[str, str]]] = {}
    for one in table(folder / "verdicts.csv"):
        part = verdicts.setdefault((one["subset"], one["judge"], one["strategy"]), {})
        part[one["subset"], int(one["idx"])] = (one["winner_orig"], one["winner_swap"])
    return LLMBar(label, frozenset(main), verdicts)
