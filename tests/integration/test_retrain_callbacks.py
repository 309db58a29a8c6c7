"""What the fine-tune job may say, on a real socket: its own retrain, in order, once, not too late and not too much."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from retrain_seed import (
    BY,
    CANDIDATE,
    KEY,
    NOW,
    compared,
    desk,
    event,
    opened,
    requested,
    sidecar,
    told,
)

from monitor.clock import wall_now
from monitor.deliveries import Journal
from monitor.exceptions import SignatureError, TransitionError
from monitor.incidents import incidents
from monitor.jobs import deliver
from monitor.jobs.job import Window
from monitor.retrain.callbacks import MOST_EVENTS, TOLERANCE, lapse
from monitor.retrain.lifecycle import approve, propose, reject, request
from monitor.retrain.promotion import promote
from monitor.retrain.request import callback_token
from monitor.retrain.state import Retrain, append, retrain
from monitor.settings import Settings
from monitor.store import Store
from monitor.webhooks import sign

pytestmark = pytest.mark.integration
HOURS = timedelta(hours=1)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar without a fine-tune job."""
    return sidecar(store_url, tmp_path)


def bearer(token: str) -> dict[str, str]:
    """The header that opens a retrain."""
    return {"authorization": f"Bearer {token}"}


def at(base: str, one: Retrain) -> str:
    """Where its reports go."""
    return f"{base}/v1/retrains/{one.retrain_id}/events"


