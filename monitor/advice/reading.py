"""What the store knows that a cure is chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from monitor.advice.learnability import Learnability, failing_learnable, label_learnable
from monitor.advice.owner import owner_of
from monitor.advice.situation import (
    DISCORDANT,
    EPOCHS,
    Cooling,
    Costs,
    Counted,
    Labels,
    Past,
    Situation,
)
from monitor.causes.dating import LOOK_BACK
from monitor.curation.reserve import load_key, reserved
from monitor.retrain.state import CONCLUDED, ENDED
from monitor.retrain.watch import Watch

if TYPE_CHECKING:
    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["situation_of"]

SAMPLED = 200
"""Calls of each kind that the simple model learns from: failing, right and unknown."""
FEWEST_RIGHT = 30
"""Calls known to be right since the change, from which the failing ones are told from them alone."""
REPLAYED = 2_000
"""Older rows that a training set is reckoned to replay at most."""
MEASURED_GAPS = 10
"""Gaps between labels from which a team's own pace is believed."""
AFTER_FAILURE = timedelta(hours=24)
"""Pause after a retrain that failed: somebody has to look at why."""


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call and what is known of it."""

    timestamp: datetime
    trace_id: str
    span_id: str
    input: str
    expected: str
    verdict: str
    """`failed`, `passed`, or '' where nobody has a word on it."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Right answers that are known."""

    traces: Sequence[str]
    unlabelled: int
    passing: int
    before: int
    mean_tokens: float


def situation_of(
    store: Store,
    settings: Settings,
    incident: Incident,
    now: datetime,
    *,
    watch: Watch | None = None,
) -> Situation:
    """Everything that is known now about an incident that a cure is chosen by.

    Args:
        store: where calls, verdicts and retrains are.
        settings: whether a fine-tune job is set, its price, the cool-down, and the data directory with the reserve key.
        incident: as it stands.
        now: what came later is not looked at.
        watch: what this run has seen of retrains already.
    """
    watch = watch or Watch(store, now)
    details = incident.details
    key = load_key(settings.data_dir)
    every = watch.retrains(incident.service)
    mine = [one for one in every if one.incident_id == incident.incident_id]
    since = incident.started_at - LOOK_BACK
    period: dict[str, Any] = {"service": incident.service, "since": since, "until": now}
    [counted] = store.read("labels_counted", LabelCount, started=incident.started_at, **period)
    kept = [reserved(trace, key) for trace in counted.traces]
    labels = Labels(
        failing=kept.count(False),
        failing_reserved=kept.count(True),
        unlabelled=counted.unlabelled,
        passing=counted.passing,
        before=counted.before,
    )
    before = Counted(round(details.baseline * details.baseline_n), details.baseline_n)
    after = Counted(details.count, details.n)
    return Situation(
        service=incident.service,
        severity=incident.severity,
        causes={one.cause: one.score for one in details.causes} or {incident.cause: 1.0},
        now=now,
        after=after,
        before=before,
        confirmed_by=_confirming(incident),
        labels=labels,
        learnable=_learnable(store, incident, key, now) if incident.severity != "watch" else (),
        owner=owner_of(store, settings, incident, every, now),
        costs=_costs(store, settings, incident, labels, counted.mean_tokens, rise=after.rate - before.rate, now=now),
        past=_past(every),
        cooling=_cooling(every, settings, now),
        promoted=watch.promoted(incident),
        waits_for=watch.waits_for(incident),
        under_way=next((one.retrain_id for one in mine if one.state not in ENDED), ""),
        judge_alone=_judge_alone(incident),
        operational=incident.operational,
        examples=tuple(one.trace_id for one in details.examples),
    )  # fmt: skip


def _alarmed(incident: Incident) -> set[str]:
    """The series that alarm, without their slices."""
    return {one.series.split(" [")[0] for one in incident.details.alarms} or {incident.series}


def _confirming(incident: Incident) -> tuple[str, ...]:
    """Witnesses; a judge that alarms is none for itself, while a check, an outcome or a user is the fault itself."""
    alarmed = _alarmed(incident)
    return tuple(
        f"{one.source} {one.name}"
        for one in incident.details.confirmations
        if one.source != "judge" or f"judge/{one.name}" not in alarmed
    )


def _judge_alone(incident: Incident) -> bool:
    series = _alarmed(incident)
    told = {one.source for one in incident.details.confirmations}
    return (
        not incident.field and all(one.startswith("judge/") for one in series) and told <= {"judge"}
    )


