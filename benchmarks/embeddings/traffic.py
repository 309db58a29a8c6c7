"""Weeks of traffic in which nothing is wrong: weekdays, days that differ, bursts, a batch on Mondays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.drift.embedding import EmbeddingDetector
from monitor.drift.surprise import SurpriseDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.embeddings.texts import Corpus

__all__ = ["HABITS", "Habit", "run_weeks"]

PER_DAY = 1000
BASELINE_DAYS, WEEKS = 8, 4
WINDOW = 1000
BLUR = 0.35
"""Length of what is added to a recorded text's unit vector, so that no text comes twice."""
SERIES = 8
"""Series that share the deployment's half false page a week."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How far traffic is from independent draws."""

    name: str
    weekend: float = 0.0
    """Standard deviation of the log share of each intent at weekends against weekdays."""
    day: float = 0.0
    """The same from day to day."""
    burst: int = 0
    """Copies of one text within an hour (retries, bots), once a day."""
    batch: int = 0
    """Copies of each of five texts on Monday mornings."""
    once_an_hour: bool = True
    """The same text counts once an hour, as the embed job has it."""


HABITS = (
    Habit("independent"),
    Habit("weekends differ", weekend=0.5),
    Habit("days differ", weekend=0.5, day=0.25),
    Habit(
        "and bursts, copies counted", weekend=0.5, day=0.25, burst=80, batch=30, once_an_hour=False
    ),
    Habit("and bursts, once an hour", weekend=0.5, day=0.25, burst=80, batch=30),
)


def run_weeks(
    corpus: Corpus, habit: Habit, seeds: range
) -> tuple[str, int, float, float, float, float]:
    """Name, windows, false alarms at 1 %, those of the worst baseline, watches and pages a week."""
    alarms: list[list[bool]] = []
    watches = pages = 0
    for seed in seeds:
        rng = np.random.default_rng(1000 + seed)
        days = _days(corpus, habit, rng)
        baseline = np.concatenate(days[:BASELINE_DAYS])
        detector = EmbeddingDetector.fit(baseline, window=WINDOW, rng=rng)
        stream = np.concatenate(days[BASELINE_DAYS:])
        watch, page = (SurpriseDetector(arl=7 * SERIES / budget) for budget in (5.0, 0.5))
        seen = []
        for start in range(0, len(stream) - WINDOW + 1, WINDOW):
            look = detector.compare(stream[start : start + WINDOW])
            assert look is not None
            assert look.result.p_value is not None
            seen.append(look.result.status == "drift")
            watch.update(look.result.p_value)
            page.update(look.result.p_value)
            if watch.drift_detected:
                watches, watch = watches + 1, SurpriseDetector(arl=watch.arl)
            if page.drift_detected:
                pages, page = pages + 1, SurpriseDetector(arl=page.arl)
        alarms.append(seen)
    rate = float(np.mean(np.concatenate(alarms)))
    weeks = len(seeds) * WEEKS
    worst = float(max(np.mean(one) for one in alarms))
    return habit.name, sum(map(len, alarms)), rate, worst, watches / weeks, pages / weeks


def _days(corpus: Corpus, habit: Habit, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Vectors of each day, in order of time; the first day is a Monday."""
    rows = corpus.of(*corpus.intents.tolist())
    _, intent = np.unique(corpus.labels[rows], return_inverse=True)
    usual = rng.normal(0, 0.7, intent.max() + 1)
    at_weekends = rng.normal(0, habit.weekend, len(usual))
    batch = rng.choice(rows, 5, replace=False)
    found = []
    for day in range(BASELINE_DAYS + 7 * WEEKS):
        weight = np.exp(usual + at_weekends * (day % 7 >= 5) + rng.normal(0, habit.day, len(usual)))
        share = weight[intent] / weight[intent].sum()
        chosen = corpus.vectors[rng.choice(rows, PER_DAY, p=share)]
        vectors = chosen + BLUR * _directions(chosen.shape, rng)
        repeated = [np.repeat(corpus.vectors[rng.choice(rows)][None], habit.burst, axis=0)]
        repeated += [
            np.repeat(corpus.vectors[row][None], habit.batch * (day % 7 == 0), axis=0)
            for row in batch
        ]
        if habit.once_an_hour:
            repeated = [copies[:1] for copies in repeated]
        place = int(rng.integers(0, PER_DAY))
        found.append(np.concatenate([vectors[:place], *repeated, vectors[place:]]))
    return found


def _directions(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal(shape).astype(np.float32)
    unit: NDArray[np.float32] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit
