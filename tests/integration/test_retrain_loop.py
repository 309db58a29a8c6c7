"""The retrain loop over real sockets: store, callback desk, fine-tune job, candidate, pointer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn
from conftest import free_port, start, stop
from retrain_seed import put
from simulated_extractor import Weights, save
from standardwebhooks import Webhook
from starlette.applications import Starlette

from monitor.clock import wall_now
from monitor.curation.reserve import load_key
from monitor.demo.mortgage import calls
from monitor.exceptions import ConfigurationError, NotFoundError, TransitionError
from monitor.incidents import Incident, IncidentDetails, tell
from monitor.retrain.bodies import parse_callback
from monitor.retrain.callbacks import callback
from monitor.retrain.http import routes
from monitor.retrain.lifecycle import approve, propose, reject, request
from monitor.retrain.pointer import read_pointer
from monitor.retrain.promotion import promote, rollback
from monitor.retrain.request import callback_token
from monitor.retrain.state import Retrain, append, retrain, retrains
from monitor.retrain.trial import compare
from monitor.settings import Settings
from monitor.store import Store
from monitor.webhooks import encode, sign

pytestmark = pytest.mark.integration

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TURN = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 1, 6, tzinfo=UTC)
BASE = Weights("extractor-2023-11", 2023, 0.4, 0.01, 7, "calls of 2023")
BY = {"actor": "ann", "via": "cli"}


class Desk:
    """A collector-like app that mounts the retrain routes, on a real socket."""

    def __init__(self, settings: Settings) -> None:
        self.server = uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=routes(settings)),
                "127.0.0.1",
                settings.otlp_http_port,
                log_level="warning",
            )
        )
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        until(lambda: self.server.started)

    def close(self) -> None:
        """Stop listening."""
        self.server.should_exit = True
        self.thread.join(10)


def until(done: Callable[[], object], timeout_s: float = 20) -> None:
    """Wait until `done` says yes."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar with a retrain webhook, whose job may or may not run."""
    return Settings(
        store_url=store_url,
        data_dir=tmp_path / "data",
        otlp_http_port=free_port(),
        retrain_webhook_secret=SECRET,
        retrain_webhook_url=f"http://127.0.0.1:{free_port()}/retrain",
    )


@pytest.fixture
def desk(settings: Settings) -> Iterator[str]:
    """URL of the callback desk."""
    running = Desk(settings)
    yield settings.collector_url
    running.close()


