"""What a candidate has to meet, condition by condition, and the advice that follows. Pure.

A gate is passed, failed or undecided, and says the numbers. Nothing here decides for a person: the
advice is what the gates say together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.retrain.findings import Gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.retrain.findings import JudgeDifference, Limits, Measure, SliceDifference

__all__ = ["Findings", "advise", "hold", "versus"]

ALPHA = 0.05
SLACK_MS = 200.0
"""Milliseconds that nobody feels: a duration that rises by less passes, whatever its ratio."""
QUALITY = ("better where it failed", "not worse elsewhere", "no part worse", "judges not worse")
"""Gates about right and wrong; to fail one of them is to be worse."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, before anything is said about it."""

    whole: SliceDifference
    target: SliceDifference
    """Where it failed; all calls where nobody says where that was."""
    others: Sequence[SliceDifference]
    """What must not get worse by more than the margin."""
    searched: Sequence[SliceDifference]
    """What was searched for harm, with adjusted p-values."""
    answers: SliceDifference | None
    """Invalid answers; None where answers have no structure."""
    judges: Sequence[JudgeDifference]
    measures: Sequence[Measure]
    failing_field: str = ""


def hold(found: Findings, limits: Limits) -> tuple[Gate, ...]:
    """Every gate, in the order of its weight."""
    return (
        _enough(found, limits),
        _better(found.target),
        _not_worse(found, limits),
        _nowhere_worse(found),
        *([_judged(found.judges)] if found.judges else []),
        *([_valid(found.answers, limits)] if found.answers else []),
        _quick(found.measures, limits),
        _affordable(found.measures, limits),
    )


def advise(found: Findings, gates: Sequence[Gate], limits: Limits) -> tuple[str, str]:
    """The advice in a word and in a sentence."""
    failed = [gate for gate in gates if gate.state == "failed"]
    worse = next((gate for gate in failed if gate.name in QUALITY), None)
    target, field = found.target, _field(found)
    if worse:
        return "worse", f"The candidate is worse: {worse.sentence}.{field}"
    if failed:
        said = "; ".join(gate.sentence for gate in failed)
        return "blocked", f"Right and wrong would do, but the candidate is held up: {said}.{field}"
    better = any(gate.name == QUALITY[0] and gate.state == "passed" for gate in gates)
    open_ = next(
        (g for g in gates if g.state == "undecided" and g.decides and g.name != QUALITY[0]), None
    )
    if open_ or not (better or target.high <= limits.margin):
        doubt = open_ or next(gate for gate in gates if gate.name == QUALITY[0])
        return "too_few", (
            f"Too few labelled calls to decide: {doubt.sentence}."
            f" Wait for more outcomes or label some, then compare again.{field}"
        )
    if better:
        return "better", (
            f"The candidate is better{_where(target)}: {versus(target)}, and not worse elsewhere."
            f"{field}"
        )
    return "not_worse", (
        f"The candidate is neither better nor worse{_where(target)}: {versus(target)}.{field}"
    )


def versus(one: SliceDifference) -> str:
    """Both rates, their difference, and what the sample could have shown."""
    shown = "no difference at all" if one.smallest is None else f"{one.smallest:.1%}"
    return (
        f"{one.candidate.value:.1%} wrong against {one.production.value:.1%} in production"
        f" (difference {one.difference:+.1%}, 95 % interval {one.low:+.1%} to"
        f" {one.high:+.1%}, n={one.n}; {one.n} calls show {shown} 4 times in 5)"
    )


def _enough(found: Findings, limits: Limits) -> Gate:
    n = found.whole.n
    said = f"{n} labelled calls, at least {limits.min_calls} are asked for"
    return Gate("enough calls", "passed" if n >= limits.min_calls else "undecided", said)


def _better(target: SliceDifference) -> Gate:
    said = f"{_where(target, 'all calls')}: {versus(target)}".strip()
    if target.n and target.low > 0:
        return Gate(QUALITY[0], "failed", said)
    return Gate(QUALITY[0], "passed" if target.n and target.high < 0 else "undecided", said)


def _not_worse(found: Findings, limits: Limits) -> Gate:
    parts = [*found.others] or [found.whole]
    worst = max(parts, key=lambda one: (one.low > 0, one.high))
    said = (
        f"{_where(worst, 'all calls')}: {versus(worst)}; the interval must lie below"
        f" {limits.margin:+.1%}"
    ).strip()
    if worst.n and worst.low > 0:
        return Gate(QUALITY[1], "failed", said)
    return Gate(QUALITY[1], "passed" if worst.high <= limits.margin else "undecided", said)