def test_a_token_opens_its_own_retrain_alone(store: Store, settings: Settings) -> None:
    """Without a token, with a foreign one, and with one's own for another's id or data: 401, and nothing changes."""
    one, mine = requested(store, settings)
    other, theirs = requested(store, settings, "inc-2", "other-service")
    assert mine != theirs
    with desk(settings) as base:
        for headers in (
            {},
            {"authorization": "Bearer"},
            bearer(theirs),
            bearer("olr_x"),
            {"authorization": f"Basic {mine}"},
        ):
            assert (
                httpx.post(at(base, one), json=event("started"), headers=headers).status_code == 401
            )
            file = f"{base}/v1/datasets/{one.dataset_version}/train.jsonl"
            assert httpx.get(file, headers=headers).status_code == 401
        assert (
            httpx.post(
                at(base, other), json=event("failed", reason="x"), headers=bearer(mine)
            ).status_code
            == 401
        )
        for path in ("rt-none", "..%2f..", "rt-" + "9" * 5000):
            answer = httpx.post(
                f"{base}/v1/retrains/{path}/events", json=event("started"), headers=bearer(mine)
            )
            assert answer.status_code in (400, 404, 414)
        assert httpx.get(at(base, one), headers=bearer(mine)).status_code == 405
    assert {retrain(store, each.retrain_id).state for each in (one, other)} == {"requested"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"{" * 5000, b"[" * 60_000,
        b'{"type": "retrain.promoted", "id": "x", "data": {}}',
        b'{"type": "retrain.started"}',
        b'{"type": "retrain.started", "id": "", "data": {}}',
        b'{"type": "retrain.progress", "id": "x", "data": {"step": -1, "steps": 3}}',
        b'{"type": "retrain.progress", "id": "x", "data": {"step": 1, "steps": 3, "loss": NaN}}',
        b'{"type": "retrain.finished", "id": "x", "data": {"release": "r", "model": "m", "endpoint": "file:///etc"}}',
        b'{"type": "retrain.started", "id": "x", "timestamp": "yesterday", "data": {}}',
        b'{"type": "retrain.started", "id": "x", "timestamp": "2024-01-01T00:00:00", "data": {}}',
        b'{"type": "retrain.started", "id": "x", "data": {}}, "event": {"type": "retrain.started"',
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_with_the_reason(
    store: Store, settings: Settings, body: bytes
) -> None:
    """400, and the answer says what is wrong; the retrain stays as it was."""
    one, token = requested(store, settings)
    with desk(settings) as base:
        answer = httpx.post(at(base, one), content=body, headers=bearer(token))
        assert answer.status_code == 400
        assert "no event of a retrain" in answer.json()["error"]
        assert (
            httpx.post(at(base, one), content=b"x" * 65_537, headers=bearer(token)).status_code
            == 413
        )
    assert len(retrain(store, one.retrain_id).history) == 2


def test_a_replayed_event_changes_nothing_and_a_reused_id_is_refused(
    store: Store, settings: Settings
) -> None:
    """The same event again is 200 at any later time; another event under its id is 409."""
    one, token = requested(store, settings)
    with desk(settings) as base:
        for _ in range(3):
            assert (
                httpx.post(
                    at(base, one), json=event("started", "a"), headers=bearer(token)
                ).status_code
                == 200
            )
        progress = event("progress", "b", step=2, steps=4, loss=0.5)
        assert httpx.post(at(base, one), json=progress, headers=bearer(token)).status_code == 200
        assert httpx.post(
            at(base, one), json=event("finished", "c", **CANDIDATE), headers=bearer(token)
        ).is_success
        for body in (event("started", "a"), progress, event("finished", "c", **CANDIDATE)):
            assert (
                httpx.post(at(base, one), json=body, headers=bearer(token)).json()["state"]
                == "finished"
            )
        reused = httpx.post(
            at(base, one), json=event("failed", "c", reason="no"), headers=bearer(token)
        )
        assert reused.status_code == 409
        assert "was used for another event" in reused.json()["error"]
    events = [step.event for step in retrain(store, one.retrain_id).history]
    assert events == ["proposed", "requested", "started", "progress", "finished"]


def test_what_comes_too_late_or_out_of_order_is_refused(store: Store, settings: Settings) -> None:
    """Older than the tolerance, of the future, before the last recorded one, or a step back: 409 with the reason."""
    one, token = requested(store, settings)
    now = wall_now()
    with desk(settings) as base:

        def post(
            kind: str, name: str, moment: datetime | None = None, **data: object
        ) -> httpx.Response:
            return httpx.post(
                at(base, one), json=event(kind, name, at=moment, **data), headers=bearer(token)
            )

        stale = post("started", "a", now - TOLERANCE - HOURS)
        assert (stale.status_code, "stale" in stale.json()["error"]) == (409, True)
        assert post("started", "b", now + HOURS).status_code == 409
        assert post("started", "c", now - HOURS).status_code == 200
        before = post("progress", "d", now - 2 * HOURS, step=1, steps=9)
        assert before.status_code == 409
        assert "one of" in before.json()["error"]
        assert post("progress", "e", now, step=5, steps=9).status_code == 200
        back = post("progress", "f", step=4, steps=9)
        assert (back.status_code, "step 4 after step 5" in back.json()["error"]) == (409, True)
        assert post("finished", "g", now - HOURS / 2, **CANDIDATE).status_code == 409
        assert post("finished", "h", now, **CANDIDATE).status_code == 200
    assert [step.event for step in retrain(store, one.retrain_id).history][2:] == [
        "started",
        "progress",
        "finished",
    ]


def test_a_signed_report_is_held_to_its_signature_and_time(
    store: Store, settings: Settings
) -> None:
    """Whoever signs is verified: an old request that somebody recorded, or a changed body, is 401."""
    one, token = requested(store, settings)
    body = json.dumps(event("started")).encode()
    with desk(settings) as base:
        for secret, moment, sent, status in (
            (token, wall_now() - timedelta(minutes=6), body, 401),
            ("other", wall_now(), body, 401),
            (token, wall_now(), body + b" ", 401),
            (token, wall_now(), body, 200),
        ):
            headers = {**bearer(token), **sign(secret, "e1", body, at=moment)}
            assert httpx.post(at(base, one), content=sent, headers=headers).status_code == status


def test_a_second_candidate_after_the_comparison_is_refused(
    store: Store, settings: Settings
) -> None:
    """What people are asked to approve cannot be exchanged under their hands, nor after they have."""
    one = compared(store, settings)
    token = requested_token(one)
    other = event(
        "finished", "second", **{**CANDIDATE, "release": "r3", "endpoint": "http://127.0.0.1:8/v1"}
    )
    with desk(settings) as base:
        for decide in (lambda: None, lambda: approve(store, one.retrain_id, now=NOW, **BY)):
            decide()
            answer = httpx.post(at(base, one), json=other, headers=bearer(token))
            assert answer.status_code == 409
            assert "finished does not follow" in answer.json()["error"]
    assert retrain(store, one.retrain_id).details["candidate"]["release"] == "r2-inc-1"


def requested_token(one: Retrain) -> str:
    """The token of a seeded retrain."""
    return callback_token(KEY, one.retrain_id)


def test_the_same_last_word_by_many_ways_is_recorded_once(store: Store, settings: Settings) -> None:
    """Two collectors, eight connections, one event: every answer is yes, one row is kept."""
    one, token = requested(store, settings)
    body = event("finished", "last", **CANDIDATE)
    with desk(settings) as first, desk(settings) as second, ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda base: httpx.post(
                    at(base, one), json=body, headers=bearer(token), timeout=30
                ),
                [first, second] * 4,
            )
        )
    assert [answer.status_code for answer in answers] == [200] * 8
    assert [step.event for step in retrain(store, one.retrain_id).history].count("finished") == 1


