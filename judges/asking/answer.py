"""What comes back from asking: an answer, or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.asking.exchange import FailedError
from judges.asking.logprobs import probabilities
from judges.asking.replies import UnreadableError, read
from judges.asking.shapes import Reply
from judges.interaction import Failure, Usage

if TYPE_CHECKING:
    from judges.asking.hearing import Said
    from judges.asking.shapes import Shape

__all__ = ["Answer", "NoAnswer", "answer_of"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and what asking took."""

    reply: Reply
    raw: str
    usage: Usage
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Of the last slot's options; {} when not told, or when they hardly add up to anything."""


class NoAnswer(Exception):  # noqa: N818 - an outcome that every judge turns into a verdict
    """The model gave no answer that can be read; `status` says how, `usage` what it cost."""

    def __init__(
        self, status: Failure, reason: str, *, raw: str = "", usage: Usage | None = None
    ) -> None:
        super().__init__(reason)
        self.status: Failure = status
        self.reason = reason
        self.raw = raw
        self.usage = usage or Usage()


def answer_of(said: Said, shape: Shape) -> Answer:
    """The answer, its usage still to be filled in.

    Raises:
        FailedError: the model did not say anything that may be read.
        UnreadableError: what it said does not hold what was asked for.
    """
    if said.problem:
        raise FailedError(said.problem, said.status)
    if not said.text.strip():
        raise UnreadableError("the reply is empty")
    reply = read(said.text, shape)
    last = shape.slots[-1]
    sure = probabilities(said.tokens, last, reply.answers[last.name]) if said.tokens else {}
    return Answer(reply, said.text, Usage(), sure)