def _learnable(
    store: Store, incident: Incident, key: bytes, now: datetime
) -> tuple[Learnability, ...]:
    """What the inputs tell of the fault and of the right answer; the reserved share is not looked at."""
    period: dict[str, Any] = {"service": incident.service, "until": now, "most": SAMPLED}
    calls = [
        one
        for one in store.read("verdicts_sampled", JudgedCall, since=incident.started_at, **period)
        if not reserved(one.trace_id, key)
    ]
    rng = np.random.default_rng(int.from_bytes(incident.incident_id.encode()[-4:], "big"))
    failing = [one.input for one in calls if one.verdict == "failed"]
    right = [one.input for one in calls if one.verdict == "passed"]
    contrast = "right calls since the change"
    if len(right) < FEWEST_RIGHT:
        right = [one.input for one in calls if one.verdict != "failed"]
        contrast = "calls since the change that nobody has found wrong"
    flags = [True] * len(failing) + [False] * len(right)
    labelled = [one for one in calls if one.expected]
    found = (
        failing_learnable([*failing, *right], flags, rng=rng, contrast=contrast),
        label_learnable(
            [one.input for one in labelled],
            [_label(one.expected, incident.field) for one in labelled],
            rng=rng,
        ),
    )
    return tuple(one for one in found if one is not None)


def _label(expected: str, name: str) -> str:
    """The right answer as one class: the failing field of it, or the whole of it."""
    if name:
        try:
            told = orjson.loads(expected)
        except orjson.JSONDecodeError:
            return expected
        if isinstance(told, dict):
            return str(told.get(name, ""))
    return " ".join(expected.split())


def _costs(
    store: Store, settings: Settings, incident: Incident, labels: Labels, mean_tokens: float,
    *, rise: float, now: datetime,
) -> Costs:  # fmt: skip
    month = now - timedelta(days=30)
    rows = labels.failing + labels.passing + min(labels.before, REPLAYED)
    [(gaps, seconds)] = store.rows("label_pace", service=incident.service, since=month, until=now)
    judges = {one.name for one in incident.details.confirmations if one.source == "judge"}
    prices = [
        store.value("judge_cost", judge=one, since=month, until=now) for one in sorted(judges)
    ]
    known = [float(one) for one in prices if one is not None]
    own = int(gaps) >= MEASURED_GAPS
    return Costs(
        training_tokens=round(EPOCHS * rows * mean_tokens),
        usd_per_million_tokens=settings.retrain_usd_per_million_tokens,
        example_tokens=round(mean_tokens),
        seconds_per_label=float(seconds) if own else 60.0,
        label_pace_measured=own,
        judge_usd_per_verdict=sum(known) if known else None,
        test_calls=ceil(DISCORDANT / rise) if rise > 0 else 0,
    )


def _past(every: Sequence[Retrain]) -> Past:
    """Shares of production's errors that earlier candidates took away, by their own comparisons."""
    shares = []
    for one in every:
        told = one.details.get("comparison") or {}
        rate = float((told.get("production") or {}).get("value") or 0.0)
        if one.state not in ("promoted", "rolled_back") or rate <= 0:
            continue
        ends = [
            min(1.0, -float(told.get(name) or 0.0) / rate) for name in ("difference", "high", "low")
        ]
        shares.append([max(0.0, end) for end in ends])
    if not shares:
        return Past()
    best, low, high = zip(*shares, strict=True)
    return Past(len(shares), float(np.median(best)), min(low), max(high))


def _cooling(every: Sequence[Retrain], settings: Settings, now: datetime) -> Cooling:
    """Until when no further retrain of the service is proposed by itself; a person may ask for one all the same."""
    waits: list[tuple[datetime, str]] = []
    for one in every:
        if one.state in CONCLUDED:
            ended = one.updated_at + timedelta(days=settings.retrain_cooldown_days)
            waits.append(
                (ended, f"retrain {one.retrain_id} was {one.state.replace('_', ' ')} lately")
            )
        elif one.state == "failed":
            ended = one.updated_at + AFTER_FAILURE
            waits.append((ended, f"retrain {one.retrain_id} has failed: see why"))
    month = sorted(one.proposed_at for one in every if now - one.proposed_at < timedelta(days=30))
    limit = settings.retrain_limit_per_month
    if len(month) >= limit:
        waits.append(
            (month[-limit] + timedelta(days=30), f"{limit} retrains in 30 days are the limit")
        )
    until, why = max(waits, default=(now, ""))
    if until <= now:
        return Cooling()
    return Cooling(until, f"cool-down until {until:%Y-%m-%d %H:%M} UTC, for {why}")
