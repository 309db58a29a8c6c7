"""The training loop: gradient accumulation, bf16, checkpoints; the same seed gives the same weights, killed or not."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

from examples.finetune.dialogues import IGNORED, batch
from examples.finetune.models import uses_bf16

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from examples.finetune.checkpoints import Checkpoints
    from examples.finetune.dialogues import Example
    from examples.finetune.models import Loaded
    from examples.finetune.settings import Settings

__all__ = ["Progress", "Quality", "Trained", "assess", "train"]

WARM_UP = 0.05
"""Share of the steps in which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    step: int
    steps: int
    loss: float
    """Mean over the answers' tokens of this step, in nats."""
    tokens_per_s: float
    """Tokens, prompts included, since the run was begun or resumed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a model answers examples."""

    examples: int
    loss: float
    """Mean over the answers' tokens, in nats."""
    error_rate: float
    """Share of the examples whose answer, written greedily, would differ in any token."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run did."""

    steps: int
    resumed_at: int
    losses: list[float]
    """One per step."""
    tokens_per_s: float


def train(
    loaded: Loaded,
    examples: Sequence[Example],
    settings: Settings,
    checkpoints: Checkpoints,
    *,
    progress: Callable[[Progress], None],
) -> Trained:
    """Train what is unfrozen, from the last checkpoint on."""
    weights = [one for one in loaded.model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(
        weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    resumed_at, losses = checkpoints.restore(loaded.model, optimizer)
    per_epoch = math.ceil(len(examples) / settings.batch_size)
    steps = per_epoch * settings.epochs
    started = kept = time.monotonic()
    seen, speed = 0, 0.0
    loaded.model.train()
    for step in range(resumed_at, steps):
        torch.manual_seed(settings.seed * 1_000_003 + step)  # dropout: the same after a resume
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(step, steps)
        chosen = [examples[at] for at in _choice(len(examples), step, per_epoch, settings)]
        losses.append(_accumulate(loaded, chosen, settings))
        torch.nn.utils.clip_grad_norm_(weights, settings.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seen += sum(map(len, chosen))
        now = time.monotonic()
        speed = seen / (now - started)
        progress(Progress(step + 1, steps, losses[-1], speed))
        if now - kept >= settings.checkpoint_seconds or step + 1 == steps:
            checkpoints.keep(step + 1, losses, loaded.model, optimizer)
            kept = now
    return Trained(steps, resumed_at, losses, speed)


def assess(loaded: Loaded, examples: Sequence[Example], settings: Settings) -> Quality:
    """Loss and share of wrong answers; no answer has to be written for it.

    An answer is written greedily without a difference exactly when each of its tokens is the likeliest one after the
    right ones before it.
    """
    loaded.model.eval()
    total, tokens, wrong = 0.0, 0, 0
    with torch.inference_mode():
        for part in _parts(examples, settings.micro_batch_size):
            logits, labels = _forward(loaded, part, settings)
            learnt = labels != IGNORED
            total += float(cross_entropy(logits[learnt].float(), labels[learnt], reduction="sum"))
            tokens += int(learnt.sum())
            wrong += int(((logits.argmax(-1) != labels) & learnt).any(1).sum())
    count = max(len(examples), 1)
    return Quality(len(examples), total / max(tokens, 1), wrong / count)


def _accumulate(loaded: Loaded, chosen: Sequence[Example], settings: Settings) -> float:
    """One step's gradient, in as many micro-batches as it takes; every token weighs the same."""
    tokens = sum(len(one.answer) for one in chosen)
    total = 0.0
    for part in _parts(chosen, settings.micro_batch_size):
        logits, labels = _forward(loaded, part, settings)
        learnt = labels != IGNORED
        loss = cross_entropy(logits[learnt].float(), labels[learnt], reduction="sum") / tokens
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it without a signature
        total += float(loss.detach())
    return total


def _forward(
    loaded: Loaded, part: Sequence[Example], settings: Settings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and the labels that belong to them: each token is told by the one before."""
    ids, mask, labels = batch(part, loaded.pad, loaded.device)
    bf16 = uses_bf16(settings.precision, loaded.device)
    with torch.autocast(loaded.device.type, torch.bfloat16, enabled=bf16):
        logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return logits[:, :-1], labels[:, 1:]


def _parts(examples: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def _choice(count: int, step: int, per_epoch: int, settings: Settings) -> list[int]:
    """Which examples a step sees: every epoch all of them once, in an order of its own."""
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(
        count, generator=torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
    )
    return [int(at) for at in order[place * settings.batch_size :][: settings.batch_size]]


def _rate(step: int, steps: int) -> float:
    """Share of the highest learning rate.

    >>> [round(_rate(step, 100), 2) for step in (0, 4, 50, 99)]
    [0.2, 1.0, 0.54, 0.0]
    """
    rising = max(1, round(WARM_UP * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))
