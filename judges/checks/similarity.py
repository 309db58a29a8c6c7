"""How near an answer is to a reference by the cosine of their embeddings: a proxy, no verdict.

The cosine is no share of right answers and differs from model to model: it means something only
beside human labels, as the score that `judges.statistics.rates` corrects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judges.interaction import Interaction, JudgeFailure, Judgement
from judges.versions import OUTSIDE, version_of

__all__ = ["Batched", "Embedder", "Similarity", "cosine"]

Embedder: TypeAlias = Callable[[Sequence[str]], NDArray[Any]]
"""One row for every text; called in a thread, one call at a time if it is `Batched`."""
BATCH = 256
GATHER_S = 0.005
"""How long a batch waits for more texts; a call of an encoder takes longer than that."""


@dataclass(slots=True)
class Batched:
    """Gathers the texts of judgements that run at the same time into one call of the embedder.

    It is an embedder too. Share one between judges; it belongs to the event loop that first uses it.
    """

    embedder: Embedder
    model: str = ""
    """Names the embedder, for the versions of those who use it."""
    batch: int = BATCH
    _waiting: list[tuple[str, asyncio.Future[NDArray[Any]]]] = field(
        init=False, repr=False, default_factory=list
    )
    _work: asyncio.Task[None] | None = field(init=False, repr=False, default=None)

    def __call__(self, texts: Sequence[str]) -> NDArray[Any]:
        """One row for every text, at once."""
        return _checked(self.embedder(texts), len(texts))

    async def vectors(self, texts: Sequence[str]) -> list[NDArray[Any]]:
        """The same, together with whoever else asks now."""
        loop = asyncio.get_running_loop()
        asked = [(text, loop.create_future()) for text in texts]
        if self._work is None or self._work.done():
            self._waiting.clear()
            self._work = loop.create_task(
                self._drain()
            )  # of its own: who gives up takes none along
        self._waiting.extend(asked)
        return list(await asyncio.gather(*(future for _, future in asked)))

    async def _drain(self) -> None:
        await asyncio.sleep(GATHER_S)
        while self._waiting:
            taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
            rows: Sequence[NDArray[Any]] | Exception
            try:
                rows = list(await asyncio.to_thread(self, [text for text, _ in taken]))
            except Exception as error:  # noqa: BLE001 - handed on to everybody who waits for it
                rows = error
            for place, (_, future) in enumerate(taken):
                if future.done():
                    continue
                if isinstance(rows, Exception):
                    future.set_exception(rows)
                else:
                    future.set_result(rows[place])


@dataclass(frozen=True, slots=True)
class Similarity:
    """Cosine between the answer's embedding and the expected answer's, from -1 to 1.

    Args:
        embedder: see `Embedder`; `Batched` where many judgements run at the same time.
        model: names the embedder, for the version: two encoders' cosines never mix.
    """

    embedder: Embedder = field(repr=False, compare=False, metadata=OUTSIDE)
    model: str
    name: str = "similarity"

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement | JudgeFailure:
        """The cosine; without an expected answer there is nothing to be near to."""
        if not interaction.expected:
            return JudgeFailure(self.name, self.version, "the right answer is not known yet")
        try:
            value = await cosine(self.embedder, interaction.output, interaction.expected)
        except Exception as error:  # noqa: BLE001 - an embedder is anybody's code; its failure is stored
            return JudgeFailure(self.name, self.version, f"the embedder failed: {error!r}")
        return Judgement(self.name, value, f"{value:.2f}", "", self.version)


async def cosine(embedder: Embedder, one: str, other: str) -> float:
    """The cosine of two texts' embeddings; 0 where one of them has no direction.

    Raises:
        ValueError: the embedder did not return one finite row for every text.
    """
    if isinstance(embedder, Batched):
        left, right = await embedder.vectors([one, other])
    else:
        left, right = _checked(await asyncio.to_thread(embedder, [one, other]), 2)
    length = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.clip(left @ right / length, -1, 1)) if length else 0.0


def _checked(rows: Any, n: int) -> NDArray[Any]:
    array = np.asarray(rows, dtype=np.float64)
    if array.ndim != 2 or len(array) != n or not np.isfinite(array).all():
        raise ValueError(f"an embedder returns {n} finite rows for {n} texts, not {array.shape}")
    return array
