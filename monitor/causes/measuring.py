"""The cause that is none: the judge drifted, and the answers may be as good as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.causes.verdict import Verdict
from monitor.drift import clopper_pearson_upper, rate_e_value

if TYPE_CHECKING:
    from monitor.causes.situation import Situation, Witness

__all__ = ["weigh_judge"]

CONFIRMED = 20
"""E-value at which another witness counts as having seen it too."""
POWER = 5
"""Faults that a witness would have had to see, were it true, before its silence says something."""


def weigh_judge(situation: Situation) -> Verdict:
    """The judge that says so has changed: a new version, a shift on its anchors, and nobody else sees anything."""
    verdict = Verdict()
    judges = {one.judge for one in situation.judges}
    if not judges:
        verdict.against(3.0, "no judge's verdicts are in it")
        return verdict
    others = [name for name in situation.metrics if not name.startswith("judge/")]
    if situation.field or others:
        verdict.against(2.5, f"{', '.join(others) or situation.field} alarmed too, without a judge")
    for one in situation.judges:
        for version, at in one.new_versions:
            verdict.for_it(
                2.5, f"version {version} of judge {one.judge} began at {at:%Y-%m-%d %H:%M} UTC"
            )
        for at, difference, low, high in one.shifts:
            verdict.for_it(
                4.0,
                f"judge {one.judge} moved by {difference:+.3f} ({low:+.3f} to {high:+.3f}) on its anchors"
                f" by {at:%Y-%m-%d %H:%M} UTC",
            )
        if one.tested_since is not None:
            verdict.against(
                2.0,
                f"judge {one.judge} was tested on its anchors at {one.tested_since:%Y-%m-%d %H:%M} UTC"
                " and says the same as before",
            )
    for witness in situation.witnesses:
        _hear(verdict, situation, witness, judges)
    return verdict


def _hear(verdict: Verdict, situation: Situation, one: Witness, judges: set[str]) -> None:
    """Another source that sees it as well, or would have seen it and does not."""
    if one.source == "judge" and one.name in judges:
        return
    if not one.before_n or not one.after_n:
        return
    bound = clopper_pearson_upper(one.before, one.before_n)
    seen = f"{one.after} of {one.after_n} since, {one.before} of {one.before_n} before"
    after = situation.after
    rate = sum(call.fault for call in after) / len(after) if after else 0.0
    if rate_e_value(one.after, one.after_n, bound) >= CONFIRMED:
        verdict.against(2.5, f"{one.source} {one.name} sees it too ({seen})")
    elif (rate - situation.baseline) * one.after_n >= POWER and one.source != "user":
        verdict.for_it(1.5, f"{one.source} {one.name} does not see it ({seen})")
