"""The judges themselves: do they still say what they said, and can they be believed at all?

Reads `anchors`, `scores`, `calls`; writes `anchors` (once a judge has a hundred calls that people labelled, drawn by
the judge's verdict), `anchor_verdicts`, `bridges` and incidents of cause `judge`. Runs every hour: a judge is tested
once a day, and at once when its model, prompt, shape or endpoint is another one. A judge of which more than 2 % of
the verdicts of the last day are invalid is an incident too.

A stable judge's run is called a jump once in 10,000 runs, and slowly shifting with a chance of 1 % over its life
(`python -m benchmarks.anchors` measures both). A version that somebody changed is no incident unless it agrees with
people less; its charts show a break. Labels on calls of the definition's `tuned_on` are never anchors. Stops at the
judges' budgets; skipped where no judge is set.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from judges.definitions.reading import build
from judges.running.journal import Journal
from judges.statistics.anchors import JUMP_ALPHA, SLOW_ALPHA
from monitor.drift import clopper_pearson
from monitor.evaluation.bench import JOURNAL, Bench
from monitor.incidents import incidents
from monitor.jobs.trouble import Trouble, settle, when
from monitor.judging.anchors import ENOUGH, MOST, anchors, choose, labelled_calls
from monitor.judging.jurors import seated
from monitor.judging.production import labels_of, production_definitions
from monitor.judging.retest import retest
from monitor.judging.trust import ALARM_SHARE, breaks, judge_health

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from judges.definitions.reading import Definition
    from monitor.incidents import Incident
    from monitor.jobs.job import Window
    from monitor.judging.retest import Retest
    from monitor.judging.rows import Bridge
    from monitor.judging.trust import JudgeHealth
    from monitor.settings import Settings
    from monitor.store import Store

DETECTOR = "judge"
LABELS_SINCE = timedelta(days=400)
DAY = timedelta(days=1)
FEWEST = 50
"""Verdicts of a day below which the invalid share says nothing."""


def run(store: Store, settings: Settings, window: Window) -> Mapping[str, int]:
    """Choose anchors where they are missing, test what is due, and settle the incidents about judges."""
    definitions = production_definitions(settings)
    if not definitions:
        return {"judges": 0}
    now = window.until
    counts: Counter[str] = Counter(judges=len(definitions))
    for definition in definitions:
        counts["chosen"] += _choose(store, definition, now)
    done = asyncio.run(_retest(store, settings, definitions, now))
    counts["tested"] += len(done)
    services = {one.score: one.services for one in definitions}
    told = {
        one.series
        for one in incidents(store)
        if one.detector == DETECTOR and one.state != "resolved"
    }
    found = [
        trouble
        for one in done
        for trouble in _changed(one, services[one.judge], now)
        if not (trouble.series in told and _mended(one.bridge))
    ]
    found += _invalid(store, settings, now)
    return {
        **counts,
        **settle(store, found, detector=DETECTOR, now=now, over=lambda one: _over(store, one)),
    }


def _choose(store: Store, definition: Definition, now: datetime) -> int:
    """Anchors for a judge that has none, once there are enough labelled calls."""
    if anchors(store, definition.score):
        return 0
    found = labelled_calls(
        store,
        definition.score,
        definition.services,
        names=[definition.score, *definition.labels],
        tuned_on=definition.tuned_on,
        since=now - LABELS_SINCE,
    )
    if len(found) < ENOUGH:
        return 0
    return store.append("anchors", choose(found, definition.score, wanted=MOST, now=now))


async def _retest(
    store: Store, settings: Settings, definitions: Sequence[Definition], now: datetime
) -> list[Retest]:
    done = []
    with Journal(settings.data_dir / JOURNAL) as journal:
        async with Bench(settings) as bench:
            built = [
                seated(store, one, build(one, bench.endpoint), now)
                for one in definitions
                if anchors(store, one.score)
            ]
            endpoint = settings.judge_base_url or ""
            for judge in built:
                found = await retest(store, settings, journal, judge, endpoint=endpoint, now=now)
                done += [found] if found else []
    return done


def _changed(one: Retest, services: Sequence[str], now: datetime) -> Iterator[Trouble]:
    """The trouble of a judge that shifted behind its name, or of a new version that people agree with less."""
    bridge, shift = one.bridge, one.shift
    if bridge is None or not (bridge.reason == "shift" or one.worse):
        return
    moved = (
        f"On {bridge.n} anchors its values moved by {bridge.difference:+.3f}"
        f" ({bridge.low:+.3f} to {bridge.high:+.3f}); {bridge.lost} of them agreed with people before and do not"
        f" now, {bridge.gained} the other way round."
    )
    if shift is not None:
        how = "at once" if shift.status == "jump" else "slowly"
        sure = (
            f"p = {shift.p_value:.1g}, told at {JUMP_ALPHA:g}"
            if shift.status == "jump"
            else f"e-value {shift.e_value:,.0f}, told at {1 / SLOW_ALPHA:,.0f}"
        )
        title = f"Judge {one.judge} has shifted behind the same name"
        summary = f"Judge {one.judge} (version {one.version}) changed {how}: {sure}. {moved}"
        evidence = 1 / max(shift.p_value, 1e-15) if shift.status == "jump" else shift.e_value
        threshold = 1 / (JUMP_ALPHA if shift.status == "jump" else SLOW_ALPHA)
    else:
        title = f"Judge {one.judge}: its new version agrees with people less"
        summary = (
            f"Version {one.version} of judge {one.judge} replaced {bridge.from_version}. {moved}"
        )
        evidence, threshold = 1 / max(one.people_p, 1e-15), 0.0
    yield Trouble(
        kind=f"shift of {one.judge}",
        service=", ".join(services),
        title=title,
        summary=f"{summary} The answers themselves may be as good as before.",
        advice=(
            "Do not retrain on this. See what the endpoint serves under the model's name, or pin a dated model;"
            " label some calls of today, and take the change back or resolve this: charts show the break."
        ),
        severity="ticket",
        cause="judge",
        started_at=now,
        size=bridge.lost + bridge.gained,
        evidence=evidence,
        threshold=threshold,
    )


def _invalid(store: Store, settings: Settings, now: datetime) -> Iterator[Trouble]:
    """The trouble of judges of whose verdicts in the last day more than `ALARM_SHARE` are surely no verdicts."""
    health = judge_health(store, since=now - DAY, until=now, labels=labels_of(settings))
    for one in health:
        asked = one.trust.judged + one.trust.failed
        share = clopper_pearson(one.trust.failed, asked) if asked else None
        if not one.latest or asked < FEWEST or share is None or share.low <= ALARM_SHARE:
            continue
        yield _unreadable(one, asked, now)


def _unreadable(one: JudgeHealth, asked: int, now: datetime) -> Trouble:
    share = 100 * one.trust.invalid_share
    words = ", ".join(f"{count} {word}" for word, count in sorted(one.failures.items()))
    return Trouble(
        kind=f"invalid {one.judge}",
        service=one.service,
        title=f"{share:.0f} % of the verdicts of judge {one.judge} are none",
        summary=(
            f"Since {when(now - DAY, now)} judge {one.judge} gave no verdict on {one.trust.failed} of {asked} calls"
            f" of {one.service} ({words}). Its rate lies between {one.trust.worst:.3f} and {one.trust.best:.3f},"
            " whatever those would have been."
            if one.trust.worst is not None and one.trust.best is not None
            else f"Judge {one.judge} gave no verdict on any of {asked} calls of {one.service} ({words})."
        ),
        advice="Read some of its replies in the dashboard; then mend its prompt, or take another model.",
        severity="ticket",
        cause="judge",
        started_at=one.first_call,
        size=one.trust.failed,
    )


def _mended(bridge: Bridge | None) -> bool:
    """Whether a judge that had gone astray has come nearer to people by its latest change."""
    return bridge is not None and bridge.gained >= bridge.lost


def _over(store: Store, incident: Incident) -> str | None:
    """The sentence that ends an incident about a judge, or None to leave it to a person."""
    if incident.series.startswith("invalid "):
        return "Its verdicts of the last day are verdicts again."
    judge = incident.series.removeprefix("shift of ").split("/")[0]
    crossed = [one for one in breaks(store, judge) if one.crossed_at > incident.started_at]
    if crossed and _mended(crossed[-1]):
        back = crossed[-1]
        return (
            f"It changed again at {back.crossed_at:%Y-%m-%d %H:%M} UTC, and agrees with people on {back.gained} more"
            f" anchors and on {back.lost} fewer."
        )
    return None