@pytest.fixture
def job(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """URL of the fine-tune job, a process of its own."""
    save(BASE, tmp_path / "base.json")
    port = int(settings.retrain_webhook_url.split(":")[2].split("/")[0])
    process = start(
        "simulated_finetune",
        "--port",
        str(port),
        "--secret",
        SECRET,
        "--work-dir",
        str(tmp_path / "job"),
        "--base-weights",
        str(tmp_path / "base.json"),
        ready=f"http://127.0.0.1:{port}/healthz",
    )
    yield f"http://127.0.0.1:{port}"
    assert stop(process) == 0


@pytest.fixture
def incident(store: Store) -> Incident:
    """January has come: calls of both years with their outcomes, and an open incident."""
    logs = list(calls(TURN - timedelta(days=5), 10, 60, np.random.default_rng(11)))
    put(store, logs, BASE)
    fresh = Incident(
        "inc-1",
        "loan-extractor",
        "due_date is a year early",
        "page",
        "calendar",
        "due_date",
        "year_slip",
        "s",
        TURN,
        NOW,
        NOW,
        None,
        "open",
        "job",
        IncidentDetails(release=BASE.name, advice="retrain on 2024 examples"),
    )
    return tell(store, fresh, "opened", now=NOW, actor="job", via="job")


def finished(store: Store, settings: Settings, one: Retrain) -> Retrain:
    """Wait until the job has reported."""
    until(lambda: retrain(store, one.retrain_id).state in ("finished", "failed"))
    return retrain(store, one.retrain_id)


def test_from_incident_to_promotion_and_back(
    store: Store, settings: Settings, desk: str, job: str, incident: Incident
) -> None:
    """The whole loop, every step over its real protocol, by a job that knows only that."""
    put(store, list(calls(TURN - timedelta(days=8), 13, 220, np.random.default_rng(12))), BASE)
    one = propose(store, settings, incident, now=NOW, actor="retrain")
    assert (one.state, one.base_release) == ("proposed", BASE.name)
    assert propose(store, settings, incident, now=NOW, actor="retrain").retrain_id == one.retrain_id
    one = request(store, settings, one.retrain_id, now=NOW, **BY)
    assert one.delivered
    assert not one.trouble
    one = finished(store, settings, one)
    told = [step.event for step in one.history if step.via == "callback"]
    assert told == ["started", *["progress"] * 4, "finished"]
    assert one.state == "finished"
    one = compare(store, settings, one.retrain_id, now=NOW, actor="retrain")
    comparison = one.details["comparison"]
    assert comparison["advice"] == "better", comparison["sentence"]
    assert comparison["n"] > 100
    assert comparison["candidate"]["value"] < comparison["production"]["value"]
    assert read_pointer(settings.data_dir, one.service) is None
    approve(store, one.retrain_id, now=NOW, note="looks right", **BY)
    one = promote(store, settings, one.retrain_id, now=NOW, **BY)
    pointer = read_pointer(settings.data_dir, one.service)
    assert pointer.model == one.candidate_release == f"extractor-{one.retrain_id}"
    assert httpx.get(f"{pointer.endpoint}/models").json()["data"][0]["id"] == pointer.model
    assert pointer.previous.release == BASE.name
    one = rollback(store, settings, one.retrain_id, now=NOW, **BY)
    assert read_pointer(settings.data_dir, one.service).release == BASE.name
    assert one.possible == ()
    assert one.approval.actor == "ann"
    assert httpx.get(f"{job}/").json()["deliveries_verified"] == 1


def test_without_labels_there_is_nothing_to_request(store: Store, settings: Settings) -> None:
    """A retrain without one labelled example is refused, and says what is missing."""
    put(store, list(calls(TURN, 1, 20, np.random.default_rng(1))), BASE, labelled=False)
    bare = Incident(
        "inc-2",
        "loan-extractor",
        "t",
        "page",
        "calendar",
        "due_date",
        "d",
        "s",
        TURN,
        NOW,
        NOW,
        None,
        "open",
        "job",
        IncidentDetails(),
    )
    one = propose(
        store,
        settings,
        tell(store, bare, "opened", now=NOW, actor="job", via="job"),
        now=NOW,
        actor="job",
    )
    assert one.base_release == BASE.name
    with pytest.raises(TransitionError, match="no labelled example"):
        request(store, settings, one.retrain_id, now=NOW, **BY)
    with pytest.raises(ConfigurationError, match="OUTERLOOP_RETRAIN_WEBHOOK_URL"):
        request(store, Settings(store_url=settings.store_url), one.retrain_id, now=NOW, **BY)


def test_a_failed_delivery_is_visible_and_told_again(
    store: Store, settings: Settings, desk: str, incident: Incident, tmp_path: Path
) -> None:
    """While the job is down the retrain says so; asked again, it delivers the same message."""
    one = propose(store, settings, incident, now=NOW, actor="job")
    one = request(store, settings, one.retrain_id, now=NOW, **BY)
    assert (one.state, one.delivered) == ("requested", False)
    assert "was not reached" in one.trouble
    save(BASE, tmp_path / "base.json")
    port = int(settings.retrain_webhook_url.split(":")[2].split("/")[0])
    process = start(
        "simulated_finetune",
        "--port",
        str(port),
        "--secret",
        SECRET,
        "--work-dir",
        str(tmp_path / "job"),
        "--base-weights",
        str(tmp_path / "base.json"),
        ready=f"http://127.0.0.1:{port}/healthz",
    )
    one = request(store, settings, one.retrain_id, now=NOW, **BY)
    assert one.delivered
    assert finished(store, settings, one).state == "finished"
    assert stop(process) == 0


def test_a_lost_dataset_file_fails_the_retrain_with_the_reason(
    store: Store, settings: Settings, desk: str, job: str, incident: Incident
) -> None:
    """The job refuses data that is not what was promised, and the retrain's page says so."""
    one = propose(store, settings, incident, now=NOW, actor="job")
    file = {
        "split": "train",
        "url": f"{desk}/v1/datasets/ds-0/train.jsonl",
        "sha256": "0",
        "rows": 1,
    }
    reply = {
        "url": f"{desk}/v1/retrains/{one.retrain_id}/events",
        "token": callback_token(load_key(settings.data_dir), one.retrain_id),
    }
    order = {
        "retrain_id": one.retrain_id,
        "dataset": {"version": "ds-0", "format": "openai-chat-jsonl", "files": [file]},
        "callback": reply,
    }
    body = {"type": "retrain.requested", "timestamp": "2024-01-06T00:00:00Z", "data": order}
    folder_gone = settings.model_copy(update={"retrain_webhook_url": "http://127.0.0.1:9/none"})
    request(store, folder_gone, one.retrain_id, now=NOW, **BY)
    raw = encode(body)
    sent = httpx.post(
        f"{job}/retrain", content=raw, headers=sign(SECRET, one.retrain_id, raw, at=wall_now())
    )
    assert sent.status_code == 202
    one = finished(store, settings, one)
    assert one.state == "failed"
    assert "cannot be fetched: 401" in one.trouble


def test_the_webhook_refuses_what_is_not_signed_freshly(job: str) -> None:
    """Unsigned, tampered and stale messages get 401; a replayed one is not begun twice."""
    order = {
        "retrain_id": "rt-x",
        "dataset": {"version": "v", "format": "f", "files": []},
        "callback": {"url": "http://127.0.0.1:9/none", "token": "t"},
    }
    body = encode({"type": "retrain.requested", "timestamp": "2024-01-06T00:00:00Z", "data": order})
    post = lambda content, headers: httpx.post(f"{job}/retrain", content=content, headers=headers)  # noqa: E731 - short
    other = "whsec_" + "A" * 32
    assert post(body, {}).status_code == 401
    assert post(body, sign(other, "rt-x", body, at=wall_now())).status_code == 401
    assert post(body + b" ", sign(SECRET, "rt-x", body, at=wall_now())).status_code == 401
    assert (
        post(body, sign(SECRET, "rt-x", body, at=wall_now() - timedelta(minutes=6))).status_code
        == 401
    )
    assert (
        post(
            body, {**sign(SECRET, "rt-x", body, at=wall_now()), "webhook-signature": "v1,%%%"}
        ).status_code
        == 401
    )
    assert (
        post(
            body, {**sign(SECRET, "rt-x", body, at=wall_now()), "webhook-signature": "nonsense"}
        ).status_code
        == 401
    )
    good = sign(SECRET, "rt-x", body, at=wall_now())
    assert [post(body, good).status_code, post(body, good).status_code] == [202, 200]
    bad = b'{"type": "retrain.requested", "data": {"retrain_id": "../x"}}'
    assert post(bad, sign(SECRET, "m", bad, at=wall_now())).status_code == 400
    account = httpx.get(f"{job}/").json()
    assert account["retrains"] == ["rt-x"]
    assert (account["deliveries_verified"], account["deliveries_refused"]) == (3, 6)


def test_what_we_sign_their_library_verifies() -> None:
    """The `standardwebhooks` library accepts our signature as it is."""
    body = encode({"type": "retrain.requested"})
    assert Webhook(SECRET).verify(body, sign(SECRET, "m-1", body, at=wall_now())) == {
        "type": "retrain.requested"
    }


@pytest.fixture
def asked(store: Store, settings: Settings, incident: Incident) -> tuple[Retrain, str]:
    """A retrain that was requested (of a job that is down), with its token."""
    one = propose(store, settings, incident, now=NOW, actor="job")
    one = request(store, settings, one.retrain_id, now=NOW, **BY)
    return one, callback_token(load_key(settings.data_dir), one.retrain_id)


def event(kind: str, name: str = "e1", **data: object) -> dict[str, object]:
    """A callback's body."""
    return {"type": f"retrain.{kind}", "id": name, "data": data}


CANDIDATE = {"release": "r2", "model": "r2", "endpoint": "http://127.0.0.1:9/v1"}


def test_callbacks_are_authenticated_checked_and_only_go_forward(
    desk: str, store: Store, asked: tuple[Retrain, str]
) -> None:
    """Foreign, malformed, unknown, repeated and backward callbacks each get their own answer."""
    one, token = asked
    url, mine = f"{desk}/v1/retrains/{one.retrain_id}/events", {"authorization": f"Bearer {token}"}
    assert httpx.post(url, json=event("started")).status_code == 401
    assert (
        httpx.post(
            url, json=event("started"), headers={"authorization": "Bearer olr_other"}
        ).status_code
        == 401
    )
    assert (
        httpx.post(
            f"{desk}/v1/retrains/rt-none/events", json=event("started"), headers=mine
        ).status_code
        == 404
    )
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"type": "retrain.promoted"}',
        b'{"type":"retrain.finished","id":"x","data":{}}',
        b"\xff",
    ):
        refused = httpx.post(url, content=body, headers=mine)
        assert refused.status_code == 400
        assert refused.json()["error"]
    assert httpx.post(url, content=b"x" * 70_000, headers=mine).status_code == 413
    assert retrain(store, one.retrain_id).state == "requested"
    assert [httpx.post(url, json=event("started"), headers=mine).status_code for _ in range(3)] == [
        200
    ] * 3
    assert httpx.post(url, json=event("started", "e2"), headers=mine).status_code == 409
    assert (
        httpx.post(url, json=event("finished", "e3", **CANDIDATE), headers=mine).json()["state"]
        == "finished"
    )
    late = httpx.post(url, json=event("failed", "e4", reason="late"), headers=mine)
    assert late.status_code == 409
    assert "is finished" in late.json()["error"]
    assert [step.event for step in retrain(store, one.retrain_id).history][-2:] == [
        "started",
        "finished",
    ]


