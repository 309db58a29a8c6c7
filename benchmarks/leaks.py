"""From which cosine are two inputs nearly the same? What is caught, and what it costs, on real texts.

    python -m benchmarks.leaks [--data FOLDER] [--vectors] [--seed 7] [--most 5000]

FOLDER holds `banking77/test.csv`, `clinc_oos/test.json`, `gsm8k/example_model_solutions.jsonl` (public data; left
out where they are missing); synthetic mortgage calls stand for a service whose inputs share one template. A tenth of
each is reserved. Printed for each threshold: the share of the other, different texts that would be kept out of
training (the cost), and the share of reserved texts that is still found after a small edit (the catch). `--vectors`
does the same with sentence embeddings. Exits 1 when the product's threshold misses the bounds below.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from monitor.curation.choice import Curation
from monitor.curation.similarity import NearestTexts, near_vectors, normalised
from monitor.demo.mortgage import calls
from monitor.jobs.embed import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

THRESHOLDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)
CAUGHT, COST = 0.95, 0.05
"""What the threshold has to do on texts of more than 100 characters: catch so many edited ones, cost so few others."""
LONG = 100
EDITS = ("case", "end", "please", "typo", "word")
START = datetime(2023, 12, 1, tzinfo=UTC)
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def edited(text: str, how: str, rng: Generator) -> str:
    """The text with one small change."""
    words = text.split(" ")
    place = int(rng.integers(0, len(words)))
    if how == "case":
        return text.swapcase().replace(" ", "  ")
    if how == "end":
        return text.rstrip(".?! ") + "!!"
    if how == "please":
        return f"Hello, {text} Thanks!"
    if how == "typo":
        word = words[place] or "x"
        cut = int(rng.integers(0, len(word)))
        return " ".join([*words[:place], word[:cut] + word[cut + 1 :], *words[place + 1 :]])
    return " ".join([*words[:place], *words[place + 1 :]]) or text


def corpora(folder: Path, rng: Generator, most: int) -> dict[str, list[str]]:
    """Texts by name, different ones only."""
    found: dict[str, list[str]] = {
        "mortgage calls (template)": [log.text for log in calls(START, 12, most // 10, rng)]
    }
    path = folder / "banking77" / "test.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            found["banking77 (short)"] = [row["text"] for row in csv.DictReader(file)]
    path = folder / "clinc_oos" / "test.json"
    if path.exists():
        found["clinc_oos (short)"] = [row[0] for row in json.loads(path.read_text("utf-8"))["test"]]
    path = folder / "gsm8k" / "example_model_solutions.jsonl"
    if path.exists():
        lines = path.read_text("utf-8").splitlines()
        found["gsm8k (problems)"] = [json.loads(line)["question"] for line in lines]
        head = (
            "You are a helpful tutor. Solve the problem, step by step, and end with the number. "
            * 12
        )
        found["gsm8k behind a long prompt"] = [head + text for text in found["gsm8k (problems)"]]
    return {
        name: list({normalised(text): text for text in texts}.values())[:most]
        for name, texts in found.items()
    }


def lexical(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
    """As the product compares."""
    return NearestTexts(others, texts).cosines()


def semantic(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float32]:
    """By sentence embeddings."""
    both = np.asarray(encode(MODEL, [*texts, *others]), dtype=np.float32)
    return near_vectors(both[: len(texts)], both[len(texts) :])


def measure(
    texts: Sequence[str], nearest: Callable[..., NDArray[np.float32]], rng: Generator
) -> tuple[NDArray[np.float64], Mapping[str, NDArray[np.float64]]]:
    """By threshold: the share of different texts kept out, and what is caught of each kind of edit.

    Edited texts are asked about among the others, in one go, as a build does.
    """
    shuffled = [texts[place] for place in rng.permutation(len(texts))]
    kept, others = shuffled[: len(texts) // 10], shuffled[len(texts) // 10 :]
    asked = list(others)
    for how in EDITS:
        asked += [edited(text, how, rng) for text in kept[:100]]
    cosines = nearest(asked, kept)
    grid = np.asarray(THRESHOLDS)[:, None]
    cost = (cosines[: len(others)] >= grid).mean(axis=1)
    caught = {}
    for number, how in enumerate(EDITS):
        start = len(others) + number * len(kept[:100])
        caught[how] = (cosines[start : start + len(kept[:100])] >= grid).mean(axis=1)
    return cost, caught


def main() -> int:
    """Print the tables; 1 when the product's threshold is not where it should be."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument("--data", type=Path, default=Path("data/judges"))
    reader.add_argument("--vectors", action="store_true")
    reader.add_argument("--seed", type=int, default=7)
    reader.add_argument("--most", type=int, default=5000)
    given = reader.parse_args()
    rng = np.random.default_rng(given.seed)
    threshold = Curation().near_vectors if given.vectors else Curation().near
    place = int(np.argmin(np.abs(np.asarray(THRESHOLDS) - threshold)))
    good = True
    for name, texts in corpora(given.data, rng, given.most).items():
        cost, caught = measure(texts, semantic if given.vectors else lexical, rng)
        length = int(np.median([len(text) for text in texts]))
        print(f"\n{name}: {len(texts)} texts, {length} characters in the middle")
        print("  cosine from   kept out " + " ".join(f"{how:>7}" for how in EDITS))
        for row, at in enumerate(THRESHOLDS):
            mark = "*" if row == place else " "
            told = " ".join(f"{caught[how][row]:7.3f}" for how in EDITS)
            print(f"  {at:10.2f} {mark}  {cost[row]:8.4f} {told}")
        if length > LONG:
            good &= min(one[place] for one in caught.values()) >= CAUGHT and cost[place] <= COST
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
