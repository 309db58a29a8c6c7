"""Shadow mode: a compared candidate answers a share of the live calls too, and users never see it.

The calls are taken from the store after they were answered, so that production knows nothing of it.
What the candidate says goes into a table of its own, `shadows`; `calls` and all that is counted
there stay production's. Only calls from after the candidate was trained are taken.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from numpy.random import default_rng

from monitor.curation.reserve import load_key, position
from monitor.curation.traffic import traffic
from monitor.incidents import incident as find_incident
from monitor.retrain.answers import is_right
from monitor.retrain.candidate import Reply, ask
from monitor.retrain.compare import compare_answers
from monitor.retrain.questions import paired_calls, price_for, questions
from monitor.retrain.state import append
from monitor.retrain.trial import limits_of, trouble_of
from monitor.retrain.validity import validity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.curation.traffic import TrafficCall
    from monitor.retrain.findings import Comparison, TestCall
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["ACTOR", "Shadow", "ask_shadow", "compare_shadow", "trained_at"]

ACTOR = "shadow job"
DEADLINE_S = 600
GROWN = 1.25
"""The comparison is told again when it rests on so many times as many calls: a history of few lines."""
LONGEST_OUTPUT = 20_000
MOST = 5000
"""Calls that a comparison rests on, the latest."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """One answer of a candidate to a live call; a field is named as its column."""

    timestamp: datetime
    retrain_id: str
    service: str
    release: str
    trace_id: str
    span_id: str
    call_timestamp: datetime
    status: str
    """`ok` or `failed`."""
    error: str
    output: str
    duration_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None

    @property
    def reply(self) -> Reply:
        """As a comparison takes it."""
        said = self.output if self.status == "ok" else None
        return Reply(said, self.error, self.duration_ms, self.input_tokens, self.output_tokens)


def trained_at(one: Retrain) -> datetime | None:
    """When the candidate was ready; None before."""
    step = one.last("finished")
    return step.timestamp if step else None


def ask_shadow(
    store: Store, settings: Settings, one: Retrain, *, since: datetime, now: datetime
) -> int:
    """Put a share of the calls of a time range to the candidate; says how many were put.

    Raises:
        CandidateError: not one was answered, or they took too long.
    """
    ready = trained_at(one)
    candidate = one.details.get("candidate") or {}
    if ready is None or not candidate.get("endpoint") or not settings.shadow_share:
        return 0
    begin = max(since, ready)
    if begin >= now:
        return 0
    done = {(row.trace_id, row.span_id) for row in _rows(store, one)}
    drawn = _drawn(settings, traffic(store, one.service, begin, now))
    hours = max(1.0, (now - begin).total_seconds() / 3600)
    limit = int(settings.shadow_calls_per_hour * hours)
    fresh = [call for call in drawn if (call.trace_id, call.span_id) not in done][:limit]
    asked = [
        each
        for each in questions(store, one.service, fresh)
        if each.text.release != one.candidate_release
    ]
    if not asked:
        return 0
    said = asyncio.run(
        ask(
            [each.messages for each in asked],
            endpoint=candidate["endpoint"], model=candidate["model"],
            deadline_s=DEADLINE_S, tolerated=1.0,
        )
    )  # fmt: skip
    price = price_for(settings, candidate["model"])
    calls = paired_calls(asked, said.replies, price=price)
    store.append(
        "shadows",
        [
            _row(one, each.call, reply, call, now)
            for each, reply, call in zip(asked, said.replies, calls, strict=True)
        ],
    )
    return len(asked)


def compare_shadow(store: Store, settings: Settings, one: Retrain, *, now: datetime) -> Retrain:
    """Compare all live answers so far with production's; an event when there is something new to tell."""
    rows = _rows(store, one)[-MOST:]
    if not rows:
        return one
    pairs = _answered(store, settings, one, rows, now)
    seed = int(sha256(f"{one.retrain_id}:{len(pairs)}".encode()).hexdigest()[:8], 16)
    found = compare_answers(
        pairs,
        trouble=trouble_of(find_incident(store, one.incident_id)),
        limits=limits_of(settings),
        valid=validity(settings.data_dir, one.service, now=now),
        unlabelled=sum(not call.label for call in pairs),
        rng=default_rng(seed),
    )
    before = one.details.get("shadow") or {}
    grown = found.asked >= GROWN * int(before.get("asked", 0))
    labelled = found.n >= GROWN * int(before.get("n", 0)) and found.n > int(before.get("n", 0))
    if not pairs or not (grown or labelled or found.advice != before.get("advice")):
        return one
    return append(
        store,
        one,
        "shadowed",
        now=now,
        actor=ACTOR,
        via="job",
        note=_note(pairs, found),
        details={"shadow": {**asdict(found), "same": _same(pairs)}},
    )


def _rows(store: Store, one: Retrain) -> list[Shadow]:
    return store.read("shadows_of_retrain", Shadow, retrain_id=one.retrain_id)


def _drawn(settings: Settings, calls: Sequence[TrafficCall]) -> list[TrafficCall]:
    """A share by a keyed hash of the trace, independent of the reserved one; in the hash's order."""
    key = load_key(settings.data_dir)
    placed = [(position(call.trace_id, key, "shadow"), call.span_id, call) for call in calls]
    kept = [one for one in placed if one[0] < settings.shadow_share]
    return [call for *_, call in sorted(kept, key=lambda one: one[:2])]


def _answered(
    store: Store, settings: Settings, one: Retrain, rows: Sequence[Shadow], now: datetime
) -> list[TestCall]:
    """The rows with production's answers and the labels known now; erased calls are gone."""
    replies = {(row.trace_id, row.span_id): row.reply for row in rows}
    calls = [
        call
        for call in traffic(store, one.service, rows[0].call_timestamp, now)
        if (call.trace_id, call.span_id) in replies
    ]
    asked = questions(store, one.service, calls)
    told = [replies[each.call.trace_id, each.call.span_id] for each in asked]
    candidate = one.details.get("candidate") or {}
    return paired_calls(asked, told, price=price_for(settings, str(candidate.get("model", ""))))


def _row(one: Retrain, call: TrafficCall, reply: Reply, pair: TestCall, now: datetime) -> Shadow:
    return Shadow(
        timestamp=now,
        retrain_id=one.retrain_id,
        service=one.service,
        release=one.candidate_release,
        trace_id=call.trace_id,
        span_id=call.span_id,
        call_timestamp=call.timestamp,
        status="failed" if reply.text is None else "ok",
        error=reply.problem,
        output=(reply.text or "")[:LONGEST_OUTPUT],
        duration_ms=reply.duration_ms,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cost_usd=pair.candidate_usage.cost_usd if pair.candidate_usage else None,
    )


def _same(pairs: Sequence[TestCall]) -> int:
    """Calls on which both say the same."""
    return sum(
        call.candidate is not None and is_right(call.production, call.candidate) for call in pairs
    )


def _note(pairs: Sequence[TestCall], found: Comparison) -> str:
    failed = f", {found.request_failures} requests failed" if found.request_failures else ""
    share = _same(pairs) / len(pairs)
    return (
        f"On {len(pairs)} live calls the candidate says the same on {share:.0%}{failed}."
        f" {found.sentence}"
    )
