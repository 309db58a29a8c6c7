"""The step `compare`: puts the reserved calls to the candidate and records what came out.

Tested on are all reserved calls from the start of the dataset's time to now, with the labels known
now: a call is reserved for ever, so those that came in, or were labelled, after the dataset was
built count too. Some without a label are asked as well: whether an answer is valid, quick and liked
needs none.

Production is not asked again. Its recorded answers are what users saw, they cost nothing, and most
production models are behind an application that this sidecar does not call; what that leaves open,
a production model that answers otherwise today, is what drift detection and shadow mode watch.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from numpy.random import default_rng

from monitor.curation.reserve import load_key, position, reserved
from monitor.curation.traffic import traffic
from monitor.erasure.resent import drop_erased
from monitor.exceptions import ConfigurationError
from monitor.incidents import incident as find_incident
from monitor.retrain.candidate import CandidateError, ask
from monitor.retrain.changed import ChangedAnswer, changed_answers
from monitor.retrain.compare import Trouble, compare_answers
from monitor.retrain.findings import Comparison, Limits
from monitor.retrain.opinions import hear
from monitor.retrain.questions import judged_pairs, paired_calls, price_for, questions
from monitor.retrain.state import Retrain, append, require, retrain
from monitor.retrain.validity import validity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.curation.traffic import TrafficCall
    from monitor.incidents import Incident
    from monitor.retrain.questions import Question
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["compare", "labelled_since", "limits_of", "trouble_of"]

MOST_ASKED = 2000
"""Reserved calls, the first by the hash of their trace id: they see differences of half a point."""
LEAST_ASKED = 200
"""Where fewer calls are labelled, so many are asked all the same, where there are so many."""


@dataclass(frozen=True, slots=True)
class _Measured:
    comparison: Comparison
    changed: Sequence[ChangedAnswer]


@dataclass(frozen=True, slots=True)
class _TestSet:
    questions: Sequence[Question]
    """Labelled ones, then some that are not."""
    unlabelled: int
    seen_in_training: int
    other_releases: int


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
        found = _measure(store, settings, one, test, now)
    except (CandidateError, ConfigurationError) as error:
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
        note=found.comparison.sentence,
        details={
            "comparison": asdict(found.comparison),
            "changed": [asdict(each) for each in found.changed],
            "compared_until": now,
        },
    )


def labelled_since(
    store: Store, settings: Settings, retrain_id: str, since: datetime, *, now: datetime
) -> int:
    """How many calls of the test set are from after `since` and have a label."""
    test = _test_set(store, settings, retrain(store, retrain_id), now)
    return sum(bool(one.label) and one.call.timestamp >= since for one in test.questions)


def limits_of(settings: Settings) -> Limits:
    """The gates' numbers, as they are set."""
    return Limits(
        margin=settings.candidate_margin,
        min_calls=settings.candidate_min_calls,
        latency_ratio=settings.candidate_latency_ratio,
        cost_ratio=settings.candidate_cost_ratio,
    )


def trouble_of(incident: Incident | None) -> Trouble:
    """What the candidate is to cure."""
    if incident is None:
        return Trouble()
    root = {str(key): str(value) for key, value in incident.details.root}
    return Trouble(incident.started_at, incident.field, root)


def _test_set(store: Store, settings: Settings, one: Retrain, now: datetime) -> _TestSet:
    key, since = (
        load_key(settings.data_dir),
        datetime.fromisoformat(str(one.details["dataset"]["since"])),
    )
    calls = drop_erased(store, traffic(store, one.service, since, now), key)
    trained = set(store.rows("dataset_training_traces", version=one.dataset_version))
    learned = {call.input_hash for call in calls if (call.trace_id, call.span_id) in trained}
    kept = [call for call in calls if reserved(call.trace_id, key)]
    fresh = sorted(
        (call for call in kept if call.input_hash not in learned),
        key=lambda call: position(call.trace_id, key, "order"),
    )[:MOST_ASKED]
    labelled = [call for call in fresh if _known(call)]
    others = [call for call in fresh if not _known(call)][: max(0, LEAST_ASKED - len(labelled))]
    found = questions(store, one.service, [*labelled, *others])
    ours = [it for it in found if it.text.release in ("", one.base_release) or not one.base_release]
    return _TestSet(
        ours,
        len(fresh) - len(labelled),
        len(kept) - sum(call.input_hash not in learned for call in kept),
        sum(bool(it.label) for it in found) - sum(bool(it.label) for it in ours),
    )


def _known(call: TrafficCall) -> bool:
    """Whether somebody knows the right answer; another model's word proves nothing here."""
    return bool(call.label) and not call.label_author.startswith("model:")


def _measure(
    store: Store, settings: Settings, one: Retrain, test: _TestSet, now: datetime
) -> _Measured:
    candidate, asked = one.details["candidate"], test.questions
    model = candidate["model"]
    said = asyncio.run(
        ask([each.messages for each in asked], endpoint=candidate["endpoint"], model=model)
    )
    pairs = judged_pairs(asked, said.replies, service=one.service, model=model)
    seed = int(sha256(f"{one.retrain_id}:{len(asked)}".encode()).hexdigest()[:8], 16)
    comparison = compare_answers(
        paired_calls(asked, said.replies, price=price_for(settings, model)),
        trouble=trouble_of(find_incident(store, one.incident_id)),
        limits=limits_of(settings),
        opinions=hear(settings, one.service, pairs, run_id=f"{one.retrain_id}/compare", now=now),
        valid=validity(settings.data_dir, one.service, now=now),
        unlabelled=test.unlabelled,
        seen_in_training=test.seen_in_training,
        other_releases=test.other_releases,
        rng=default_rng(seed),
    )
    return _Measured(comparison, changed_answers(asked, said.replies))
