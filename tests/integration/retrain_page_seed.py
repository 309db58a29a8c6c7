"""A retrain with everything that its page can show: a built dataset, a real comparison, a shadow and a canary."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta

from candidate_seed import (
    BASE,
    CANDIDATE,
    FINISHED,
    NOW,
    SERVICE,
    TURN,
    Candidate,
    put_calls,
)

from monitor.curation.dataset import build_dataset
from monitor.curation.reserve import load_key
from monitor.incidents import Incident, IncidentDetails, tell
from monitor.retrain.canary import CanaryHour, judge_canary
from monitor.retrain.lifecycle import propose
from monitor.retrain.shadow import ask_shadow, compare_shadow
from monitor.retrain.state import Retrain, append
from monitor.retrain.trial import compare
from monitor.settings import Settings
from monitor.store import Store

PAGE_INCIDENT = "inc-page"


def seed_traffic(store: Store, *, calls: int = 1500) -> None:
    """A quiet December, and a January in which every fifth date is a year early."""
    step = timedelta(minutes=25)
    put_calls(store, calls, start=TURN - step * calls, step=step, wrong_every=90, prefix="dec")
    put_calls(store, 600, start=TURN, step=timedelta(minutes=20), wrong_every=5, prefix="jan")
    put_calls(
        store, 300, start=FINISHED, step=timedelta(minutes=9), wrong_every=5, labelled=False, prefix="live"
    )  # fmt: skip


def seed_retrain(store: Store, settings: Settings, candidate: Candidate, model: str) -> Retrain:
    """Propose, build, report as the fine-tune job would, compare, shadow and look at a canary.

    Args:
        store: with `seed_traffic` in it.
        settings: with a data directory, and a share for the shadow.
        candidate: the endpoint.
        model: how the candidate behaves.
    """
    details = IncidentDetails(release=BASE, advice="retrain on 2024 examples", rate=0.2, n=100)
    fresh = Incident(
        PAGE_INCIDENT, SERVICE, "due_date is a year early", "page", "calendar", "due_date", "year_slip", "s",
        TURN, NOW, NOW, None, "open", "job", details,
    )  # fmt: skip
    cause = tell(store, fresh, "opened", now=FINISHED - timedelta(days=1), actor="job", via="job")
    start = FINISHED - timedelta(hours=5)
    one = propose(store, settings, cause, now=start, actor="retrain job")
    built = build_dataset(
        store, service=SERVICE, incident=cause, since=TURN - timedelta(days=30), until=start, now=start,
        key=load_key(settings.data_dir),
    )  # fmt: skip
    ready = {
        "release": CANDIDATE, "endpoint": candidate.base_url, "model": model,
        "artifact": "s3://models/extractor-2024-01", "metrics": {"loss": 0.012},
    }  # fmt: skip
    lives: list[tuple[str, str, dict[str, object]]] = [
        ("requested", "retrain job", {"dataset": asdict(built)}),
        ("delivered", "deliver job", {}),
        ("started", "fine-tune job", {}),
        ("progress", "fine-tune job", {"progress": {"step": 120, "steps": 200, "loss": 0.31}}),
        ("finished", "fine-tune job", {"candidate": ready}),
    ]
    for place, (event, actor, told) in enumerate(lives):
        release = CANDIDATE if event == "finished" else ""
        version = built.version if event == "requested" else ""
        one = append(
            store, one, event, now=start + timedelta(hours=place), actor=actor, via="http", details=told,
            dataset_version=version, candidate_release=release,
        )  # fmt: skip
    one = compare(store, settings, one.retrain_id, now=FINISHED, actor="retrain job")
    ask_shadow(store, settings, one, since=FINISHED, now=NOW)
    one = compare_shadow(store, settings, one, now=NOW)
    first = int(FINISHED.timestamp()) // 3600
    hours = [
        CanaryHour(name, first + hour, bad, 40, others, 360)
        for hour in range(24)
        for name, bad, others in (("call/error", hour % 2, 4), ("outcome/correct", 1, 60))
    ]
    found = judge_canary(hours, margin=0.02)
    return append(
        store, one, "canaried", now=NOW, actor="canary job", via="job", note=found.sentence,
        details={"canary": json.loads(json.dumps({**asdict(found), "n": found.n}))},
    )  # fmt: skip