def test_who_talks_too_much_is_slowed_down_and_still_heard(
    store: Store, settings: Settings
) -> None:
    """A flood is answered 429 with Retry-After; another retrain's job and the last word come through."""
    one, token = requested(store, settings)
    other, theirs = requested(store, settings, "inc-2", "other-service")
    with desk(settings) as base, httpx.Client() as client:
        answers = [
            client.post(at(base, one), json=event("started"), headers=bearer(token))
            for _ in range(90)
        ]
        slowed = [answer for answer in answers if answer.status_code == 429]
        assert slowed
        assert {answer.status_code for answer in answers} == {200, 429}
        assert slowed[0].headers["retry-after"] == "1"
        time.sleep(1.5)
        assert (
            client.post(at(base, other), json=event("started"), headers=bearer(theirs)).status_code
            == 200
        )
        assert client.post(
            at(base, one), json=event("finished", "z", **CANDIDATE), headers=bearer(token)
        ).is_success


def test_progress_is_kept_up_to_a_limit_and_the_end_always(
    store: Store, settings: Settings
) -> None:
    """A life of thousands of events takes no more progress, and still its last word."""
    one, token = requested(store, settings)
    one = told(store, one, token, "started")
    row = store.client.query("SELECT * FROM retrains WHERE event = 'started'")
    names, first = row.column_names, list(row.result_rows[0])
    place = names.index("timestamp")
    many = [
        [*first[:place], first[place] + timedelta(milliseconds=number + 1), *first[place + 1 :]]
        for number in range(MOST_EVENTS)
    ]
    store.client.insert("retrains", many, column_names=names)
    with pytest.raises(TransitionError, match="report progress less often"):
        told(store, one, token, "progress", "p", step=1, steps=2)
    assert told(store, one, token, "finished", "f", **CANDIDATE).state == "finished"


def test_the_data_comes_whole_in_part_or_as_a_header_and_never_reserved(
    store: Store, settings: Settings
) -> None:
    """GET, HEAD and Range work with the token; the reserved split, paths and other names do not exist."""
    one, token = requested(store, settings)
    with desk(settings) as base:
        folder = f"{base}/v1/datasets/{one.dataset_version}"
        whole = httpx.get(f"{folder}/train.jsonl", headers=bearer(token))
        assert whole.content == b"0123456789" * 10
        head = httpx.head(f"{folder}/train.jsonl", headers=bearer(token))
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "100", b"")
        part = httpx.get(f"{folder}/train.jsonl", headers={**bearer(token), "range": "bytes=95-"})
        assert (part.status_code, part.content) == (206, b"56789")
        assert (
            httpx.get(
                f"{folder}/train.jsonl", headers={**bearer(token), "range": "bytes=500-"}
            ).status_code
            == 416
        )
        for name in (
            "reserved.jsonl",
            "..%2freserve.key",
            "%2e%2e%2freserve.key",
            "train.jsonl%00",
            ".",
        ):
            assert httpx.get(f"{folder}/{name}", headers=bearer(token)).status_code == 404
        reject(store, one.retrain_id, now=NOW, **BY)
        over = httpx.get(f"{folder}/train.jsonl", headers=bearer(token))
        assert (over.status_code, "not given out any more" in over.json()["error"]) == (409, True)


