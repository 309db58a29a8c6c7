"""Retrains for tests: calls with outcomes, lives up to a given state, and a receiver that misbehaves as told."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from conftest import free_port
from simulated_extractor import Weights, extract
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from traffic import messages

from monitor.clock import rfc3339, wall_now
from monitor.demo.mortgage import CallLog
from monitor.incidents import Example, Incident, IncidentDetails, tell
from monitor.retrain.bodies import parse_callback
from monitor.retrain.callbacks import callback
from monitor.retrain.http import routes
from monitor.retrain.lifecycle import propose
from monitor.retrain.request import callback_token, hash_token
from monitor.retrain.state import Retrain, append
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.store import Store

NOW = datetime(2024, 1, 6, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
KEY = bytes(range(32))
CANDIDATE = {"release": "r2", "model": "r2", "endpoint": "http://127.0.0.1:9/v1"}
BETTER = {
    "advice": "better", "sentence": "The candidate is better.", "n": 120, "difference": -0.05, "low": -0.08,
    "high": -0.02,
}  # fmt: skip
BY = {"actor": "ann", "via": "cli"}


def sidecar(store_url: str, folder: Path, **more: object) -> Settings:
    """Settings of a sidecar with its own data directory and reserve key."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    (data / "reserve.key").write_text(KEY.hex())
    given = {"store_url": store_url, "data_dir": data, "otlp_http_port": free_port(), **more}
    return Settings(**given)


def opened(store: Store, name: str = "inc-1", service: str = "svc") -> Incident:
    """An open, confirmed-looking incident."""
    example = Example(trace_id="a" * 32, span_id="b" * 16, timestamp=NOW, value="x", why="y")
    one = Incident(
        name, service, "due_date is a year early", "page", "calendar", "due_date", "year_slip", f"s/{name}",
        NOW - timedelta(days=5), NOW, NOW, None, "open", "job",
        IncidentDetails(release="r1", advice="retrain", examples=[example]),
    )  # fmt: skip
    return tell(store, one, "opened", now=NOW, actor="job", via="job")


def requested(
    store: Store, settings: Settings, name: str = "inc-1", service: str = "svc"
) -> tuple[Retrain, str]:
    """A retrain whose dataset is on the disk and whose request was not told yet, with its token."""
    one = propose(store, settings, opened(store, name, service), now=NOW, actor="job")
    token = callback_token(KEY, one.retrain_id)
    version = f"ds-{one.retrain_id[3:]}"
    folder = settings.data_dir / "datasets" / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.jsonl").write_text("0123456789" * 10)
    (folder / "validation.jsonl").write_text("x")
    (folder / "reserved.jsonl").write_text("never")
    files = [
        {"name": "train.jsonl", "url": f"{settings.told_url}/v1/datasets/{version}/train.jsonl"}
    ]
    given = {
        "retrain_id": one.retrain_id, "service": service, "dataset": {"version": version, "files": files},
        "callback": {"url": f"{settings.told_url}/v1/retrains/{one.retrain_id}/events"},
    }  # fmt: skip
    details = {
        "order": given, "token_sha256": hash_token(token), "requested_at": rfc3339(NOW),
        "heard_at": rfc3339(wall_now()),
    }  # fmt: skip
    one = append(
        store,
        one,
        "requested",
        now=NOW,
        actor="job",
        via="job",
        dataset_version=version,
        details=details,
    )
    return one, token


def told(
    store: Store,
    one: Retrain,
    token: str,
    kind: str,
    name: str = "e1",
    *,
    wall: datetime | None = None,
    **data: object,
) -> Retrain:
    """What the job reports, without the socket."""
    body = json.dumps(event(kind, name, **data)).encode()
    return callback(store, one.retrain_id, token, parse_callback(body), now=NOW, wall=wall)


def event(
    kind: str, name: str = "e1", *, at: datetime | None = None, **data: object
) -> dict[str, object]:
    """A callback's body."""
    moment = {"timestamp": rfc3339(at)} if at else {}
    return {"type": f"retrain.{kind}", "id": name, "data": data, **moment}


def compared(
    store: Store, settings: Settings, name: str = "inc-1", service: str = "svc", **more: object
) -> Retrain:
    """A retrain whose candidate waits for a person."""
    one, token = requested(store, settings, name, service)
    one = told(store, one, token, "finished", **{**CANDIDATE, "release": f"r2-{name}"})
    details = {"comparison": {**BETTER, **more}}
    return append(store, one, "compared", now=NOW, actor="job", via="job", details=details)


@dataclass
class Receiver:
    """Somebody who takes webhooks, as the standardwebhooks package verifies them."""

    secret: str = SECRET
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    """Status and headers of the next answers; then 202."""
    kills: list[int] = field(default_factory=list)
    """Processes that are killed before the next answers."""
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    """Id and body of everything that was verified."""
    refused: int = 0

    async def receive(self, request: Request) -> Response:
        """Verify, keep, and answer as told."""
        body = await request.body()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError as error:
            self.refused += 1
            return PlainTextResponse(str(error), 401)
        self.taken.append((request.headers["webhook-id"], body))
        if self.kills:
            os.kill(self.kills.pop(0), signal.SIGKILL)
        status, headers = self.answers.pop(0) if self.answers else (202, {})
        return PlainTextResponse("as told", status, headers)


@contextmanager
def receiving(secret: str = SECRET) -> Iterator[tuple[Receiver, str]]:
    """A receiver on loopback, with its address."""
    receiver = Receiver(secret)
    with LoopbackServer(
        Starlette(routes=[Route("/hook", receiver.receive, methods=["POST"])])
    ) as server:
        yield receiver, f"{server.url}/hook"


@contextmanager
def desk(settings: Settings) -> Iterator[str]:
    """The callback desk behind a real socket."""
    with LoopbackServer(Starlette(routes=routes(settings))) as server:
        yield server.url


def put(store: Store, logs: list[CallLog], weights: Weights, *, labelled: bool = True) -> None:
    """Write calls as the collector would have, and outcomes as their join would have."""
    names = [
        "timestamp",
        "trace_id",
        "span_id",
        "service",
        "release",
        "operation",
        "input_messages",
        "output_messages",
        "status",
    ]
    rows, scores = [], []
    for number, log in enumerate(logs):
        trace, span = blake2b(log.text.encode(), digest_size=16).hexdigest(), f"{number:016x}"
        output = extract(log.text, weights)
        told, answered = messages("user", log.text), messages("assistant", output)
        rows.append(
            [
                log.at,
                trace,
                span,
                "loan-extractor",
                weights.name,
                "chat",
                told,
                answered,
                "ok",
            ]
        )
        right = float(json.loads(output) == log.truth)
        later = log.at + timedelta(hours=3)
        scores.append(
            [
                later,
                f"o:{trace}",
                "call",
                trace,
                span,
                "loan-extractor",
                "correct",
                "outcome",
                right,
                log.expected,
                "crm",
                later,
            ]
        )
    store.client.insert("calls", rows, column_names=names)
    if labelled:
        columns = [
            "timestamp",
            "score_id",
            "target",
            "trace_id",
            "span_id",
            "service",
            "name",
            "source",
            "value",
            "expected",
            "author",
            "observed_at",
        ]
        store.client.insert("scores", scores, column_names=columns)
