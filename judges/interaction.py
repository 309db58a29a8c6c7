"""What a judge looks at and what it answers with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Interaction", "Judge", "JudgeFailure", "Judgement", "NotApplicable", "Verdict"]


@dataclass(frozen=True, slots=True)
class Interaction:
    """One call of a model, as a judge sees it; named as the columns of `calls`."""

    trace_id: str
    span_id: str
    timestamp: datetime
    input: str
    """What was asked, as readable text."""
    output: str
    """What the model answered, as readable text."""
    input_messages: str = ""
    """The same as JSON text, in the GenAI convention's shape."""
    output_messages: str = ""
    expected: str = ""
    """The right answer, where somebody knows it; JSON text where the answer is JSON."""
    model: str = ""
    """The model that answered, the judged one."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells this call from all others."""
        return f"{self.trace_id}:{self.span_id}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judge's word on one interaction."""

    name: str
    """What was judged; names the score."""
    value: bool | float | str
    """True or False for an assertion, a number, or a label."""
    label: str
    reason: str
    version: str
    """Hash of the judge's class, parameters and prompt: scores of two versions never mix."""
    model: str = ""
    """The model that judged; empty for a check."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = 0.0
    """None when the model's price is not known: unknown is not nothing."""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The question does not arise for this interaction: it leaves the denominator."""

    name: str
    reason: str
    version: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """The judge could not say; never a number, and counted beside every mean."""

    name: str
    version: str
    reason: str
    raw: str
    """What it answered instead, if anything."""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = 0.0
    """A failed judgement costs money too."""


Verdict: TypeAlias = Judgement | NotApplicable | JudgeFailure
Judge: TypeAlias = Callable[[Interaction], Awaitable[Verdict]]
"""Any async function of an interaction; ours are frozen dataclasses with `__call__`."""
