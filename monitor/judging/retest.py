"""One judge tested again on its anchors: is it still the judge that people's labels were compared with?"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from judges.interaction import call_key, known_as, version_known
from judges.running.engine import run as run_judges
from judges.statistics.anchors import MIN_ANCHORS, compare, offset, people_lost
from monitor.judging.anchors import History, anchors, history, interaction_of, said, verdict_row
from monitor.judging.money import account_of
from monitor.judging.rows import AnchorVerdictRow, Bridge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from judges.interaction import Judge
    from judges.running.journal import Journal
    from judges.statistics.anchors import Shift, Verdicts
    from monitor.judging.rows import AnchorRow
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["EVERY", "PEOPLE_ALPHA", "Retest", "is_due", "retest"]

EVERY = timedelta(days=1)
"""Time between two runs of an unchanged judge."""
PEOPLE_ALPHA = 0.01
"""Chance that a new version, which agrees with people as often as the old one, is called worse."""


@dataclass(frozen=True, slots=True)
class Retest:
    """What one run found."""

    judge: str
    version: str
    endpoint: str
    judged: int
    """Verdicts that were got."""
    shift: Shift | None
    """None where there was nothing to compare with: a first baseline, a new version, too few verdicts."""
    bridge: Bridge | None
    """Where what was measured before is not comparable any more."""
    people_p: float = 1.0
    """How surprising the loss of agreement with people is."""

    @property
    def worse(self) -> bool:
        """A version that was changed by intention agrees with people less than the one before."""
        return (
            self.bridge is not None
            and self.bridge.reason == "version"
            and self.people_p <= PEOPLE_ALPHA
        )


def is_due(judge: Judge, known: History | None, endpoint: str, now: datetime) -> bool:
    """Whether to test now: never done, the judge or its endpoint is another one, or a day has passed."""
    if known is None or known.last_at is None:
        return True
    changed = known.version != version_known(judge) or known.endpoint != endpoint
    return changed or now - known.last_at >= EVERY


@dataclass(frozen=True, slots=True)
class Retesting:
    """One run under way.

    Replies never come from a cache here: they would be those of the judge that it was.
    """

    store: Store
    settings: Settings
    journal: Journal
    judge: Judge
    anchors: Sequence[AnchorRow]
    endpoint: str
    number: int
    """Runs before this one; names it in the journal, so that one that was killed goes on."""
    now: datetime

    async def ask(self, purpose: str, repeat: int) -> list[AnchorVerdictRow]:
        """One pass over the anchors."""
        run_id = (
            f"anchors/{known_as(self.judge)}/{version_known(self.judge)}/{self.number}/{repeat}"
        )
        by_key = {call_key(one.trace_id, one.span_id): one for one in self.anchors}
        with closing(account_of(self.journal, self.settings, run_id)) as account:
            done = await run_judges(
                [self.judge], [interaction_of(one) for one in self.anchors], account=account
            )
        return [
            verdict_row(
                by_key[interaction.key],
                verdict,
                version=version_known(self.judge),
                endpoint=self.endpoint,
                purpose=purpose,
                repeat=repeat,
                now=self.now,
            )
            for interaction, verdict in done.results
        ]

    async def baseline(self, first: list[AnchorVerdictRow]) -> Verdicts:
        """Lay down a baseline of which the first pass is had; returns both passes' mean."""
        second = await self.ask("baseline", 1)
        rows = [*(replace(row, purpose="baseline", repeat=0) for row in first), *second]
        self.store.append("anchor_verdicts", rows)
        return _means(said(first, self.anchors), said(second, self.anchors))


async def retest(
    store: Store,
    settings: Settings,
    journal: Journal,
    judge: Judge,
    *,
    endpoint: str,
    now: datetime,
) -> Retest | None:
    """Test the judge if it is due and has anchors; None otherwise.

    A judge that shifted gets a new baseline at once, and a bridge from the old values to the new.
    """
    name, version = known_as(judge), version_known(judge)
    of = anchors(store, name)
    told = store.read("anchor_verdicts_of_judge", AnchorVerdictRow, judge=name)
    known = history(told, of)
    if not of or not is_due(judge, known, endpoint, now):
        return None
    number = known.runs if known else 0
    work = Retesting(store, settings, journal, judge, of, endpoint, number, now)
    rows = await work.ask("check", 0)
    verdicts = said(rows, of)
    found = Retest(name, version, endpoint, len(rows), None, None)
    if sum(one is not None for one in verdicts) < MIN_ANCHORS:
        return (
            found  # the money or the endpoint gave out; the next run goes on where this one ended
        )
    if known is None or not known.whole:
        await work.baseline(rows)
        return found
    if known.version != version:
        return await _cross(work, found, known, rows, "version")
    shift = compare(known.first, known.second, verdicts, e_value=known.e_value(verdicts, now))
    found = replace(found, shift=shift)
    if shift.status in ("jump", "slow"):
        return await _cross(work, found, known, rows, "shift")
    store.append("anchor_verdicts", rows)
    return found


async def _cross(
    work: Retesting, found: Retest, known: History, rows: list[AnchorVerdictRow], reason: str
) -> Retest:
    """A new baseline, and the bridge that leads to it from the last one."""
    old, new = _means(known.first, known.second), await work.baseline(rows)
    moved = offset(old, new)
    labels = [one.label for one in work.anchors]
    lost, gained, people_p = people_lost(labels, _as_people(old, labels), _as_people(new, labels))
    bridge = Bridge(
        crossed_at=work.now,
        judge=found.judge,
        from_version=known.version,
        to_version=found.version,
        reason=reason,
        n=moved.n if moved else 0,
        difference=moved.value if moved else 0.0,
        low=moved.low if moved else -1.0,
        high=moved.high if moved else 1.0,
        lost=lost,
        gained=gained,
    )
    work.store.append("bridges", [bridge])
    return replace(found, bridge=bridge, people_p=people_p)


def _means(first: Verdicts, second: Verdicts) -> list[float | str | None]:
    """Of two passes: the mean of values, the first's word where they are none."""
    return [
        (a + b) / 2 if isinstance(a, float) and isinstance(b, float) else a
        for a, b in zip(first, second, strict=True)
    ]


def _as_people(verdicts: Verdicts, labels: Sequence[float]) -> list[float | str | None]:
    """A value as a person would have had to say it: the nearest label that people used."""
    words = sorted(set(labels))
    return [
        min(words, key=lambda word: (abs(word - one), word)) if isinstance(one, float) else one
        for one in verdicts
    ]
