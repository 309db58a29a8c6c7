"""A judge applied to every step of a chain: which step failed first, the worst one, or the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from judges.interaction import (
    JudgeFailure,
    Judgement,
    NotApplicable,
    Verdict,
    most_of,
    summed,
    version_known,
)
from judges.panels.families import models_of
from judges.panels.members import label_of, own_family_of, verdicts_of_all
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from judges.interaction import Interaction, Judge, Step

__all__ = ["Aggregate", "Steps"]

Aggregate: TypeAlias = Literal["first_failure", "min", "mean"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One step with its verdict."""

    place: int
    """From 1, among all steps of the chain."""
    step: Step
    verdict: Judgement

    @property
    def named(self) -> str:
        """As it is spoken of."""
        where = f", span {self.step.span_id}" if self.step.span_id else ""
        return f"step {self.place} ({self.step.kind} {self.step.name}{where})"

    @property
    def number(self) -> float:
        """Its verdict's value; True is 1."""
        return float(self.verdict.value)


@dataclass(frozen=True, slots=True)
class Steps:
    """Puts each step before a judge, as if its input and output were all there is.

    Every step's verdict is in the details, and so is the first that fails: its place from 1, name
    and span. A step to which the question does not apply does not count. A step that the judge
    failed on makes the whole a failure, unless a step before it has failed already and the first
    failure is what is asked for: a worst or a mean of the rest would be too good.

    Args:
        name: names the score.
        judge: any judge, asked about every step at the same time.
        aggregate: `first_failure` is True if no step fails; `min` and `mean` are of the values.
        passes: a step with a numeric value below it fails; a False one always does.
        kinds: kinds of steps that are judged; empty is all.

    Labels other than numbers and yes/no cannot be put in order, so they are a failure here.
    """

    name: str
    judge: Judge = field(metadata=OUTSIDE)
    aggregate: Aggregate = "first_failure"
    passes: float = 1.0
    kinds: tuple[str, ...] = ()
    version: str = field(init=False)

    def __post_init__(self) -> None:
        """Hash everything once."""
        object.__setattr__(self, "version", version_of(self, version_known(self.judge)))

    @property
    def models(self) -> tuple[str, ...]:
        """All models that are asked."""
        return models_of(self.judge)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that all steps together can cost; None where one's is not known."""
        each = [most_of(self.judge, one) for _, _, one in self._parts(interaction)]
        known = [one for one in each if one is not None]
        return math.fsum(known) if len(known) == len(each) else None

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The chain's verdict."""
        parts = self._parts(interaction)
        if not parts:
            kinds = f" of kind {', '.join(self.kinds)}" if self.kinds else ""
            return NotApplicable(self.name, f"the chain has no steps{kinds}", self.version)
        verdicts = await verdicts_of_all(self.judge, [one for _, _, one in parts])
        usage = summed(one.usage for one in verdicts)
        judged: list[Judged] = []
        broken: list[tuple[int, str, JudgeFailure]] = []
        for (place, step, _), verdict in zip(parts, verdicts, strict=True):
            if isinstance(verdict, Judgement) and not isinstance(verdict.value, str):
                judged.append(Judged(place, step, verdict))
            elif not isinstance(verdict, NotApplicable):
                broken.append((place, step.name, _as_failure(verdict)))
        failing = next((one for one in judged if self._fails(one)), None)
        if broken and not self._settled(failing, broken[0][0]):
            place, name, first = broken[0]
            reason = f"step {place} ({name}) has no verdict: {first.reason}"
            return JudgeFailure(self.name, self.version, reason, first.raw, first.status, usage)
        if not judged:
            reason = "the question applies to none of the steps"
            return NotApplicable(self.name, reason, self.version, usage)
        details = _details(parts, verdicts, failing) | own_family_of(verdicts)
        value, label, reason = self._summary(judged, failing)
        modes = {one.verdict.mode for one in judged}
        return Judgement(
            self.name, value, label, reason, self.version, usage,
            mode="+".join(sorted(modes)), details=details,
        )  # fmt: skip

    def _parts(self, interaction: Interaction) -> list[tuple[int, Step, Interaction]]:
        """Steps that are judged, each as an interaction; the chain's reference is not a step's."""
        return [
            (
                place,
                step,
                replace(
                    interaction, input=step.input, output=step.output, steps=(), expected="",
                    other="", other_model="", input_messages="", output_messages="",
                    span_id=step.span_id or f"{interaction.span_id}/{place}",
                ),
            )
            for place, step in enumerate(interaction.steps, 1)
            if not self.kinds or step.kind in self.kinds
        ]  # fmt: skip

    def _fails(self, one: Judged) -> bool:
        return one.number < (1.0 if isinstance(one.verdict.value, bool) else self.passes)

    def _settled(self, failing: Judged | None, broken_place: int) -> bool:
        """Whether what failed first is known in spite of a step without a verdict."""
        known = failing is not None and failing.place < broken_place
        return self.aggregate == "first_failure" and known

    def _summary(
        self, judged: list[Judged], failing: Judged | None
    ) -> tuple[bool | float, str, str]:
        word = f"{failing.named} fails first: {failing.verdict.reason}" if failing else ""
        if self.aggregate == "first_failure":
            if failing is None:
                return True, "passed", f"all {len(judged)} judged steps pass"
            return False, f"step {failing.place}", word
        if self.aggregate == "min":
            worst = min(judged, key=lambda one: one.number)
            said = word or f"{worst.named} is the worst: {worst.verdict.reason}"
            return worst.number, f"{worst.number:.4g}", said
        mean = math.fsum(one.number for one in judged) / len(judged)
        return mean, f"{mean:.4g}", word or f"mean of {len(judged)} steps, none of which fails"


def _as_failure(verdict: Verdict) -> JudgeFailure:
    if isinstance(verdict, JudgeFailure):
        return verdict
    reason = f"{label_of(verdict)!r} is a label: a judge of steps says yes or no, or a number"
    return JudgeFailure(verdict.name, verdict.version, reason, verdict.raw)


def _details(
    parts: list[tuple[int, Step, Interaction]], verdicts: list[Verdict], failing: Judged | None
) -> dict[str, bool | float | str]:
    details: dict[str, bool | float | str] = {}
    for (place, step, _), verdict in zip(parts, verdicts, strict=True):
        value = verdict.value if isinstance(verdict, Judgement) else label_of(verdict)
        details[f"step {place} {step.name}"] = value
    if failing:
        details["first_failure"] = float(failing.place)
        details["first_failure_step"] = failing.step.name
        details["first_failure_span"] = failing.step.span_id
    return details
