"""Makes one model from verified files: on the training thread, without a word to the network."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from examples.finetune.card import Lineage, base_hash, write_card
from examples.finetune.checkpoints import Checkpoints
from examples.finetune.dialogues import Example, read_dialogues, tokenise
from examples.finetune.models import adapt, best_device, load, save, uses_bf16
from examples.finetune.protocol import TrainingError
from examples.finetune.training import assess, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from examples.finetune.models import Loaded
    from examples.finetune.protocol import Order
    from examples.finetune.settings import Settings
    from examples.finetune.training import Progress

__all__ = ["Making", "make"]

FORMAT = "openai-chat-jsonl"


@dataclass(frozen=True, slots=True)
class Making:
    """What to make, of what, and where."""

    order: Order
    base: Path
    folder: Path
    settings: Settings
    files: Mapping[str, Path]
    """Verified, by split."""
    progress: Callable[[Progress], None]

    def with_files(self, files: Mapping[str, Path]) -> Making:
        """The same, of these files."""
        return replace(self, files=files)


def make(making: Making) -> Lineage:
    """Train, save under `folder`, and write the card.

    Raises:
        TrainingError: the data or the base are no good, or the loss is no number any more.
    """
    if making.order.dataset.format != FORMAT:
        raise TrainingError(
            f"the dataset is {making.order.dataset.format}; this job reads {FORMAT}"
        )
    settings, device = making.settings, best_device()
    bf16 = uses_bf16(settings.precision, device)
    loaded = load(making.base, device, dtype=torch.bfloat16 if bf16 else torch.float32)
    settings = replace(settings, max_tokens=min(settings.max_tokens, loaded.context))
    learn, left_out = _examples(making, "train", loaded, settings)
    check = _examples(making, "validation", loaded, settings)[0] or learn
    if not learn:
        raise TrainingError(
            f"the dataset has no training example of at most {settings.max_tokens} tokens"
            f" ({left_out} longer ones)"
        )
    before = assess(loaded, check, settings)
    loaded = adapt(loaded, settings)
    trained = train(
        loaded, learn, settings, _checkpoints(making, settings), progress=_watch(making)
    )
    dtype = _dtype(making.base, bf16=bf16)
    method = save(loaded, making.folder, dtype=dtype)
    saved = load(making.folder / "model", device, dtype=dtype)  # what counts is what was saved
    if not bf16:
        saved.model.float()
    lineage = Lineage(
        name=f"{making.order.service[:90] or making.base.name}-{making.order.retrain_id}",
        method=method,
        base=making.base,
        device=torch.cuda.get_device_name() if device.type == "cuda" else "CPU",
        bf16=bf16,
        examples=len(learn),
        left_out=left_out,
        before=before,
        after=assess(saved, check, settings),
        trained=trained,
        settings=settings,
    )
    write_card(lineage, making.order, making.folder / "model")
    return lineage


def _watch(making: Making) -> Callable[[Progress], None]:
    def watch(one: Progress) -> None:
        if not one.loss < float("inf"):
            raise TrainingError(
                f"the loss is {one.loss} at step {one.step}; try a lower learning rate"
            )
        making.progress(one)

    return watch


def _examples(
    making: Making, split: str, loaded: Loaded, settings: Settings
) -> tuple[list[Example], int]:
    """The split's examples, and how many were too long."""
    if split not in making.files:
        return [], 0
    rows = next(one.rows for one in making.order.dataset.files if one.split == split)
    dialogues = read_dialogues(making.files[split], rows=rows)
    found = [tokenise(loaded.tokenizer, one, max_tokens=settings.max_tokens) for one in dialogues]
    kept = [one for one in found if one is not None]
    return kept, len(found) - len(kept)


def _checkpoints(making: Making, settings: Settings) -> Checkpoints:
    identity = [
        settings.as_dict(),
        base_hash(making.base),
        [one.sha256 for one in making.order.dataset.files],
    ]
    fingerprint = sha256(json.dumps(identity).encode()).hexdigest()
    return Checkpoints(making.folder / "checkpoint" / "state.pt", fingerprint)


def _dtype(base: Path, *, bf16: bool) -> torch.dtype:
    """What the weights are saved in: the base's own type."""
    said = json.loads((base / "config.json").read_bytes())
    name = said.get("dtype") or said.get("torch_dtype") or ("bfloat16" if bf16 else "float32")
    kind = getattr(torch, str(name), torch.float32)
    assert isinstance(kind, torch.dtype)
    return kind
