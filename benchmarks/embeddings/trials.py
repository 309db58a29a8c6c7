"""Many splits of the texts: a fresh baseline, fresh unchanged windows, and windows into which something came."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.embeddings.peers import peers
from monitor.drift.embedding import EmbeddingDetector
from monitor.drift.language import LanguageDetector
from monitor.drift.terms import TermDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from benchmarks.embeddings.texts import Corpus

__all__ = ["SCENARIOS", "Found", "run_trials"]

HELD_OUT = 27
"""Intents that nobody asks about before."""
GROWING = 5
SPARE = 0.8
"""Share of the growing intents' texts that is kept aside, so that what comes is fresh."""
SCENARIOS = (
    *("null", "mix .1", "new .02", "new .05", "oos .02", "oos .05"),
    *("typo .05", "typo .1", "lang .01", "lang .02"),
)

Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Split(NamedTuple):
    """Rows of the corpus by what they are used for."""

    baseline: Rows
    fresh: tuple[Rows, Rows]
    """Two unchanged windows."""
    spare: Rows
    """More of the growing intents."""
    held_out: tuple[str, ...]


@dataclass(slots=True)
class Found:
    """What was seen, by detector and scenario."""

    alarms: dict[tuple[str, str], list[bool]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    purity: dict[str, list[tuple[bool, float]]] = field(default_factory=lambda: defaultdict(list))
    """By scenario: whether it alarmed, and the share of the ten examples that came in."""
    baselines: list[int] = field(default_factory=list)


def run_trials(corpus: Corpus, window: int, seeds: range, *, with_peers: bool) -> Found:
    """Fit and look, for every seed."""
    found = Found()
    beside = peers() if with_peers else {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        split = _split(corpus, window, rng)
        found.baselines.append(len(split.baseline))
        looks = _ours(corpus, split, window, rng)
        reference = corpus.vectors[split.baseline]
        for name, rows, came in _windows(corpus, split, window, rng):
            _look(found, looks, name, rows, len(rows) - came)
            for peer, verdict in beside.items():
                began = time.process_time()
                found.alarms[peer, name].append(verdict(reference, corpus.vectors[rows]))
                found.seconds[peer].append(time.process_time() - began)
    return found


def _ours(
    corpus: Corpus, split: Split, window: int, rng: np.random.Generator
) -> dict[str, Callable[[Rows], tuple[bool, tuple[int, ...]]]]:
    texts = [corpus.texts[row] for row in split.baseline]
    moved = EmbeddingDetector.fit(corpus.vectors[split.baseline], window=window, rng=rng)
    terms = TermDetector.fit(texts, window=window, rng=rng)
    spoken = LanguageDetector.fit(texts, window=window, rng=rng)

    def embedding(rows: Rows) -> tuple[bool, tuple[int, ...]]:
        look = moved.compare(corpus.vectors[rows])
        assert look is not None
        return look.result.status == "drift", look.region.members

    def term(rows: Rows) -> tuple[bool, tuple[int, ...]]:
        look = terms.compare([corpus.texts[row] for row in rows])
        return look is not None and look.result.status == "drift", ()

    def language(rows: Rows) -> tuple[bool, tuple[int, ...]]:
        look = spoken.compare([corpus.texts[row] for row in rows])
        return look is not None and look.result.status == "drift", ()

    return {"embedding": embedding, "terms": term, "language": language}


def _look(
    found: Found,
    looks: dict[str, Callable[[Rows], tuple[bool, tuple[int, ...]]]],
    name: str,
    rows: Rows,
    came_from: int,
) -> None:
    any_alarm = False
    for detector, look in looks.items():
        began = time.process_time()
        alarm, members = look(rows)
        found.seconds[detector].append(time.process_time() - began)
        found.alarms[detector, name].append(alarm)
        any_alarm |= alarm
        if members and name != "null":
            right = float(np.mean([member >= came_from for member in members]))
            found.purity[name].append((alarm, right))
    found.alarms["any of the three", name].append(any_alarm)


def _split(corpus: Corpus, window: int, rng: np.random.Generator) -> Split:
    """Deal the texts out; the growing intents keep their usual share of baseline and windows."""
    chosen = rng.permutation(corpus.intents)
    held_out, growing = chosen[:HELD_OUT], chosen[HELD_OUT : HELD_OUT + GROWING]
    usual = rng.permutation(corpus.of(*chosen[HELD_OUT:]))
    labels = corpus.labels[usual]
    aside = np.zeros(len(usual), dtype=bool)
    for intent in growing:
        rows = np.flatnonzero(labels == intent)
        aside[rows[: round(SPARE * len(rows))]] = True
    rest = usual[~aside]
    return Split(
        rest[2 * window :],
        (rest[:window], rest[window : 2 * window]),
        usual[aside],
        tuple(held_out.tolist()),
    )


def _windows(
    corpus: Corpus, split: Split, window: int, rng: np.random.Generator
) -> Iterator[tuple[str, Rows, int]]:
    """Name, rows and how many of them, the last ones, came in."""
    for usual in split.fresh:
        new = corpus.of(*rng.choice(split.held_out, 2, replace=False).tolist())
        pools: dict[str, NDArray[np.int64]] = {
            "mix": split.spare,
            "new": new,
            "oos": corpus.of("oos"),
            "typo": corpus.of("typo"),
            "lang": corpus.of("lang"),
        }
        yield "null", usual, 0
        for name in SCENARIOS[1:]:
            kind, share = name.split()
            pool = pools[kind]
            came = min(round(float(share) * window), len(pool))
            chosen = rng.choice(pool, came, replace=False)
            yield name, np.concatenate([usual[: window - came], chosen]), came
