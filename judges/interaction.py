"""What a judge looks at and what it answers with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Failure",
    "Interaction",
    "Judge",
    "JudgeFailure",
    "Judgement",
    "NotApplicable",
    "Step",
    "Usage",
    "Verdict",
    "call_key",
    "known_as",
    "most_of",
    "summed",
    "version_known",
]

Failure: TypeAlias = Literal["invalid_output", "refused", "error", "over_budget"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain that led to an answer: a tool, a retriever, an agent's turn."""

    name: str
    kind: str
    """`tool`, `retriever`, `agent`, `chat`, … as in `steps.kind`."""
    input: str
    output: str
    span_id: str = ""


def call_key(trace_id: str, span_id: str) -> str:
    """What tells a call from all others, as one text."""
    return f"{trace_id}:{span_id}"


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
    other: str = ""
    """Another model's answer to the same input, for a judge of pairs."""
    other_model: str = ""
    steps: tuple[Step, ...] = ()
    """In order of time, for a judge of steps."""
    service: str = ""
    release: str = ""
    prompt_name: str = ""
    prompt_version: str = ""
    session_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells this call from all others."""
        return call_key(self.trace_id, self.span_id)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a verdict took; a check takes nothing."""

    model: str = ""
    """The model that judged; several, joined by `+`, of a jury."""
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: float | None = 0.0
    """None when the price or the tokens are not known: unknown is not nothing."""
    requests: int = 0
    """Answered requests; those that came from the cache are none."""
    cache_hits: int = 0
    """Replies that were known already and cost nothing."""
    duration_ms: float = 0.0

    def plus(self, other: Usage) -> Usage:
        """Both together; something unknown makes the sum unknown."""
        models = [one for one in dict.fromkeys((self.model, other.model)) if one]
        return Usage(
            model="+".join(models),
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            cost_usd=_sum(self.cost_usd, other.cost_usd),
            requests=self.requests + other.requests,
            cache_hits=self.cache_hits + other.cache_hits,
            duration_ms=self.duration_ms + other.duration_ms,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judge's word on one interaction."""

    name: str
    """What was judged; names the score."""
    value: bool | float | str
    """True or False for an assertion, a number on the judge's own scale, or a label."""
    label: str
    reason: str
    version: str
    """Hash of the judge's class, parameters and prompt: scores of two versions never mix."""
    usage: Usage = field(default_factory=Usage)
    raw: str = ""
    """The model's reply as it came."""
    mode: str = ""
    """How a graded value was got: `expected`, `sampled_mean` or `point`; never mixed in a series."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Of the labels, where the endpoint tells log-probabilities."""
    order: str = ""
    """Of a pair: `given` or `swapped`, `both` where both were asked."""
    details: Mapping[str, bool | float | str] = field(default_factory=dict)
    """Parts of the verdict, by name: a checklist's answers, a jury's votes."""


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The question does not arise for this interaction: it leaves the denominator."""

    name: str
    reason: str
    version: str
    usage: Usage = field(default_factory=Usage)
    raw: str = ""


@dataclass(frozen=True, slots=True)
class JudgeFailure:
    """The judge could not say; never a number, and counted beside every mean."""

    name: str
    version: str
    reason: str
    raw: str = ""
    """What it answered instead, if anything."""
    status: Failure = "error"
    usage: Usage = field(default_factory=Usage)
    """A failed judgement costs money too."""


Verdict: TypeAlias = Judgement | NotApplicable | JudgeFailure
Judge: TypeAlias = Callable[[Interaction], Awaitable[Verdict]]
"""Any async function of an interaction; ours are frozen dataclasses with `__call__`.

One that costs money also has `most_usd(interaction) -> float | None`, the most that one verdict can
cost, None where the price is unknown; and `name` and `version`, which a plain function lacks.
"""


def known_as(judge: Judge) -> str:
    """A judge's name; of a plain function, the function's."""
    return str(getattr(judge, "name", "") or getattr(judge, "__name__", type(judge).__name__))


def version_known(judge: Judge) -> str:
    """A judge's version; empty of a plain function, which has none."""
    return str(getattr(judge, "version", ""))


def most_of(judge: Judge, interaction: Interaction) -> float | None:
    """The most that one verdict of it can cost; nothing of a check, None where it is not known."""
    bound = getattr(judge, "most_usd", None)
    return 0.0 if bound is None else bound(interaction)


def summed(usages: Iterable[Usage]) -> Usage:
    """What they took together."""
    total = Usage()
    for one in usages:
        total = total.plus(one)
    return total


def _sum(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other
