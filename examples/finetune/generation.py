"""Writes answers: one thread per model, which takes whatever is asked at the moment as one batch."""

from __future__ import annotations

import inspect
import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from examples.finetune.models import best_device, load, uses_bf16

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from examples.finetune.models import Loaded

__all__ = ["Answer", "Question", "Shelf", "Writer"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was written."""

    tokens: list[int]
    """Without the token that ends it."""
    written: int
    """How many tokens the model wrote, that one included."""
    finish_reason: str
    """`stop`, or `length` where it was cut off."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered."""

    prompt: list[int]
    max_tokens: int
    temperature: float
    seed: int
    answer: Future[Answer] = field(default_factory=Future)


class Writer:
    """One model at work.

    Args:
        loaded: the model.
        max_batch: most questions at once.
        linger_s: how long a batch waits for company; while one is being written, the next gathers by itself.
    """

    def __init__(self, loaded: Loaded, *, max_batch: int = 32, linger_s: float = 0.002) -> None:
        self.loaded = loaded
        self.max_batch, self.linger_s = max_batch, linger_s
        self.batches, self.questions = 0, 0
        self._queue: queue.SimpleQueue[Question] = queue.SimpleQueue()
        ends = (
            loaded.model.generation_config.eos_token_id if loaded.model.generation_config else None
        )
        own = loaded.tokenizer.eos_token_id
        self._ends = {*(ends if isinstance(ends, list) else [ends]), own} - {None}
        forward = inspect.signature(loaded.model.forward).parameters
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in forward else {}
        loaded.model.eval()
        threading.Thread(target=self._run, name="writer", daemon=True).start()

    def ask(self, question: Question) -> Future[Answer]:
        """Put a question into the next batch."""
        self._queue.put(question)
        return question.answer

    def _run(self) -> None:
        while True:
            questions = self._gather()
            try:
                answers = self._write(questions)
            except Exception as error:  # no memory, say: those who asked must hear of it
                log.exception("a batch of %d failed", len(questions))
                for one in questions:
                    one.answer.set_exception(error)
                continue
            self.batches, self.questions = self.batches + 1, self.questions + len(questions)
            for one, answer in zip(questions, answers, strict=True):
                one.answer.set_result(answer)

    def _gather(self) -> list[Question]:
        found = [self._queue.get()]
        until = time.monotonic() + self.linger_s
        while len(found) < self.max_batch:
            try:
                found.append(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return found

    @torch.inference_mode()
    def _write(self, questions: Sequence[Question]) -> list[Answer]:
        """Greedy or sampled, with a key-value cache; prompts are padded on the left."""
        device, width = self.loaded.device, max(len(one.prompt) for one in questions)
        pads = [width - len(one.prompt) for one in questions]
        pad = self.loaded.pad
        ids = torch.tensor([[pad] * n + one.prompt for n, one in zip(pads, questions, strict=True)])
        places = (torch.arange(width)[None, :] - torch.tensor(pads)[:, None]).to(device)
        mask = (places >= 0).long()
        ids, places = ids.to(device), places.clamp(min=0)
        chance = [torch.Generator().manual_seed(one.seed) for one in questions]
        written: list[list[int]] = [[] for _ in questions]
        open_ones, cache = set(range(len(questions))), None
        while open_ones:
            out = self.loaded.model(
                input_ids=ids, attention_mask=mask, position_ids=places, past_key_values=cache,
                use_cache=True, **self._only_last,
            )  # fmt: skip
            cache, chosen = out.past_key_values, _choose(out.logits[:, -1], questions, chance)
            for at in list(open_ones):
                written[at].append(chosen[at])
                full = len(written[at]) >= questions[at].max_tokens
                if full or chosen[at] in self._ends:
                    open_ones.discard(at)
            ids = torch.tensor(chosen, device=device)[:, None]
            places = places[:, -1:] + 1
            mask = torch.cat((mask, mask.new_ones(len(questions), 1)), 1)
        return [self._answer(tokens) for tokens in written]

    def _answer(self, tokens: list[int]) -> Answer:
        ended = tokens[-1] in self._ends
        return Answer(tokens[:-1] if ended else tokens, len(tokens), "stop" if ended else "length")


def _choose(
    logits: torch.Tensor, questions: Sequence[Question], chance: Sequence[torch.Generator]
) -> list[int]:
    """The next token of each: the likeliest, or drawn where a temperature was asked for."""
    chosen: list[int] = logits.argmax(-1).tolist()
    for at, one in enumerate(questions):
        if one.temperature > 0:
            odds = (logits[at].float().cpu() / one.temperature).softmax(-1)
            chosen[at] = int(torch.multinomial(odds, 1, generator=chance[at]))
    return chosen


class Shelf:
    """Models by name, loaded when they are first asked for.

    Args:
        precision: `auto`, `bf16` or `fp32`.
        max_batch: most questions at once, per model.
    """

    def __init__(self, *, precision: str = "auto", max_batch: int = 32) -> None:
        self.precision, self.max_batch = precision, max_batch
        self._folders: dict[str, Path] = {}
        self._writers: dict[str, Writer] = {}
        self._loading = threading.Lock()

    def put(self, name: str, folder: Path) -> None:
        """From now on `name` can be asked."""
        self._folders[name] = folder

    def folder(self, name: str) -> Path | None:
        """Where a model lies; None where there is none of that name."""
        return self._folders.get(name)

    def ready(self, name: str) -> Writer | None:
        """The model, where it is loaded already."""
        return self._writers.get(name)

    def names(self) -> list[str]:
        """All of them."""
        return sorted(self._folders)

    def take(self, name: str) -> Writer:
        """The model, loaded.

        Raises:
            KeyError: there is no such model.
            TrainingError: its folder cannot be loaded.
        """
        folder = self._folders[name]
        with self._loading:
            if name not in self._writers:
                device = best_device()
                bf16 = uses_bf16(self.precision, device)
                dtype = torch.bfloat16 if bf16 else torch.float32
                loaded = load(folder, device, dtype=dtype)
                self._writers[name] = Writer(loaded, max_batch=self.max_batch)
            return self._writers[name]
