"""A checklist of yes/no and count questions, for answers of which nobody knows the right one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from judges.asking.shapes import Shape, Slot
from judges.interaction import JudgeFailure, Judgement, NotApplicable, Verdict
from judges.kinds.asking import asked, marks, posed, words
from judges.panels.families import Families
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.asking.endpoint import Answer, Endpoint
    from judges.asking.prompting import Prompt
    from judges.interaction import Interaction

__all__ = ["Item", "Rubric"]

MOST_ITEMS = 40
ANSWERS = ("yes", "no", "na")
UNREVIEWED = "checklist not reviewed"


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a checklist: yes or no, or, with `least` given, how many.

    >>> Item("Is the due date named?").good("yes"), Item("Is advice given?", expect="no").good("yes")
    (True, False)
    >>> Item("How many sources are quoted?", least=2).good("3")
    True
    """

    question: str
    weight: float = 1.0
    expect: Literal["yes", "no"] = "yes"
    """What a good answer gets."""
    least: int | None = None
    """A count: so many, at least, has a good answer; None is a yes/no question."""
    most: int | None = None
    """And so many at most; None is no limit."""

    def __post_init__(self) -> None:
        if not self.question.strip() or "\n" in self.question.strip():
            raise ValueError("a checklist's question is one line of text")
        if not (self.weight > 0 and math.isfinite(self.weight)):
            raise ValueError(f"{self.question!r}: the weight is a number above 0")
        if self.expect not in {"yes", "no"}:
            raise ValueError(f"{self.question!r}: expect yes or no")
        if self.least is None and self.most is not None:
            raise ValueError(f"{self.question!r}: `most` without `least`; set least = 0")
        if self.least is not None and not 0 <= self.least <= (
            self.least if self.most is None else self.most
        ):
            raise ValueError(f"{self.question!r}: the good range is 0 <= least <= most")

    @property
    def counts(self) -> bool:
        """Whether it asks how many."""
        return self.least is not None

    @property
    def asked(self) -> str:
        """As the model reads it."""
        return f"{self.question.strip()} ({'count' if self.counts else 'yes, no or na'})"

    def good(self, answer: str) -> bool | None:
        """Whether it is the answer of a good one; None where the question does not arise."""
        if self.least is not None:
            return self.least <= int(answer) <= (math.inf if self.most is None else self.most)
        return None if answer == "na" else answer == self.expect


@dataclass(frozen=True, slots=True)
class Rubric:
    """Goes through a checklist in one request; the value is the weighted share of good answers.

    Questions that do not arise leave the denominator; where none arises, the verdict is not
    applicable. Every answer is in the details.

    Args:
        name: names the score.
        items: the checklist, written by hand or compiled (`judges.kinds.compilation`) and reviewed.
        endpoint: asks the model.
        reviewed: False for a compiled checklist that nobody has read: every verdict then says so.
        families: patterns asked before the built-in ones.

    Raises:
        ValueError: no question, too many, or one twice.
    """

    name: str
    items: tuple[Item, ...]
    endpoint: Endpoint = field(repr=False, compare=False, metadata=OUTSIDE)
    reviewed: bool = field(default=True, metadata=OUTSIDE)
    families: Families = field(default=(), metadata=OUTSIDE)
    version: str = field(init=False)
    _shape: Shape = field(init=False, repr=False, compare=False)
    _values: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the checklist and prepare all that is the same for every call."""
        items = tuple(self.items)
        questions = [" ".join(one.question.lower().split()) for one in items]
        if not 0 < len(items) <= MOST_ITEMS:
            raise ValueError(f"rubric {self.name!r}: 1 to {MOST_ITEMS} questions, not {len(items)}")
        if len(set(questions)) < len(questions):
            raise ValueError(f"rubric {self.name!r}: a question stands in it twice")
        keys = [f"q{number}" for number in range(1, len(items) + 1)]
        slots = (
            Slot(key, () if item.counts else ANSWERS) for key, item in zip(keys, items, strict=True)
        )
        shape = Shape(tuple(slots))
        texts = "\n".join(f"{key}: {item.asked}" for key, item in zip(keys, items, strict=True))
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "_shape", shape)
        object.__setattr__(self, "_values", {"questions": texts})
        said = words(self.endpoint, "rubric", shape)
        object.__setattr__(self, "version", version_of(self, *said))

    async def __call__(self, interaction: Interaction, *, repeat: int = 0) -> Verdict:
        """The share of the checklist that is met."""
        prompt = self._prompt(interaction)
        answer = await asked(self, prompt, self._shape, repeat=repeat)
        if isinstance(answer, JudgeFailure):
            return answer
        said = [answer.reply.answers[slot.name] for slot in self._shape.slots]
        return self._scored(said, answer, marks(self, interaction, prompt))

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that one verdict can cost; None if a price is unknown."""
        return self.endpoint.most_usd(self._prompt(interaction), shape=self._shape)

    def _scored(
        self, said: list[str], answer: Answer, details: dict[str, bool | float | str]
    ) -> Verdict:
        note = "" if self.reviewed else f"{UNREVIEWED}; "
        good = [item.good(one) for item, one in zip(self.items, said, strict=True)]
        asked_weight = math.fsum(
            item.weight for item, one in zip(self.items, good, strict=True) if one is not None
        )
        if not asked_weight:
            reason = f"{note}none of the {len(said)} questions arises"
            return NotApplicable(self.name, reason, self.version, answer.usage, answer.raw)
        met = math.fsum(item.weight for item, one in zip(self.items, good, strict=True) if one)
        missed = [
            f"q{number} {item.question.strip()} {one}"
            for number, (item, one, fine) in enumerate(zip(self.items, said, good, strict=True), 1)
            if fine is False
        ]
        reason = f"{note}{'missed: ' + '; '.join(missed) if missed else 'all met'}"
        for number, (item, one) in enumerate(zip(self.items, said, strict=True), 1):
            details[f"q{number} {item.question.strip()}"] = float(one) if item.counts else one
        if not self.reviewed:
            details["unreviewed"] = True
        told = [one for one in good if one is not None]
        label = f"{sum(told)}/{len(told)}" + ("" if self.reviewed else " (unreviewed)")
        if answer.reply.reason:
            reason = f"{reason}. {answer.reply.reason}"
        return Judgement(
            self.name, met / asked_weight, label, reason, self.version, answer.usage,
            raw=answer.raw, details=details,
        )  # fmt: skip

    def _prompt(self, interaction: Interaction) -> Prompt:
        return posed(self, "rubric", self._values, interaction, answer=interaction.output)
