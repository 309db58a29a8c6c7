"""The document of `outerloop demo --json`: every figure measured in the run that prints it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.clock import parse_time, rfc3339
from monitor.demo.pace import TURN
from monitor.demo.pretraining import right_answer
from monitor.drift import clopper_pearson
from monitor.incidents import incidents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.demo.story import Story
    from monitor.retrain.state import Retrain

__all__ = ["report"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A stored call: when, and what the model said."""

    trace_id: str
    timestamp: datetime
    output: str


def report(story: Story, cure: Retrain, *, wall_seconds: float) -> dict[str, Any]:
    """What was measured, as `CONTRACT.md` lays it down. Times are simulated time."""
    store, side = story.store, story.sidecar
    found = [one for one in incidents(store) if one.opened_at >= TURN]
    one = next(one for one in found if one.incident_id == cure.incident_id)
    answered = store.read("answers", Answered)
    first = one.details.alarms[0]
    promoted = parse_time(str(cure.details["pointer"]["promoted_at"]))
    approval, comparison, dataset = (
        cure.approval,
        cure.details["comparison"],
        cure.details["dataset"],
    )
    return {
        "seed": story.seed,
        "wall_seconds": round(wall_seconds, 1),
        "calls": {"sent": len(story.truth), "stored": int(store.value("calls_counted"))},
        "turn": rfc3339(TURN),
        "false_alarms_before_turn": sum(other.opened_at < TURN for other in incidents(store)),
        "detection": {
            "detector": first.detector,
            "series": first.series,
            "field": one.field,
            "delay_calls": sum(TURN <= call.timestamp < one.opened_at for call in answered),
            "delay_hours": round((one.opened_at - TURN).total_seconds() / 3600, 2),
            "needed_labels": one.details.needed_labels,
            "e_value": first.e_value,
            "threshold": first.threshold,
        },
        "error_rate": {
            "before": _wrong(story, (call for call in answered if call.timestamp < TURN)),
            "during": _wrong(
                story, (call for call in answered if TURN <= call.timestamp < promoted)
            ),
            "after": _wrong(story, (call for call in answered if call.timestamp >= promoted)),
        },
        "incident": {
            "id": one.incident_id,
            "opened_at": rfc3339(one.opened_at),
            "resolved_at": rfc3339(one.resolved_at) if one.resolved_at else "",
            "started_at": rfc3339(one.started_at),
            "cause": one.cause,
            "slices": [part.model_dump() for part in one.details.slices],
            "example_traces": [example.trace_id for example in one.details.examples],
            "confirmations": [witness.model_dump() for witness in one.details.confirmations],
        },
        "incidents_after_turn": len(found),
        "slack": {"messages": len(side.slack.messages), "updates": len(side.slack.updates)},
        "webhook": {
            "deliveries": side.verified_deliveries(),
            "signature_verified_by_receiver": side.verified_deliveries() > 0,
        },
        "dataset": {
            "version": cure.dataset_version,
            "train": dataset["train"],
            "validation": dataset["validation"],
            "reserved": dataset["reserved"],
        },
        "candidate": {
            "release": cure.candidate_release,
            "compared_on": comparison["n"],
            "difference": comparison["difference"],
            "low": comparison["low"],
            "high": comparison["high"],
            "p_value": comparison["p_value"],
        },
        "approval": {
            "by": approval.actor if approval else "",
            "via": approval.via if approval else "",
        },
        "promoted_at": rfc3339(promoted),
        "dashboard": side.settings.dashboard_url,
    }


def _wrong(story: Story, calls: Iterable[Answered]) -> dict[str, float]:
    """Share of stored answers that differ from the generator's own truth, with its 95 % interval (Clopper-Pearson)."""
    right = [
        _fields(call.output) == json.loads(right_answer(story.truth[call.trace_id]))
        for call in calls
    ]
    interval = clopper_pearson(right.count(False), len(right))
    return {
        "value": right.count(False) / max(1, len(right)),
        "low": interval.low,
        "high": interval.high,
        "n": len(right),
    }


def _fields(output: str) -> object:
    try:
        return json.loads(output)
    except ValueError:
        return None