def test_a_silent_job_fails_visibly_and_may_come_back(store: Store, settings: Settings) -> None:
    """After the deadline the retrain has failed and is an incident; a late result is taken, once."""
    one, token = requested(store, settings)
    one = told(store, one, token, "started")
    assert (
        lapse(store, settings, one, now=NOW, actor="job", wall=wall_now() + 23 * HOURS).state
        == "started"
    )
    hasty = settings.model_copy(update={"retrain_silence_hours": 1e-9})
    deliver.run(store, hasty, Window(NOW, NOW + HOURS))
    one = retrain(store, one.retrain_id)
    assert (one.state, one.standing) == ("failed", "lapsed")
    assert "has said nothing for" in one.trouble
    [stuck] = [each for each in incidents(store) if each.detector == deliver.DETECTOR]
    assert stuck.state == "open"
    deliver.run(store, hasty, Window(NOW, NOW + 2 * HOURS))
    assert [step.event for step in retrain(store, one.retrain_id).history].count("lapsed") == 1
    one = told(store, one, token, "finished", "late", **CANDIDATE)
    assert (one.state, one.trouble) == ("finished", "")
    deliver.run(store, hasty, Window(NOW, NOW + 3 * HOURS))
    assert {each.state for each in incidents(store) if each.detector == deliver.DETECTOR} == {
        "resolved"
    }
    with pytest.raises(TransitionError, match="finished does not follow"):
        told(store, one, token, "finished", "later", **{**CANDIDATE, "release": "r9"})


def test_a_late_result_is_refused_when_another_took_its_place(
    store: Store, settings: Settings
) -> None:
    """Given up, and a new retrain of the service proposed: the old one's result comes to nothing, and says why."""
    one, token = requested(store, settings)
    one = append(store, one, "lapsed", now=NOW, actor="job", via="job", note="silent")
    again = propose(
        store, settings, opened(store, "inc-2"), now=NOW + HOURS, actor="ann", via="cli"
    )
    with desk(settings) as base:
        late = httpx.post(at(base, one), json=event("finished", **CANDIDATE), headers=bearer(token))
        assert late.status_code == 409
        assert f"{again.retrain_id} took its place" in late.json()["error"]
    assert retrain(store, one.retrain_id).state == "failed"


def test_a_failure_that_the_job_told_is_final(store: Store, settings: Settings) -> None:
    """After `retrain.failed` nothing follows, and asking again is refused; the reason stays to be read."""
    one, token = requested(store, settings)
    one = told(store, one, token, "failed", reason="out of memory")
    assert (one.state, one.trouble, one.possible) == ("failed", "out of memory", ())
    with pytest.raises(TransitionError, match="nothing more"):
        told(store, one, token, "finished", "e2", **CANDIDATE)
    hooked = settings.model_copy(update={"retrain_webhook_url": "http://127.0.0.1:9/x"})
    with pytest.raises(Exception, match="OUTERLOOP_RETRAIN_WEBHOOK_SECRET"):
        request(store, hooked, one.retrain_id, now=NOW, **BY)


def test_a_token_ends_with_its_retrain(store: Store, settings: Settings) -> None:
    """After promotion the job has nothing to say any more."""
    one = compared(store, settings)
    token = requested_token(one)
    approve(store, one.retrain_id, now=NOW, **BY)
    promote(store, settings, one.retrain_id, now=NOW, **BY)
    with desk(settings) as base:
        for kind, data in (("progress", {"step": 1, "steps": 2}), ("failed", {"reason": "x"})):
            answer = httpx.post(
                at(base, one), json=event(kind, kind, **data), headers=bearer(token)
            )
            assert answer.status_code == 409
    with pytest.raises(SignatureError):
        told(store, one, "olr_wrong", "started")
    assert Journal(store, NOW).series("retrain_webhook", one.retrain_id) is None
