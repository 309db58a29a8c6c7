"""What the texts job reads of one service's inputs or outputs: everything once a run, and texts only when needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from monitor.jobs.text_baselines import thinned
from monitor.jobs.text_sample import fingerprint, sampled_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from monitor.jobs.job import Window
    from monitor.jobs.text_baselines import Baseline
    from monitor.jobs.text_looks import Kind, Vectors
    from monitor.jobs.text_sample import Part, SampledText, Shares
    from monitor.store import Store

__all__ = ["Watched"]

MOST_TEXTS = 20_000
"""Texts that are read at once."""
LATE = timedelta(hours=1)
"""A text without a vector that lies further back than this from the newest one with a vector will have none."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Watched:
    """One service's inputs or outputs, as all detectors read them."""

    store: Store
    service: str
    part: Part
    release: str
    shares: Shares
    until: datetime
    model: str
    folder: Path
    read: dict[Window, list[SampledText]] = field(default_factory=dict)
    """Texts by span: the detectors of a series mostly stand at the same place."""
    prints: dict[Window, tuple[int, int]] = field(default_factory=dict)
    """Fingerprints by span, for the same reason."""

    @property
    def series(self) -> str:
        """What its rows in `checks` are called."""
        return f"{self.part} text"

    def texts(self, span: Window) -> list[SampledText]:
        """The sample of a span, in order of time; the first ones when there are too many."""
        if span not in self.read:
            found = sampled_texts(
                self.store, self.service, self.part, span,
                shares=self.shares, release=self._release, most=MOST_TEXTS,
            )  # fmt: skip
            self.read[span] = [text for _, texts in found for text in texts]
        return self.read[span]

    def may_fill(self, span: Window, size: int) -> bool:
        """Whether a span can have so many texts."""
        return self._print(span)[0] >= size

    def vectors(self, texts: Sequence[SampledText]) -> Vectors:
        """Those of the texts, in order of time, that have one."""
        if not texts:
            return {}
        return dict(self.store.rows("vectors_between", **self._around(texts)))

    def embedded(self, texts: Sequence[SampledText]) -> list[SampledText]:
        """Those of the texts, in order of time, that have a vector; the vectors stay where they are."""
        if not texts:
            return []
        rows = self.store.rows("texts_embedded", **self._around(texts))
        hashes = {text_hash for text_hash, _ in rows}
        return [one for one in texts if one.text_hash in hashes]

    def with_vectors(self, texts: Sequence[SampledText]) -> tuple[list[SampledText], Vectors]:
        """The texts, with their vectors, up to where embedding stands; late ones that were left out are left out."""
        vectors = self.vectors(texts)
        known = [one for one in texts if one.text_hash in vectors]
        settled = known[-1].timestamp - LATE if known else None
        waiting = next(
            (
                one.timestamp
                for one in texts
                if settled is not None and one.timestamp > settled and one.text_hash not in vectors
            ),
            self.until,
        )
        return [one for one in known if one.timestamp < waiting], vectors

    def learnt_from(self, kind: Kind, baseline: Baseline) -> tuple[Sequence[SampledText], Vectors]:
        """What a detector learns of its baseline: at most so many texts, with vectors where it takes them."""
        texts = self.texts(baseline.span)
        if not kind.needs_vectors:
            return thinned(texts), {}
        vectors = self.vectors(texts)
        return thinned([one for one in texts if one.text_hash in vectors]), vectors

    def content(self, kind: Kind, baseline: Baseline) -> str:
        """What a detector of this baseline depends on, beside the baseline's own state."""
        n, found = self._print(baseline.span)
        return f"{self.model if kind.needs_vectors else ''}:{n}:{found:x}"

    @property
    def _release(self) -> str:
        return self.release if self.part == "output" else ""

    def _around(self, texts: Sequence[SampledText]) -> dict[str, Any]:
        """The whole hours of texts, as the questions of their vectors take them."""
        return {
            "service": self.service,
            "part": self.part,
            "model": self.model,
            "since": _whole_hour(texts[0].timestamp),
            "until": _whole_hour(texts[-1].timestamp) + HOUR,
        }

    def _print(self, span: Window) -> tuple[int, int]:
        if span not in self.prints:
            self.prints[span] = fingerprint(
                self.store, self.service, span, shares=self.shares, release=self._release
            )
        return self.prints[span]


def _whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
