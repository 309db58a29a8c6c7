"""A judge that puts one yes/no question about an interaction to a language model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.asking.prompting import compose
from judges.asking.shapes import Shape, Slot
from judges.interaction import JudgeFailure, Judgement, NotApplicable, Verdict
from judges.kinds.asking import asked, marks, words
from judges.panels.families import Families
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Interaction

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
        families: patterns asked before the built-in ones.
    """

    name: str
    question: str
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)
    """Hash of the class, the question, the model and the prompt."""

    def __post_init__(self) -> None:
        """Hash what is the same for every call."""
        said = words(self.endpoint, "question", SHAPE)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction, *, repeat: int = 0) -> Verdict:
        """The model's verdict; another `repeat` asks anew, by chance."""
        prompt = self._prompt(interaction)
        answer = await asked(self, prompt, SHAPE, repeat=repeat)
        if isinstance(answer, JudgeFailure):
            return answer
        label, reason = answer.reply.answers["verdict"], answer.reply.reason
        if label == "na":
            return NotApplicable(self.name, reason, self.version, answer.usage, answer.raw)
        return Judgement(
            self.name, label == "yes", label, reason, self.version, answer.usage, raw=answer.raw,
            details=marks(self, interaction, prompt),
        )  # fmt: skip

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
