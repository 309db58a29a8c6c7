"""Which calls look like a reserved one: by their texts, and by their vectors where both have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.curation.messages import chat_messages, readable
from monitor.curation.similarity import NearestTexts, near_vectors, normalised
from monitor.curation.traffic import call_texts, chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from monitor.curation.choice import Curation
    from monitor.curation.traffic import CallText, TrafficCall
    from monitor.store import Store

__all__ = ["Reserved", "nearly"]

Texts = dict[tuple[str, str], "CallText"]
"""By trace and span."""
Vectors = dict[str, dict[tuple[str, str], "NDArray[np.float32]"]]
"""By model, by trace and span."""


def nearly(texts: Sequence[str], others: Sequence[str], near: float) -> list[bool]:
    """For each text, whether one of the others is the same when normalised, or at least so near."""
    same = {normalised(text) for text in others}
    alike = [normalised(text) in same for text in texts]
    if near >= 1 or not texts or not others:
        return alike
    return [
        one or bool(cosine >= near)
        for one, cosine in zip(alike, NearestTexts(others, texts).cosines(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Reserved:
    """The reserved calls of a service that others are compared with.

    Args:
        store: where texts and vectors are.
        service: whose.
        tested: input messages of members that earlier versions hold as reserved.
        limits: the thresholds.
    """

    store: Store
    service: str
    tested: Sequence[str]
    limits: Curation

    def near(self, calls: Sequence[TrafficCall], kept: Sequence[TrafficCall]) -> list[bool]:
        """For each call, whether it is nearly one of the reserved."""
        texts = call_texts(self.store, self.service, [*calls, *kept])
        asked = [_input(texts, call) for call in calls]
        alike = nearly(asked, self.texts(kept, texts), self.limits.near)
        if self.limits.near_vectors >= 1:
            return alike
        by_vector = self._by_vectors(calls, kept)
        return [one or other for one, other in zip(alike, by_vector, strict=True)]

    def texts(self, kept: Sequence[TrafficCall], known: Texts | None = None) -> list[str]:
        """Inputs of the reserved calls, each once."""
        found = known if known is not None else call_texts(self.store, self.service, kept)
        now = {_input(found, call) for call in kept}
        return sorted(now | {readable(chat_messages(one)) for one in self.tested})

    def _by_vectors(self, calls: Sequence[TrafficCall], kept: Sequence[TrafficCall]) -> list[bool]:
        theirs = _vectors(self.store, self.service, kept)
        ours = _vectors(self.store, self.service, calls) if theirs else {}
        found: set[tuple[str, str]] = set()
        for model in theirs.keys() & ours.keys():
            names = list(ours[model])
            cosines = near_vectors(
                np.stack([ours[model][name] for name in names]),
                np.stack(list(theirs[model].values())),
            )
            found |= {
                name
                for name, cosine in zip(names, cosines, strict=True)
                if cosine >= self.limits.near_vectors
            }
        return [(call.trace_id, call.span_id) in found for call in calls]


def _input(texts: Texts, call: TrafficCall) -> str:
    found = texts.get((call.trace_id, call.span_id))
    return found.input if found else ""


def _vectors(store: Store, service: str, calls: Sequence[TrafficCall]) -> Vectors:
    """Vectors of the calls' inputs that are stored."""
    found: Vectors = {}
    for chunk in chunks(calls):
        for model, trace, span, vector in store.rows(
            "dataset_vectors",
            service=service,
            since=chunk[0].timestamp,
            until=chunk[-1].timestamp,
            traces=[call.trace_id for call in chunk],
        ):
            found.setdefault(model, {})[trace, span] = np.asarray(vector, dtype=np.float32)
    return found