def test_dataset_files_open_to_their_own_token_only(
    desk: str, settings: Settings, asked: tuple[Retrain, str]
) -> None:
    """The two exported files come with the retrain's token; nothing else comes at all."""
    one, token = asked
    base, mine = f"{desk}/v1/datasets/{one.dataset_version}", {"authorization": f"Bearer {token}"}
    got = httpx.get(f"{base}/train.jsonl", headers=mine)
    assert (
        got.content
        == (settings.data_dir / "datasets" / one.dataset_version / "train.jsonl").read_bytes()
    )
    assert httpx.get(f"{base}/validation.jsonl", headers=mine).status_code == 200
    assert httpx.get(f"{base}/train.jsonl").status_code == 401
    assert (
        httpx.get(f"{base}/train.jsonl", headers={"authorization": "Bearer x"}).status_code == 401
    )
    for name in ("reserved.jsonl", "manifest.json", "..%2F..%2Freserve.key", "%2e%2e"):
        assert httpx.get(f"{base}/{name}", headers=mine).status_code == 404
    assert httpx.get(f"{desk}/v1/datasets/ds-0/train.jsonl", headers=mine).status_code == 401


def told(store: Store, one: Retrain, token: str, body: dict[str, object]) -> Retrain:
    """Record a callback without the socket."""
    return callback(
        store, one.retrain_id, token, parse_callback(json.dumps(body).encode()), now=NOW
    )


