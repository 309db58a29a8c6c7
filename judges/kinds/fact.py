"""A judge that compares an answer with a reference by meaning, where the right answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from judges.asking.shapes import Shape, Slot
from judges.interaction import JudgeFailure, Judgement, Verdict
from judges.kinds.asking import asked, marks, posed, words
from judges.panels.families import Families
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Interaction

__all__ = ["AUTOEVALS", "PROMPTFOO", "Fact"]

LETTERS = ("A", "B", "C", "D", "E")
AUTOEVALS: Mapping[str, float] = MappingProxyType({"A": 0.4, "B": 0.6, "C": 1, "D": 0, "E": 1})
"""What is left out or added costs."""
PROMPTFOO: Mapping[str, float] = MappingProxyType({"A": 1, "B": 1, "C": 1, "D": 0, "E": 1})
"""Only a contradiction costs."""
SHAPE = Shape((Slot("choice", LETTERS),))
MEANING = {
    "A": "states a part of the reference",
    "B": "states the reference and more",
    "C": "states the same as the reference",
    "D": "disagrees with the reference",
    "E": "differs from the reference in nothing that matters",
}
PLAIN = "whether the facts are the same"


@dataclass(frozen=True, slots=True)
class Fact:
    """Compares an answer with `expected`: A subset, B superset, C same, D disagrees, E irrelevant.

    The letter is the label always, whatever number it is turned into, so another map can be applied
    later. The letters are those of OpenAI's evals (`fact`), as in autoevals and promptfoo.

    Args:
        name: names the score.
        endpoint: asks the model.
        scores: number for each letter; `AUTOEVALS` or `PROMPTFOO` or one's own.
        criterion: what counts in this task, e.g. "the due date and the amount; not the wording".
        families: patterns asked before the built-in ones.

    Raises:
        ValueError: a letter has no score, or something else has one.
    """

    name: str
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    scores: Mapping[str, float] = field(default_factory=lambda: AUTOEVALS)
    criterion: str = PLAIN
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Check the map and hash everything once."""
        if set(self.scores) != set(LETTERS):
            raise ValueError(f"fact judge {self.name!r}: scores need exactly A, B, C, D and E")
        object.__setattr__(self, "scores", dict(self.scores))
        said = words(self.endpoint, "fact", SHAPE)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction, *, repeat: int = 0) -> Verdict:
        """The letter, and what it is worth."""
        if not interaction.expected.strip():
            reason = "no `expected` to compare with: give the dataset a reference answer per item"
            return JudgeFailure(self.name, self.version, reason)
        prompt = self._prompt(interaction)
        answer = await asked(self, prompt, SHAPE, repeat=repeat)
        if isinstance(answer, JudgeFailure):
            return answer
        letter = answer.reply.answers["choice"]
        reason = answer.reply.reason or f"the candidate {MEANING[letter]}"
        return Judgement(
            self.name, float(self.scores[letter]), letter, reason, self.version, answer.usage,
            raw=answer.raw, probabilities=answer.probabilities,
            details=marks(self, interaction, prompt),
        )  # fmt: skip

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost; nothing where there is no reference."""
        if not interaction.expected.strip():
            return 0.0
        return self.endpoint.most_usd(self._prompt(interaction), shape=SHAPE)

    def _prompt(self, interaction: Interaction) -> Prompt:
        return posed(
            self,
            "fact",
            {"criterion": self.criterion.strip()},
            interaction,
            candidate=interaction.output,
        )
