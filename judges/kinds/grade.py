"""A judge that grades on a scale with a text for every level."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from judges.asking.shapes import Shape, Slot
from judges.interaction import JudgeFailure, Judgement, Verdict, summed
from judges.kinds.asking import SAMPLED, asked, marks, posed, words
from judges.panels.families import Families
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Answer, Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Interaction

__all__ = ["Grade", "Mode"]

Mode: TypeAlias = Literal["expected", "sampled_mean", "point"]
REPEATS = 3
LINE = r"(?i)^[ \t>*_#`-]*score[ \t*_`]*:[ \t*_`]*(\S[^\n]*?)(?:\.0+)?[ \t*_`.]*$"
"""In plain text 5.0 is 5; all that the line says counts, so that `3 or 5` is nothing."""


@dataclass(frozen=True, slots=True)
class Grade:
    """Grades by one criterion, on whole numbers of which each has a text.

    The scale lives here and nowhere else: it is what the model may answer, and what the value is
    on. How a level becomes a value is the mode, part of the version, and told by every verdict:

    - `expected`: Σ k·p(k) over the log-probabilities of the level's token (G-Eval, Liu et al. 2023).
      An endpoint that gives none (or stops to) yields the plain level, and the verdict says `point`:
      the two are not to be put into one series.
    - `sampled_mean`: the mean of several answers, for single decisions where there are none.
    - `point`: one answer, the plain level.

    Args:
        name: names the score.
        criterion: what is graded, e.g. "tone: how well it fits a bank that writes to a customer".
        levels: a text for every level; consecutive whole numbers, as a rule 1 to 5.
        endpoint: asks the model.
        mode: how a value is got.
        repeats: answers of which `sampled_mean` takes the mean.
        families: patterns asked before the built-in ones.

    Raises:
        ValueError: levels that are not consecutive or have no text, or an empty criterion.
    """

    name: str
    criterion: str
    levels: Mapping[int, str]
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    mode: Mode = "expected"
    repeats: int = REPEATS
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)
    _shape: Shape = field(init=False, repr=False, compare=False)
    _values: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the scale and prepare all that is the same for every call."""
        levels = dict(sorted(self.levels.items()))
        _check(self.name, levels, self.criterion, self.repeats)
        shape = Shape((Slot("score", tuple(map(str, levels)), LINE),))
        texts = "\n".join(f"- {level}: {text.strip()}" for level, text in levels.items())
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "_shape", shape)
        object.__setattr__(self, "_values", {"criterion": self.criterion.strip(), "levels": texts})
        if self.mode != "sampled_mean":
            object.__setattr__(self, "repeats", 1)
        said = words(self.endpoint, "grade", shape)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction, *, repeat: int = 0) -> Verdict:
        """The grade as a number on the scale."""
        prompt = self._prompt(interaction)
        if self.mode == "sampled_mean":
            return await self._mean(interaction, prompt, repeat)
        expecting = self.mode == "expected"
        answer = await asked(self, prompt, self._shape, repeat=repeat, logprobs=expecting)
        if isinstance(answer, JudgeFailure):
            return answer
        level = answer.reply.answers["score"]
        chances = answer.probabilities
        if expecting and chances:
            value = math.fsum(int(one) * share for one, share in chances.items())
            return self._judgement(interaction, prompt, [answer], value, "expected")
        return self._judgement(interaction, prompt, [answer], float(level), "point")

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost, with all its repeats; None if a price is unknown."""
        return self.endpoint.most_usd(
            self._prompt(interaction), requests=self.repeats, shape=self._shape
        )

    async def _mean(self, interaction: Interaction, prompt: Prompt, repeat: int) -> Verdict:
        """Of all answers or of none: a mean of those that came would be of another precision."""
        numbers = range(repeat * self.repeats, (repeat + 1) * self.repeats)
        told = await asyncio.gather(*(self._sample(prompt, number) for number in numbers))
        answers = [one for one in told if not isinstance(one, JudgeFailure)]
        lost = next((one for one in told if isinstance(one, JudgeFailure)), None)
        if lost is not None:
            reason = f"{len(answers)} of {self.repeats} answers came: {lost.reason}"
            return replace(lost, reason=reason, usage=summed(one.usage for one in told))
        levels = [int(one.reply.answers["score"]) for one in answers]
        value = math.fsum(levels) / len(levels)
        return self._judgement(interaction, prompt, answers, value, "sampled_mean")

    async def _sample(self, prompt: Prompt, number: int) -> Answer | JudgeFailure:
        return await asked(self, prompt, self._shape, repeat=number, temperature=SAMPLED)

    def _judgement(
        self,
        interaction: Interaction,
        prompt: Prompt,
        answers: list[Answer],
        value: float,
        mode: Mode,
    ) -> Judgement:
        said = [one.reply.answers["score"] for one in answers]
        details = marks(self, interaction, prompt)
        if mode == "sampled_mean":
            details["levels"] = " ".join(said)
            nearest = min(said, key=lambda level: abs(int(level) - value))
        else:
            nearest = said[0]
        return Judgement(
            self.name, value, nearest, answers[0].reply.reason or self.levels[int(nearest)],
            self.version, summed(one.usage for one in answers),
            raw="\n\n".join(one.raw for one in answers), mode=mode,
            probabilities=answers[0].probabilities if mode == "expected" else {}, details=details,
        )  # fmt: skip

    def _prompt(self, interaction: Interaction) -> Prompt:
        return posed(self, "grade", self._values, interaction, answer=interaction.output)


def _check(name: str, levels: Mapping[int, str], criterion: str, repeats: int) -> None:
    if not criterion.strip():
        raise ValueError(f"grade {name!r}: say in `criterion` what is graded")
    if any(type(one) is not int for one in levels) or len(levels) < 2:
        raise ValueError(f"grade {name!r}: levels are two or more whole numbers")
    if list(levels) != list(range(min(levels), max(levels) + 1)):
        raise ValueError(f"grade {name!r}: levels {list(levels)} are not consecutive")
    bare = [level for level, text in levels.items() if not text.strip()]
    if bare:
        raise ValueError(f"grade {name!r}: level {bare[0]} needs a text that says what it means")
    if repeats < 1:
        raise ValueError(f"grade {name!r}: repeats are 1 or more")