def test_a_candidate_that_is_down_or_talks_nonsense_fails_the_comparison(
    store: Store, settings: Settings, desk: str, asked: tuple[Retrain, str]
) -> None:
    """Either is a clear sentence on the retrain, which stays and may be compared again."""
    one, token = asked
    for endpoint in (f"http://127.0.0.1:{free_port()}/v1", f"{desk}/v1"):
        name = f"e-{endpoint}"
        if one.state == "requested":
            one = told(
                store, one, token, event("finished", name, **{**CANDIDATE, "endpoint": endpoint})
            )
        one = compare(store, settings, one.retrain_id, now=NOW, actor="job")
        assert one.state == "finished"
        assert "failed on" in one.trouble
        with pytest.raises(TransitionError, match="is finished; approved does not follow"):
            approve(store, one.retrain_id, now=NOW, **BY)


def test_people_may_stop_it_and_nothing_is_skipped(
    store: Store, settings: Settings, asked: tuple[Retrain, str]
) -> None:
    """Promotion without approval is refused with what is possible; a rejected retrain is over."""
    one, token = asked
    with pytest.raises(
        TransitionError, match=r"is requested; promoted does not follow .* rejected"
    ):
        promote(store, settings, one.retrain_id, now=NOW, **BY)
    with pytest.raises(NotFoundError, match="no retrain rt-none"):
        reject(store, "rt-none", now=NOW, **BY)
    one = reject(store, one.retrain_id, now=NOW, note="prompt fix instead", **BY)
    with pytest.raises(TransitionError, match="nothing more"):
        told(store, one, token, event("started"))
    stamps = [step.timestamp for step in one.history]
    assert stamps == sorted(set(stamps))
    assert len(retrains(store)) == 1


