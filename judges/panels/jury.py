"""A panel of judges with one verdict: who sits, with how many votes, and how far they disagree."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from judges.interaction import (
    JudgeFailure,
    Judgement,
    NotApplicable,
    Usage,
    Verdict,
    known_as,
    most_of,
    summed,
    version_known,
)
from judges.panels.families import Families, independent, models_of
from judges.panels.members import label_of, own_family_of, verdicts_of
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judges.interaction import Interaction, Judge
    from judges.panels.admission import Admission

__all__ = ["Jury"]

Rule: TypeAlias = Literal["vote", "mean"]
Details: TypeAlias = dict[str, bool | float | str]
EVEN = 1e-9
"""Sums of weights that differ by less are equal."""


@dataclass(frozen=True, slots=True)
class Juror:
    """One seat at a table that judges one interaction."""

    seat: str
    weight: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Jury:
    """Several judges of one question, best of several vendors, one call each.

    A juror who failed leaves, the others' weights are scaled up, and the reason says so; below the
    quorum there is no verdict. Where candidates of several families are compared, jurors of their
    families do not sit. Jurors that did not pass the admission test do not sit either; if none
    passed, all sit with equal weights and every verdict says what it is.

    Args:
        name: names the score.
        judges: asked at the same time.
        weights: one per judge (`judges.panels.admission.weights` or `.stack`); empty is equal.
        rule: `vote` for labels: the label with most weight wins, `na` being a label; `mean` for
            numbers: the weighted mean of those to whom the question applies.
        quorum: least number of jurors with a verdict; 0 is more than half of those who sit.
        on_tie: what a tied vote is: `fail` no verdict, `first` that of the first judge among the
            tied, `tie` a tie (value 0.5), for judges of pairs.
        admissions: what the anchors said of each judge; empty says that nobody was tested.
        worth: effective votes on the anchors (`judges.panels.admission.effective_votes`), to be shown.
        families: patterns asked before the built-in ones.
    """

    name: str
    judges: tuple[Judge, ...] = field(metadata=OUTSIDE)
    weights: tuple[float, ...] = ()
    rule: Rule = "vote"
    quorum: int = 0
    on_tie: Literal["fail", "first", "tie"] = "fail"
    admissions: tuple[Admission | None, ...] = field(default=(), metadata=OUTSIDE)
    worth: float | None = field(default=None, metadata=OUTSIDE)
    families: Families = ()
    version: str = field(init=False)
    _seats: tuple[tuple[str, Judge, float], ...] = field(init=False, repr=False, compare=False)
    _note: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Seat those who passed, once.

        Raises:
            ValueError: no judge, or lists that do not fit them.
        """
        object.__setattr__(self, "_seats", self._seated())
        object.__setattr__(self, "_note", self._said_of_admission())
        seats = [f"{seat} {version_known(judge)} {weight}" for seat, judge, weight in self._seats]
        object.__setattr__(self, "version", version_of(self, *seats))

    @property
    def names(self) -> tuple[str, ...]:
        """What each judge is called in the details of a verdict, `juror NAME`; those left out too."""
        return tuple(_names(self.judges))

    @property
    def models(self) -> tuple[str, ...]:
        """All models that are asked."""
        return tuple(dict.fromkeys(one for _, judge, _ in self._seats for one in models_of(judge)))

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that all jurors together can cost; None where one's is not known."""
        each = [most_of(judge, interaction) for _, judge, _ in self._present(interaction)]
        known = [one for one in each if one is not None]
        return math.fsum(known) if len(known) == len(each) else None

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The panel's verdict."""
        present = self._present(interaction)
        verdicts = await verdicts_of([judge for _, judge, _ in present], interaction)
        jurors = [
            Juror(seat, weight, verdict)
            for (seat, _, weight), verdict in zip(present, verdicts, strict=True)
        ]
        heard = [one for one in jurors if not isinstance(one.verdict, JudgeFailure)]
        usage = summed(one.usage for one in verdicts)
        needed = self.quorum or len(present) // 2 + 1
        if len(heard) < needed or not math.fsum(one.weight for one in heard):
            return self._no_quorum(jurors, heard, needed, usage)
        return (self._voted if self.rule == "vote" else self._averaged)(jurors, heard, usage)

    def _seated(self) -> tuple[tuple[str, Judge, float], ...]:
        k = len(self.judges)
        if not k:
            raise ValueError(f"jury {self.name!r} has no judges")
        shares = self.weights or (1.0,) * k
        if len(shares) != k or len(self.admissions) not in {0, k}:
            raise ValueError(
                f"jury {self.name!r}: one weight and one admission per judge, {k} each"
            )
        if min(shares) < 0 or not math.fsum(shares) > 0:
            raise ValueError(f"jury {self.name!r}: weights are at least 0, and not all 0")
        every = list(zip(_names(self.judges), self.judges, shares, strict=True))
        if not self.admissions:
            return tuple(every)
        passed = [
            seat
            for seat, test in zip(every, self.admissions, strict=True)
            if test is not None and test.admitted
        ]
        with_votes = [one for one in passed if one[2] > 0]
        return tuple(with_votes or ((seat, judge, 1.0) for seat, judge, _ in passed or every))

    def _said_of_admission(self) -> str:
        if not self.admissions:
            return "jurors not tested against people"
        passed = sum(one is not None and one.admitted for one in self.admissions)
        if not passed:
            return "no juror passed the admission test: equal votes, not to be trusted"
        refused = [
            f"{name} left out: {test.reason or 'not admitted'}"
            for name, test in zip(_names(self.judges), self.admissions, strict=True)
            if test is not None and not test.admitted
        ]
        return "; ".join([f"{passed} of {len(self.judges)} jurors admitted", *refused])

    def _present(self, interaction: Interaction) -> Sequence[tuple[str, Judge, float]]:
        """Those who may judge these candidates."""
        candidates = (interaction.model, interaction.other_model)
        stay = independent([one for _, one, _ in self._seats], candidates, families=self.families)
        kept = {id(one) for one in stay}
        return [one for one in self._seats if id(one[1]) in kept]

    def _voted(self, jurors: list[Juror], heard: list[Juror], usage: Usage) -> Verdict:
        weights: dict[str, float] = defaultdict(float)
        for one in heard:
            weights[label_of(one.verdict)] += one.weight
        total = math.fsum(weights.values())
        shares = {label: weight / total for label, weight in weights.items()}
        ranked = sorted(shares.values(), reverse=True)
        margin = ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)
        tied = [label for label, share in shares.items() if share > ranked[0] - EVEN]
        told = ", ".join(
            f"{label} {share:.0%}".replace("%", " %") for label, share in shares.items()
        )
        details = self._details(jurors) | {"margin": margin, "disagreement": 1 - ranked[0]}
        if len(tied) > 1 and self.on_tie != "first":
            return self._tied(told, details, usage)
        # Jurors keep their order, so the first label of the tied is the first juror's.
        winner = next(one.verdict for one in heard if label_of(one.verdict) == tied[0])
        reason = self._reason(jurors, f"{told}: {_word(winner)}")
        if not isinstance(winner, Judgement):
            return NotApplicable(self.name, reason, self.version, usage)
        return Judgement(
            self.name, winner.value, winner.label, reason, self.version, usage,
            probabilities=shares, details=details, order=_order(heard),
        )  # fmt: skip

    def _tied(self, told: str, details: Details, usage: Usage) -> Verdict:
        if self.on_tie == "tie":
            reason = f"the jury is tied: {told}"
            return Judgement(self.name, 0.5, "tie", reason, self.version, usage, details=details)
        return JudgeFailure(
            self.name, self.version, f"the jury is tied: {told}", status="error", usage=usage
        )

    def _averaged(self, jurors: list[Juror], heard: list[Juror], usage: Usage) -> Verdict:
        told = [one for one in heard if isinstance(one.verdict, Judgement)]
        numbers = [
            (float(one.verdict.value), one.weight)
            for one in told
            if isinstance(one.verdict, Judgement) and not isinstance(one.verdict.value, str)
        ]
        if len(numbers) < len(told):
            reason = "the jury takes a mean, but a juror gives labels: use the rule `vote`"
            return JudgeFailure(self.name, self.version, reason, usage=usage)
        total = math.fsum(weight for _, weight in numbers)
        if 2 * total <= math.fsum(one.weight for one in heard):
            reason = self._reason(jurors, "to most of the jury the question does not apply")
            return NotApplicable(self.name, reason, self.version, usage)
        mean = math.fsum(value * weight for value, weight in numbers) / total
        spread = math.fsum(weight * (value - mean) ** 2 for value, weight in numbers) / total
        modes = {one.verdict.mode for one in told if isinstance(one.verdict, Judgement)}
        return Judgement(
            self.name, mean, f"{mean:.4g}", self._reason(jurors, f"mean {mean:.4g}"),
            self.version, usage, mode="+".join(sorted(modes)),
            details=self._details(jurors) | {"disagreement": math.sqrt(spread)},
        )  # fmt: skip

    def _no_quorum(
        self, jurors: list[Juror], heard: list[Juror], needed: int, usage: Usage
    ) -> JudgeFailure:
        if not jurors:
            reason = "every juror is of a candidate's family; add one of another vendor"
            return JudgeFailure(self.name, self.version, reason, usage=usage)
        reason = self._reason(
            jurors, f"{len(heard)} of {len(jurors)} jurors gave a verdict, {needed} needed"
        )
        first = next((o.verdict for o in jurors if isinstance(o.verdict, JudgeFailure)), None)
        status = first.status if first else "error"
        return JudgeFailure(self.name, self.version, reason, status=status, usage=usage)

    def _details(self, jurors: list[Juror]) -> Details:
        details: Details = {f"juror {one.seat}": label_of(one.verdict) for one in jurors}
        details["jurors"] = float(len(jurors))
        details["failed"] = float(sum(isinstance(o.verdict, JudgeFailure) for o in jurors))
        details["left_out"] = float(len(self._seats) - len(jurors))
        details["admission"] = self._note
        if self.worth is not None:
            details["effective_votes"] = self.worth
        return details | own_family_of(one.verdict for one in jurors)

    def _reason(self, jurors: list[Juror], said: str) -> str:
        failed = [
            f"{one.seat} left ({one.verdict.status}: {one.verdict.reason})"
            for one in jurors
            if isinstance(one.verdict, JudgeFailure)
        ]
        away = len(self._seats) - len(jurors)
        family = [f"{away} of a candidate's own family did not sit"] if away else []
        return "; ".join([said, *failed, *family, self._note])


def _order(heard: list[Juror]) -> str:
    """The order in which a pair was shown, where all jurors saw the same."""
    orders = {one.verdict.order for one in heard if isinstance(one.verdict, Judgement)}
    return orders.pop() if len(orders) == 1 else ""


def _word(verdict: Verdict) -> str:
    return verdict.reason or label_of(verdict)


def _names(judges: Sequence[Judge]) -> list[str]:
    """A seat per judge: its name, with its models where several have one name."""
    names = [known_as(one) for one in judges]
    if len(set(names)) < len(names):
        names = [" ".join([name, *models_of(one)]) for name, one in zip(names, judges, strict=True)]
    return [
        f"{name} #{place}" if names.count(name) > 1 else name for place, name in enumerate(names, 1)
    ]