def _nowhere_worse(found: Findings) -> Gate:
    worse = [
        one
        for one in found.searched
        if one.difference > 0 and one.adjusted_p is not None and one.adjusted_p <= ALPHA
    ]
    looked = f"of {len(found.searched)} fields, prompt versions and tags"
    if worse:
        one = min(worse, key=lambda part: part.adjusted_p or 0.0)
        said = f"{looked} {len(worse)} got worse, {one.attribute} {one.value} most: {versus(one)}"
        return Gate(QUALITY[2], "failed", f"{said}, Holm's p = {one.adjusted_p:.2g}")
    blind = max((one.smallest or 1.0 for one in found.searched), default=0.0)
    least = f"; in the smallest only a rise of {blind:.0%} would have shown" if blind else ""
    return Gate(QUALITY[2], "passed", f"{looked} none is shown to be worse{least}")


def _judged(judges: Sequence[JudgeDifference]) -> Gate:
    asked = [one for one in judges if one.n and not one.refused]
    if not asked:
        return Gate(QUALITY[3], "undecided", "no check or judge could compare", decides=False)
    worse = [one for one in asked if one.gain < 0 and one.adjusted_p <= ALPHA]
    if worse:
        said = "; ".join(
            f"{one.judge} {one.candidate:.3g} against {one.production:.3g} (difference"
            f" {one.difference:+.3g}, 95 % interval {one.low:+.3g} to {one.high:+.3g}, n={one.n},"
            f" {one.test}, Holm's p = {one.adjusted_p:.2g})"
            for one in worse
        )
        return Gate(QUALITY[3], "failed", said)
    names = ", ".join(f"{one.judge} {one.difference:+.3g} (n={one.n})" for one in asked)
    return Gate(QUALITY[3], "passed", f"none is shown to like it less: {names}")


def _valid(answers: SliceDifference, limits: Limits) -> Gate:
    one, other = answers.candidate, answers.production
    said = (
        f"{one.count} of {one.n} answers invalid against {other.count} in production"
        f" (95 % interval of the difference {answers.low:+.1%} to {answers.high:+.1%})"
    )
    name = "valid answers"
    if answers.low > 0:
        return Gate(name, "failed", said)
    fine = bool(answers.n) and (one.count <= other.count or answers.high <= limits.margin)
    return Gate(name, "passed" if fine else "undecided", said)


def _quick(found: Sequence[Measure], limits: Limits) -> Gate:
    times = [one for one in found if one.unit == "ms"]
    if not times:
        said = "durations of both are known for too few calls"
        return Gate("latency", "undecided", said, decides=False)
    return _held("latency", times, limits.latency_ratio)


def _affordable(found: Sequence[Measure], limits: Limits) -> Gate:
    """By cost where both are known, else by tokens, which a self-hosted model's cost follows."""
    cost = [one for one in found if one.unit == "USD"]
    known = cost or [one for one in found if one.unit == "tokens"]
    if not known:
        said = "neither cost nor tokens of both are known"
        return Gate("cost", "undecided", said, decides=False)
    return _held("cost", known, limits.cost_ratio)


def _held(name: str, found: Sequence[Measure], limit: float) -> Gate:
    """Failed when a ratio is above its limit beyond doubt; in doubt it does not hold anybody up."""
    said = "; ".join(
        f"{one.name} {one.candidate:.4g} {one.unit} against {one.production:.4g}"
        f" (ratio {one.ratio:.2f}, 95 % interval {one.low:.2f} to {one.high:.2f}, n={one.n})"
        for one in found
    )
    said = f"{said}; the limit is {limit:g}"
    felt = [one for one in found if one.unit != "ms" or one.candidate - one.production > SLACK_MS]
    if any(one.low > limit for one in felt):
        return Gate(name, "failed", said)
    doubt = any(one.high > limit for one in felt)
    return Gate(name, "undecided" if doubt else "passed", said, decides=False)


def _where(one: SliceDifference, otherwise: str = "") -> str:
    if one.attribute == "period":
        return f" on calls {one.value} the change"
    if one.attribute == "failing slice":
        return f" on the failing slice ({one.value})"
    return otherwise


def _field(found: Findings) -> str:
    """What happened to the field of the incident."""
    for one in found.searched:
        if (one.attribute, one.value) == ("field", found.failing_field):
            return f" {found.failing_field}: {versus(one)}."
    return ""
