"""Anchors: labelled calls on which every judge is tested again and again, kept with their texts for ever."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from math import ceil, isnan
from typing import TYPE_CHECKING

from judges.interaction import Interaction, Step
from judges.statistics.anchors import MIN_ANCHORS, deviation, slow_e_value
from judges.statistics.sampling import uniform
from monitor.clock import parse_time, rfc3339
from monitor.jobs.calls import Call
from monitor.judging.rows import AnchorRow, AnchorVerdictRow
from monitor.judging.verdicts import number_of, word_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from judges.interaction import Verdict
    from judges.statistics.anchors import Verdicts
    from monitor.store import Store

__all__ = [
    "ENOUGH",
    "History",
    "Labelled",
    "anchors",
    "choose",
    "history",
    "interaction_of",
    "labelled_calls",
    "said",
    "verdict_row",
]

ENOUGH, MOST = 100, 200
"""Anchors that a judge needs before it can be tested, and has at most."""
SALT = "outerloop-anchors"
SILENT = ("error", "over_budget")
"""Words of a verdict that is not the judge's: nobody answered, or nobody was asked."""


@dataclass(frozen=True, slots=True)
class Labelled(Call):
    """A call that a person has labelled and the judge has judged."""

    user_id: str = ""
    truth: float = 0.0
    author: str = ""
    expected: str = ""
    verdict: str = ""
    """The judge's word: the stratum."""


@dataclass(frozen=True, slots=True)
class History:
    """What a judge said of its anchors since its last baseline, aligned with them."""

    version: str
    endpoint: str
    """As of the last run."""
    runs: int
    """All that it ever had."""
    last_at: datetime | None
    first: Verdicts
    second: Verdicts
    """The baseline's two passes."""
    checks: tuple[Verdicts, ...]
    """Later runs on that baseline, the oldest first."""
    times: tuple[datetime, ...]
    """When they were."""

    @property
    def whole(self) -> bool:
        """The baseline can be compared with; one that the money broke off cannot."""
        both = zip(self.first, self.second, strict=True)
        return sum(a is not None and b is not None for a, b in both) >= MIN_ANCHORS

    def e_value(self, now: Verdicts, at: datetime) -> float:
        """Evidence of a slow shift over the runs on this baseline, the present one with them."""
        runs = [*zip(self.times, self.checks, strict=True), (at, now)]
        moved = [
            (when, change)
            for when, verdicts in runs
            if (change := deviation(self.first, self.second, verdicts)) is not None
        ]
        ties = [uniform(rfc3339(when), SALT) for when, _ in moved]
        return slow_e_value([change for _, change in moved], ties)


def anchors(store: Store, judge: str) -> list[AnchorRow]:
    """The anchors that the judge has."""
    return store.read("anchors_of_judge", AnchorRow, judge=judge)


def labelled_calls(
    store: Store,
    judge: str,
    services: Sequence[str],
    *,
    names: Sequence[str],
    tuned_on: Sequence[str],
    since: datetime,
) -> list[Labelled]:
    """Calls that may become anchors: labelled by a person, judged, and not used to tune the judge."""
    return store.read(
        "anchor_candidates",
        Labelled,
        judge=judge,
        services=list(services),
        names=list(names),
        tuned_on=list(tuned_on),
        since=since,
    )


def choose(found: Sequence[Labelled], judge: str, *, wanted: int, now: datetime) -> list[AnchorRow]:
    """Draw about `wanted` anchors, as many from each verdict's stratum as its size allows.

    A judge that says yes to 97 of 100 calls would otherwise be tested on yes alone. Which calls of a
    stratum are drawn is decided by their hash; the probability is kept.
    """
    strata: dict[str, list[Labelled]] = defaultdict(list)
    for one in sorted(found, key=lambda one: uniform(one.key, SALT)):
        strata[one.verdict].append(one)
    rows, left = [], wanted
    for place, (verdict, members) in enumerate(sorted(strata.items(), key=lambda it: len(it[1]))):
        size = min(len(members), ceil(left / (len(strata) - place)))
        left -= size
        rows += [_anchor(one, judge, verdict, size / len(members), now) for one in members[:size]]
    return rows


def history(rows: Iterable[AnchorVerdictRow], of: Sequence[AnchorRow]) -> History | None:
    """What the judge said of these anchors since its last baseline; None when there is none."""
    by_run: dict[tuple[datetime, str, int], dict[tuple[str, str], AnchorVerdictRow]] = defaultdict(
        dict
    )
    for row in rows:
        by_run[row.judged_at, row.purpose, row.repeat][row.trace_id, row.span_id] = row
    baseline = max((at for at, purpose, _ in by_run if purpose == "baseline"), default=None)
    if baseline is None:
        return None
    later = sorted(at for at, purpose, _ in by_run if purpose == "check" and at > baseline)
    newest = max(by_run, key=lambda run: run[0])
    some = next(iter(by_run[newest].values()))
    return History(
        version=some.version,
        endpoint=some.endpoint,
        runs=len(by_run),
        last_at=newest[0],
        first=_aligned(by_run[baseline, "baseline", 0], of),
        second=_aligned(by_run[baseline, "baseline", 1], of),
        checks=tuple(_aligned(by_run[at, "check", 0], of) for at in later),
        times=tuple(later),
    )


def verdict_row(
    one: AnchorRow,
    verdict: Verdict,
    *,
    version: str,
    endpoint: str,
    purpose: str,
    repeat: int,
    now: datetime,
) -> AnchorVerdictRow:
    """What the judge said of an anchor, as a row."""
    return AnchorVerdictRow(
        judged_at=now,
        judge=one.judge,
        version=version,
        endpoint=endpoint,
        purpose=purpose,
        repeat=repeat,
        trace_id=one.trace_id,
        span_id=one.span_id,
        value=number_of(verdict),
        label=word_of(verdict),
        cost_usd=verdict.usage.cost_usd,
    )


def interaction_of(one: AnchorRow) -> Interaction:
    """The call as it was when it became an anchor."""
    told = json.loads(one.interaction)
    told["timestamp"] = parse_time(told["timestamp"])
    told["steps"] = tuple(Step(**step) for step in told["steps"])
    known = {field.name for field in fields(Interaction)}
    return Interaction(**{name: value for name, value in told.items() if name in known})


def _anchor(
    one: Labelled, judge: str, verdict: str, probability: float, now: datetime
) -> AnchorRow:
    told = asdict(one.interaction(one.expected))
    told["timestamp"] = rfc3339(one.timestamp)
    return AnchorRow(
        chosen_at=now,
        judge=judge,
        service=one.service,
        trace_id=one.trace_id,
        span_id=one.span_id,
        session_id=one.session_id,
        user_id=one.user_id,
        interaction=json.dumps(told, ensure_ascii=False),
        label=0.0 if one.truth == -1 else one.truth,
        label_author=one.author,
        verdict=verdict,
        probability=probability,
    )


def said(rows: Iterable[AnchorVerdictRow], of: Sequence[AnchorRow]) -> list[float | str | None]:
    """One pass, in the order of the anchors."""
    return _aligned({(row.trace_id, row.span_id): row for row in rows}, of)


def _aligned(
    by_call: dict[tuple[str, str], AnchorVerdictRow], of: Sequence[AnchorRow]
) -> list[float | str | None]:
    return [_said(by_call.get((one.trace_id, one.span_id))) for one in of]


def _said(row: AnchorVerdictRow | None) -> float | str | None:
    if row is None or row.label in SILENT:
        return None
    return row.label if isnan(row.value) else row.value
