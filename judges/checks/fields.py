"""Structured answers against the expected ones, field by field; and whole texts, as one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

from judges.checks.comparators import AskedBy, Comparator, right
from judges.checks.paths import Pair, at
from judges.checks.paths import pairs as pairs_at
from judges.checks.texts import MISSING, leaves, parse, show
from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Usage, Verdict
from judges.versions import version_of

__all__ = ["Fields", "Match"]

UNKNOWN = "the right answer is not known yet"


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparator said of one pair."""

    pair: Pair
    score: float
    right: bool
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of the answer are as good as the expected answer's?

    A field that only one of the two has is wrong. The details hold every field's score, and `micro`
    where a path stands for several values: the mean over all values instead of over the paths.

    Args:
        comparators: by path, what counts as equal. `due_date`, `borrower.name`, `items.0`;
            `items.*.price` pairs the members by place, `items[sku].price` those of the same `sku`.
        value: `share` of the right fields, or `mean` of their scores.
        strict: a field of the answer that the expected answer lacks is wrong, whatever its path.
    """

    comparators: Mapping[str, Comparator]
    name: str = "fields"
    value: Literal["share", "mean"] = "share"
    strict: bool = False

    def __post_init__(self) -> None:
        if not self.comparators:
            raise ValueError("Fields needs at least one path, e.g. Fields({'due_date': Date()})")

    @property
    def version(self) -> str:
        """Hash of this judge's definition, comparators included."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The share of right fields; label `right` or `wrong`, the reason names each wrong one."""
        if not interaction.expected:
            return JudgeFailure(self.name, self.version, UNKNOWN)
        try:
            expected = parse(interaction.expected)
        except ValueError as error:
            reason = f"the expected answer is unusable: {error}"
            return JudgeFailure(self.name, self.version, reason, interaction.expected)
        try:
            given = parse(interaction.output)
        except ValueError as error:
            return Judgement(
                self.name, value=0.0, label="wrong", reason=str(error), version=self.version
            )
        return await self._compare(interaction, given, expected)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that the comparators' judges can cost; None where one does not know."""
        try:
            given, expected = parse(interaction.output), parse(interaction.expected)
        except ValueError:
            return 0.0
        costs = [
            _most_usd(comparator, interaction, pair)
            for path, comparator in self.comparators.items()
            for pair in pairs_at(given, expected, path)
        ]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    async def _compare(self, interaction: Interaction, given: Any, expected: Any) -> Verdict:
        usage = Usage()
        groups: list[list[Compared]] = []
        for path, comparator in self.comparators.items():
            pairs = list(pairs_at(given, expected, path))
            group: list[Compared] = []
            for pair in pairs:
                said = await _compared(comparator, interaction, pair)
                usage = usage.plus(said.usage)
                if isinstance(said, JudgeFailure):
                    reason = f"{pair.path}: {said.reason}"
                    return JudgeFailure(
                        self.name, self.version, reason, said.raw, said.status, usage
                    )
                if isinstance(said, Compared):
                    group.append(said)
            if group or not pairs:
                groups.append(group)
        if self.strict:
            groups.extend([one] for one in _extra(given, expected, groups))
        return self._judgement(groups, usage)

    def _judgement(self, groups: Sequence[Sequence[Compared]], usage: Usage) -> Verdict:
        if not groups:
            return NotApplicable(
                self.name, "no field's judge had anything to say", self.version, usage
            )
        everything = [one for group in groups for one in group]
        wrong = [_explain(one.pair) for one in everything if not one.right]
        details: dict[str, bool | float | str] = {one.pair.path: one.score for one in everything}
        if len(everything) > len(groups):
            details["micro"] = fmean(map(self._worth, everything))
        value = fmean(fmean(map(self._worth, group)) if group else 1.0 for group in groups)
        label = "wrong" if wrong else "right"
        reason = "; ".join(wrong)
        return Judgement(self.name, value, label, reason, self.version, usage, details=details)

    def _worth(self, one: Compared) -> float:
        return one.score if self.value == "mean" else float(one.right)


@dataclass(frozen=True, slots=True)
class Match:
    """Is the answer as a whole, JSON or not, as good as the expected one?

    Several right answers are a JSON list of texts in `expected`.

    Args:
        comparator: `TextEM()`, `Contains()`, `TextF1(0.5)`, `Text()`, `AskedBy(judge)`, …
        scored: the value is the comparator's score instead of right or wrong.
    """

    comparator: Comparator
    name: str = "match"
    scored: bool = False

    @property
    def version(self) -> str:
        """Hash of this judge's definition, comparator included."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Verdict:
        """True when it is; label `right` or `wrong`."""
        if not interaction.expected:
            return JudgeFailure(self.name, self.version, UNKNOWN)
        pair = Pair("", interaction.output, _answers(interaction.expected))
        said = await _compared(self.comparator, interaction, pair)
        if not isinstance(said, Compared):
            return replace(said, name=self.name, version=self.version)
        label, reason = ("right", "") if said.right else ("wrong", _explain(pair))
        value = said.score if self.scored else said.right
        details = {"score": said.score}
        return Judgement(self.name, value, label, reason, self.version, said.usage, details=details)

    def most_usd(self, interaction: Interaction) -> float | None:
        """The most that the comparator's judge can cost; None where it does not know."""
        pair = Pair("", interaction.output, _answers(interaction.expected))
        return _most_usd(self.comparator, interaction, pair)


async def _compared(
    comparator: Comparator, interaction: Interaction, pair: Pair
) -> Compared | NotApplicable | JudgeFailure:
    if pair.ours is MISSING or pair.theirs is MISSING:
        same = pair.ours is pair.theirs
        return Compared(pair, float(same), same)
    if isinstance(comparator, AskedBy):
        if comparator(pair.ours, pair.theirs):
            return Compared(pair, 1.0, right=True)
        said = await comparator.ask(interaction, pair.ours, pair.theirs)
        if not isinstance(said, Judgement):
            return said
        return Compared(pair, float(said.value), right(comparator, float(said.value)), said.usage)
    try:
        told = comparator(pair.ours, pair.theirs)
        score = float(await told if inspect.isawaitable(told) else told)
    except Exception as error:  # noqa: BLE001 - a comparator may be anybody's code; its failure is stored
        return JudgeFailure(type(comparator).__name__, "", f"the comparator failed: {error!r}")
    return Compared(pair, score, right(comparator, score))


def _most_usd(comparator: Comparator, interaction: Interaction, pair: Pair) -> float | None:
    if not isinstance(comparator, AskedBy) or pair.ours is MISSING or pair.theirs is MISSING:
        return 0.0
    return comparator.most_usd(interaction, pair.ours, pair.theirs)


def _extra(given: Any, expected: Any, groups: Sequence[Sequence[Compared]]) -> Iterator[Compared]:
    seen = {one.pair.path for group in groups for one in group}
    for path, value in leaves(given):
        steps = path.split(".")
        above = {".".join(steps[:length]) for length in range(1, len(steps) + 1)}
        if not above & seen and "" not in seen and at(expected, steps) is MISSING:
            yield Compared(Pair(path, value, MISSING), 0.0, right=False)


def _answers(expected: str) -> Any:
    """The expected answer, or the list of them where it is a JSON list of texts."""
    try:
        several = parse(expected) if expected.lstrip().startswith("[") else None
    except ValueError:
        return expected
    if isinstance(several, list) and several and all(isinstance(one, str) for one in several):
        return several
    return expected


def _explain(pair: Pair) -> str:
    where = f"{pair.path}: " if pair.path else ""
    return f"{where}{show(pair.ours)}, expected {show(pair.theirs)}"