def test_a_job_that_was_killed_goes_on_where_it_was(
    store: Store, settings: Settings, incident: Incident, tmp_path: Path
) -> None:
    """Killed before it could report, the job does its accepted order after the restart, once."""
    save(BASE, tmp_path / "base.json")
    port = int(settings.retrain_webhook_url.split(":")[2].split("/")[0])
    arguments = [
        "simulated_finetune", "--port", str(port), "--secret", SECRET,
        "--work-dir", str(tmp_path / "job"), "--base-weights", str(tmp_path / "base.json"),
    ]  # fmt: skip
    ready = f"http://127.0.0.1:{port}/healthz"
    first = start(*arguments, ready=ready)
    one = propose(store, settings, incident, now=NOW, actor="job")
    one = request(store, settings, one.retrain_id, now=NOW, **BY)
    assert one.delivered  # and no collector is there to take its reports
    first.kill()
    first.wait()
    desk = Desk(settings)
    second = start(*arguments, ready=ready)
    one = finished(store, settings, one)
    assert stop(second) == 0
    desk.close()
    assert one.state == "finished"
    assert [step.event for step in one.history].count("finished") == 1


def test_promotion_is_announced_and_a_deaf_sink_does_not_stop_it(
    store: Store, settings: Settings, asked: tuple[Retrain, str]
) -> None:
    """The pointer is what counts: with a sink that is down the promotion stands, and says so."""
    one, token = asked
    told(store, one, token, event("finished", **CANDIDATE))
    row = retrain(store, one.retrain_id)
    append(store, row, "compared", now=NOW, actor="job", via="job", details={"comparison": {}})
    approve(store, one.retrain_id, now=NOW, **BY)
    loud = settings.model_copy(
        update={
            "alert_webhook_url": f"http://127.0.0.1:{free_port()}/sink",
            "alert_webhook_secret": settings.retrain_webhook_secret,
        }
    )
    one = promote(store, loud, one.retrain_id, now=NOW, **BY)
    assert one.state == "promoted"
    assert "was not reached" in one.trouble
    assert read_pointer(settings.data_dir, one.service).release == "r2"
