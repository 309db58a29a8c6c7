"""The three detectors of texts behind one form: learn a baseline, look at a window, say what moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from monitor.drift import EmbeddingDetector, TermDetector
from monitor.drift.language import LanguageDetector

if TYPE_CHECKING:
    from monitor.drift import DriftResult
    from monitor.jobs.text_sample import SampledText

__all__ = ["KINDS", "Kind", "Look", "Vectors"]

Vectors = Mapping[int, Sequence[float]]
"""By the text's hash."""
EXAMPLES = 10
WORDS = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one window says."""

    p_value: float
    count: int
    """Calls of the region that moved: in the ball, with the term, in the language."""
    share_before: float
    baseline_n: int
    rows: tuple[int, ...]
    """The window's calls in it, the best examples first."""
    told: Mapping[str, Any]
    """For `evidence`."""


class Fitted(Protocol):
    """A detector that has learnt a baseline."""

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """As arrays."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One detector: how it learns, looks, and comes back from a file."""

    name: str
    needs_vectors: bool
    fit: Callable[[Sequence[SampledText], Vectors, int, np.random.Generator], Any]
    look: Callable[[Any, Sequence[SampledText], Vectors], Look | None]
    from_state: Callable[[Mapping[str, np.ndarray[Any, Any]]], Any]


def _array(texts: Sequence[SampledText], vectors: Vectors) -> np.ndarray[Any, Any]:
    return np.array([vectors[one.text_hash] for one in texts], dtype=np.float32)


def _p(result: DriftResult) -> float:
    assert result.p_value is not None, "a detector that looks once has one"
    return result.p_value


def _fit_embedding(
    texts: Sequence[SampledText], vectors: Vectors, window: int, rng: np.random.Generator
) -> EmbeddingDetector:
    return EmbeddingDetector.fit(_array(texts, vectors), window=window, rng=rng)


def _look_embedding(
    detector: EmbeddingDetector, texts: Sequence[SampledText], vectors: Vectors
) -> Look | None:
    found = detector.compare(_array(texts, vectors))
    if found is None:
        return None
    region, result = found.region, found.result
    loudest = max(found.views, key=lambda view: found.views[view])
    told = {
        "region": region.kind,
        "share": region.share,
        "share_before": region.share_before,
        "view": loudest,
        "views": {view: round(surprise, 2) for view, surprise in found.views.items()},
    }
    members = (*region.members, *(row for row in region.rows if row not in region.members))
    return Look(_p(result), region.count, region.share_before, result.baseline_n, members, told)


def _fit_terms(
    texts: Sequence[SampledText], vectors: Vectors, window: int, rng: np.random.Generator
) -> TermDetector:
    del vectors
    return TermDetector.fit([one.text for one in texts], window=window, rng=rng)


def _look_terms(
    detector: TermDetector, texts: Sequence[SampledText], vectors: Vectors
) -> Look | None:
    del vectors
    found = detector.compare([one.text for one in texts])
    if found is None:
        return None
    result = found.result
    risen = [
        {"term": one.term, "share": one.share, "share_before": one.share_before}
        for one in found.risen[:WORDS]
    ]
    told = {
        "terms": risen,
        "unknown_share": found.unknown_share,
        "unknown_share_before": found.unknown_share_before,
        "share": result.count / result.n,
        "share_before": result.baseline,
    }
    rows = detector.holding(found.risen[0].term, [one.text for one in texts]) if found.risen else ()
    return Look(_p(result), result.count, result.baseline, result.baseline_n, rows, told)


def _fit_language(
    texts: Sequence[SampledText], vectors: Vectors, window: int, rng: np.random.Generator
) -> LanguageDetector:
    del vectors
    return LanguageDetector.fit([one.text for one in texts], window=window, rng=rng)


def _look_language(
    detector: LanguageDetector, texts: Sequence[SampledText], vectors: Vectors
) -> Look | None:
    del vectors
    found = detector.compare([one.text for one in texts])
    if found is None:
        return None
    result = found.result
    told = {
        "language": found.language,
        "share": result.count / result.n,
        "share_before": result.baseline,
        "languages": dict(list(found.shares.items())[:WORDS]),
    }
    return Look(_p(result), result.count, result.baseline, result.baseline_n, found.rows, told)


KINDS = (
    Kind("embedding", True, _fit_embedding, _look_embedding, EmbeddingDetector.from_state),  # noqa: FBT003 - a field
    Kind("terms", False, _fit_terms, _look_terms, TermDetector.from_state),  # noqa: FBT003
    Kind("language", False, _fit_language, _look_language, LanguageDetector.from_state),  # noqa: FBT003
)
