"""Chat fine-tune files (OpenAI's JSONL) as tokens: what is given, and what is to be learnt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from examples.finetune.protocol import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

__all__ = ["Example", "batch", "prompt_tokens", "read_dialogues", "tokenise"]

IGNORED = -100
"""A label that the loss passes over."""
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}{% if message.role == 'assistant' %}"
    "{{ eos_token }}{% endif %}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
"""For models that bring no chat template of their own."""


@dataclass(frozen=True, slots=True)
class Example:
    """One dialogue."""

    prompt: tuple[int, ...]
    """Everything before the last answer."""
    answer: tuple[int, ...]
    """The last answer and the token that ends it: the loss is on these alone."""

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def read_dialogues(path: Path, *, rows: int | None = None) -> list[list[dict[str, Any]]]:
    """The dialogues of a file, checked.

    Raises:
        TrainingError: it is no such file, or has another number of rows than promised.
    """
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            found.append(_dialogue(line, f"{path.name}, line {number}"))
    if rows is not None and len(found) != rows:
        raise TrainingError(f"{path.name} has {len(found)} rows, promised were {rows}")
    return found


def _dialogue(line: bytes, place: str) -> list[dict[str, Any]]:
    try:
        messages = json.loads(line)["messages"]
        roles = [message["role"] for message in messages]
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{place} is no chat fine-tune example: {error!r}") from error
    if len(roles) < 2 or roles[-1] != "assistant":
        raise TrainingError(f"{place} does not end with an assistant's answer to somebody")
    return list(messages)


def prompt_tokens(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, Any]]
) -> list[int]:
    """The messages as the model sees them when it is to answer."""
    return _encode(tokenizer, _render(tokenizer, messages, to_answer=True))


def tokenise(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, Any]], *, max_tokens: int
) -> Example | None:
    """The last answer with all that came before it; None where that is longer than `max_tokens`."""
    given = _render(tokenizer, messages[:-1], to_answer=True)
    whole = _render(tokenizer, messages, to_answer=False)
    if whole.startswith(given):
        answer = whole[len(given) :]
    else:  # some templates drop or add things once the answer is there
        answer = f"{messages[-1].get('content') or ''}{tokenizer.eos_token}"
    prompt, learnt = _encode(tokenizer, given), _encode(tokenizer, answer)
    if len(prompt) + len(learnt) > max_tokens:
        return None
    return Example(tuple(prompt), tuple(learnt))


def batch(
    examples: Sequence[Example], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids, attention mask and labels, padded on the right."""
    shape = (len(examples), max(len(one) for one in examples))
    ids, mask = torch.full(shape, pad), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for row, one in enumerate(examples):
        start, end = len(one.prompt), len(one)
        ids[row, :end] = torch.tensor(one.prompt + one.answer)
        mask[row, :end] = 1
        labels[row, start:end] = torch.tensor(one.answer)
    return ids.to(device), mask.to(device), labels.to(device)


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, Any]], *, to_answer: bool
) -> str:
    template = None if tokenizer.chat_template else PLAIN_TEMPLATE
    return str(
        tokenizer.apply_chat_template(
            list(messages), chat_template=template, tokenize=False, add_generation_prompt=to_answer
        )
    )


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    # The template has put every special token where it belongs.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
