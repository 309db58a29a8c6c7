"""What all judges that ask one model have in common: asking it, and what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from judges.asking.endpoint import NoAnswer
from judges.asking.prompting import compose, template
from judges.asking.shapes import RUNGS, Shape
from judges.interaction import JudgeFailure, Usage
from judges.panels.families import Families, own_family

if TYPE_CHECKING:
    from collections.abc import Mapping

    from judges.asking.endpoint import Answer, Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Failure, Interaction

__all__ = ["SAMPLED", "Asking", "asked", "failed", "marks", "posed", "words"]


SAMPLED = 1.0
"""Temperature of answers that are meant to differ: the model's own distribution."""


class Asking(Protocol):
    """A judge with a model."""

    @property
    def name(self) -> str:
        """Of the score."""

    @property
    def version(self) -> str:
        """Hash of all that makes its verdicts what they are."""

    @property
    def endpoint(self) -> Endpoint:
        """Asks the model."""

    @property
    def families(self) -> Families:
        """Patterns asked before the built-in ones."""


def words(endpoint: Endpoint, name: str, shape: Shape) -> tuple[str, ...]:
    """All words that reach the model, and the model's name: what a judge's version is made of."""
    return (endpoint.model, template(name), *(shape.instruction(rung) for rung in RUNGS))


def posed(
    judge: Asking, name: str, values: Mapping[str, str], interaction: Interaction, **shown: str
) -> Prompt:
    """The prompt about one interaction: its input, the reference where there is one, and what is shown."""
    reference = interaction.expected if interaction.expected.strip() else None
    material = {"input": interaction.input, "reference": reference, **shown}
    return compose(name, values, material=material, mark=judge.endpoint.mark())


async def asked(
    judge: Asking,
    prompt: Prompt,
    shape: Shape,
    *,
    repeat: int = 0,
    logprobs: bool = False,
    temperature: float | None = None,
) -> Answer | JudgeFailure:
    """The model's answer, or what became of the question.

    Args:
        judge: whose question it is.
        prompt: without the instruction how to answer.
        shape: what the reply has to hold.
        repeat: which of several answers to the same question.
        logprobs: also ask for probabilities.
        temperature: None is 0 for the first answer, and 1 for repeats, which are meant to differ.
    """
    if temperature is None:
        temperature = SAMPLED if repeat else 0.0
    try:
        return await judge.endpoint.ask(
            prompt,
            shape,
            logprobs=logprobs,
            repeat=repeat,
            version=judge.version,
            temperature=temperature,
        )
    except NoAnswer as none:
        return JudgeFailure(
            judge.name, judge.version, none.reason, none.raw, none.status, none.usage
        )


def marks(judge: Asking, interaction: Interaction, prompt: Prompt) -> dict[str, Any]:
    """What a reader of the verdict has to know: that it is of one's own family, or of a cut text."""
    said: dict[str, Any] = {}
    if own_family(judge.endpoint.model, interaction.model, judge.families):
        said["own_family"] = True
    if prompt.cut:
        said["cut"] = "+".join(prompt.cut)
    return said


def failed(judge: Asking, reason: str, usage: Usage, status: Failure = "error") -> JudgeFailure:
    """A failure of the judge itself."""
    return JudgeFailure(judge.name, judge.version, reason, status=status, usage=usage)
