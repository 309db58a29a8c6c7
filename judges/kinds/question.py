"""A judge that puts one yes/no question about an interaction to a language model."""

from __future__ import annotations

from dataclasses import dataclass, field

from judges.asking.endpoint import Endpoint, NoAnswer
from judges.asking.prompting import Prompt, compose, template
from judges.asking.shapes import Shape, Slot
from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Verdict
from judges.versions import OUTSIDE, version_of

__all__ = ["Question"]

SHAPE = Shape((Slot("verdict", ("yes", "no", "na")),))


@dataclass(frozen=True, slots=True)
class Question:
    """Asks a model one question about an interaction: yes is True, no is False, na is not counted.

    What is judged is set between marks drawn afresh for every call, and declared to be data.
    A reply that cannot be read gets one repair, then it is a `JudgeFailure`, as is a dead endpoint.

    Args:
        name: names the score.
        question: one criterion, answerable by yes or no.
        endpoint: the judging model; judges may share it.
    """

    name: str
    question: str
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)

    @property
    def version(self) -> str:
        """Hash of the class, the question, the model and the prompt."""
        return version_of(self, self.endpoint.model, template("question"), repr(SHAPE))

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The model's verdict."""
        version = self.version
        try:
            answer = await self.endpoint.ask(self._prompt(interaction), SHAPE, version=version)
        except NoAnswer as failed:
            return JudgeFailure(
                self.name, version, failed.reason, failed.raw, failed.status, failed.usage
            )
        label, reason = answer.reply.answers["verdict"], answer.reply.reason
        if label == "na":
            return NotApplicable(self.name, reason, version, answer.usage, answer.raw)
        return Judgement(
            self.name,
            value=label == "yes",
            label=label,
            reason=reason,
            version=version,
            usage=answer.usage,
            raw=answer.raw,
        )

    def most_usd(self, interaction: Interaction) -> float | None:
        """An upper bound of what judging it can cost, to be held back before asking.

        None when the price is unknown.
        """
        return self.endpoint.most_usd(self._prompt(interaction), shape=SHAPE)

    def _prompt(self, interaction: Interaction) -> Prompt:
        return compose(
            "question",
            {"question": self.question.strip()},
            material={
                "input": interaction.input,
                "answer": interaction.output,
                "reference": interaction.expected or None,
            },
            mark=self.endpoint.mark(),
        )
