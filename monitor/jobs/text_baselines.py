"""Baselines of texts: chosen by themselves, learnt once, and kept in a file that can be made again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from monitor.drift.windows import LEAST_WINDOWS
from monitor.jobs.job import Window
from monitor.jobs.series import BASELINE_SPAN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.jobs.text_looks import Kind, Vectors
    from monitor.jobs.text_sample import SampledText

__all__ = ["Baseline", "choose_baseline", "fitted", "thinned"]

SMALLEST, LARGEST, STEP = 200, 1000, 100
"""Members of a window: about a day's, rounded."""
MOST_ROWS = 10_000
"""Texts of a baseline that are learnt from; of more, evenly many over its span."""
LARGEST_FILES = 64
"""Files kept; the ones that were used longest ago go first, and can be made again."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Which stretch of texts counts as usual."""

    since: datetime
    until: datetime
    release: str
    """Of outputs; '' for inputs, which do not depend on it."""
    window: int
    seed: int

    def state(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "release": self.release,
            "window": self.window,
            "seed": self.seed,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Baseline:
        """What gave this `state()`."""
        since, until = (datetime.fromisoformat(state[name]) for name in ("since", "until"))
        return cls(since, until, state["release"], state["window"], state["seed"])

    @property
    def span(self) -> Window:
        """From its first text to after its last."""
        return Window(self.since, self.until)


def window_size(per_day: float) -> int:
    """Members of a window for so many texts a day.

    >>> [window_size(per_day) for per_day in (3, 480, 1_700)]
    [200, 500, 1000]
    """
    return min(LARGEST, max(SMALLEST, STEP * round(per_day / STEP)))


def choose_baseline(
    texts: Sequence[SampledText], *, release: str, key: str
) -> tuple[Baseline | None, str]:
    """The first texts that are at least four windows over at least a week, or what is missing.

    Args:
        texts: in order of time, from the first one that may belong to it.
        release: the one whose texts they are, '' for any.
        key: names the series; its hash seeds the random choices.
    """
    if not texts:
        return None, "no texts yet"
    first, last = texts[0].timestamp, texts[-1].timestamp
    days = max((last - first) / timedelta(days=1), 1e-6)
    window = window_size(len(texts) / max(days, 1.0))
    if last - first < BASELINE_SPAN or len(texts) < LEAST_WINDOWS * window:
        least = LEAST_WINDOWS * window
        return None, (
            f"a baseline needs {least} texts over {BASELINE_SPAN.days} days;"
            f" there are {len(texts)} over {days:.1f}"
        )
    over_a_week = next(i for i, one in enumerate(texts) if one.timestamp >= first + BASELINE_SPAN)
    end = texts[max(over_a_week, LEAST_WINDOWS * window - 1)].timestamp
    until = end + timedelta(microseconds=1)
    seed = int.from_bytes(hashlib.sha256(f"{key}:{first.isoformat()}".encode()).digest()[:4], "big")
    return Baseline(first, until, release, window, seed), ""


def fitted(
    folder: Path,
    kind: Kind,
    baseline: Baseline,
    content: str,
    learnt_from: Callable[[], tuple[Sequence[SampledText], Vectors]] | None,
) -> Any:
    """The detector that has learnt a baseline, from its file when there is one; texts are read only without it.

    The file's name is the hash of all that it depends on. It is only a copy: without it, or when
    another version wrote it or it is broken, the detector is learnt anew and comes out the same.

    Args:
        folder: of the files.
        kind: of the detector.
        baseline: what it has learnt.
        content: names the texts that the baseline has now; another one and it is learnt anew.
        learnt_from: reads these texts, with their vectors; None when there is no time to learn now.

    Returns:
        The detector; None where it would have to be learnt and may not.

    Raises:
        ValueError: too few of the texts are left.
    """
    told = json.dumps([baseline.state(), content])
    path = folder / f"{kind.name}-{hashlib.sha256(told.encode()).hexdigest()[:24]}.npz"
    if path.is_file():
        try:
            with np.load(path, allow_pickle=False) as kept:
                detector = kind.from_state(dict(kept))
            path.touch()
            return detector
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # learnt anew below, which also mends the file
    if learnt_from is None:
        return None
    rows, vectors = learnt_from()
    detector = kind.fit(rows, vectors, baseline.window, np.random.default_rng(baseline.seed))
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **detector.state())
    unfinished.replace(path)
    _prune(folder)
    return detector


def thinned(texts: Sequence[SampledText]) -> list[SampledText]:
    """At most `MOST_ROWS` of them, evenly over time."""
    if len(texts) <= MOST_ROWS:
        return list(texts)
    return [texts[row] for row in np.linspace(0, len(texts) - 1, MOST_ROWS).astype(int)]


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    for file in files[:-LARGEST_FILES]:
        file.unlink(missing_ok=True)
