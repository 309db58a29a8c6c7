"""The step `compare`: puts the reserved calls to the candidate and records what came out.

Tested on are all reserved calls from the start of the dataset's time to now, with the labels known
now: a call is reserved for ever, so those that came in, or were labelled, after the dataset was
built count too.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.incidents import incident as find_incident
from monitor.retrain.candidate import CandidateError, ask
from monitor.retrain.compare import Comparison, TestCall, compare_answers
from monitor.retrain.dataset import Curation, call_texts, message_text, traffic
from monitor.retrain.messages import chat_messages
from monitor.retrain.reserve import load_key, position, reserved
from monitor.retrain.state import Retrain, append, require, retrain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.retrain.dataset import CallText, TrafficCall
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["compare", "labelled_since"]


@dataclass(frozen=True, slots=True)
class _TestSet:
    calls: Sequence[tuple[TrafficCall, CallText]]
    unlabelled: int
    seen_in_training: int


def compare(
    store: Store,
    settings: Settings,
    retrain_id: str,
    *,
    now: datetime,
    actor: str,
    via: str = "job",
) -> Retrain:
    """Compare the candidate with production; may be done again until somebody decides.

    An endpoint that does not work is a `comparison_failed` event, not an exception: the state
    stays, `trouble` says why, and calling this again tries again.
    """
    one = retrain(store, retrain_id)
    require(one, "compared")
    test = _test_set(store, settings, one, now)
    try:
        comparison = _measure(store, one, test)
    except CandidateError as error:
        return append(
            store, one, "comparison_failed", now=now, actor=actor, via=via, note=str(error)
        )
    return append(
        store,
        one,
        "compared",
        now=now,
        actor=actor,
        via=via,
        note=comparison.sentence,
        details={"comparison": asdict(comparison), "compared_until": now},
    )


def labelled_since(
    store: Store, settings: Settings, retrain_id: str, since: datetime, *, now: datetime
) -> int:
    """How many calls of the test set are from after `since` and have a label."""
    test = _test_set(store, settings, retrain(store, retrain_id), now)
    return sum(call.timestamp >= since for call, _ in test.calls)


def _test_set(store: Store, settings: Settings, one: Retrain, now: datetime) -> _TestSet:
    key, since = (
        load_key(settings.data_dir),
        datetime.fromisoformat(str(one.details["dataset"]["since"])),
    )
    calls = traffic(store, one.service, since, now)
    trained = set(store.rows("dataset_training_traces", version=one.dataset_version))
    learned = {call.input_hash for call in calls if (call.trace_id, call.span_id) in trained}
    kept = [call for call in calls if reserved(call.trace_id, key)]
    fresh = sorted(
        (call for call in kept if call.input_hash not in learned),
        key=lambda call: position(call.trace_id, key, "order"),
    )[: Curation().reserved]
    labelled = [call for call in fresh if call.label]
    texts = call_texts(store, one.service, labelled)
    pairs = [
        (call, texts[call.trace_id, call.span_id])
        for call in labelled
        if (call.trace_id, call.span_id) in texts
    ]
    ours = [
        pair for pair in pairs if pair[1].release in ("", one.base_release) or not one.base_release
    ]
    return _TestSet(
        ours,
        len(fresh) - len(labelled),
        len(kept) - sum(call.input_hash not in learned for call in kept),
    )


def _measure(store: Store, one: Retrain, test: _TestSet) -> Comparison:
    candidate = one.details["candidate"]
    questions = [chat_messages(message_text(text)) for _, text in test.calls]
    asked = asyncio.run(ask(questions, endpoint=candidate["endpoint"], model=candidate["model"]))
    calls = [
        TestCall(call.timestamp, call.label, text.output, said)
        for (call, text), said in zip(test.calls, asked.answers, strict=True)
    ]
    incident = find_incident(store, one.incident_id)
    return compare_answers(
        calls,
        turn=incident.started_at if incident else None,
        failing_field=incident.field if incident else "",
        unlabelled=test.unlabelled,
        seen_in_training=test.seen_in_training,
    )
