"""Calls of an extractor with outcomes, a retrain whose candidate is ready, and that candidate's endpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from traffic import messages

from monitor.incidents import Incident, IncidentDetails, tell
from monitor.retrain.state import Retrain, append
from monitor.store import Store

SERVICE, BASE, CANDIDATE = "loan-extractor", "extractor-2023-11", "extractor-2024-01"
TURN = datetime(2024, 1, 1, tzinfo=UTC)
FINISHED = datetime(2024, 1, 10, tzinfo=UTC)
NOW = datetime(2024, 1, 12, tzinfo=UTC)


@dataclass
class Candidate:
    """An OpenAI-compatible endpoint; by its model's name it is good, shaky, prose, down-N, slow, fat or same."""

    requests: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)
    base_url: str = ""

    def answer(self, model: str, question: str) -> tuple[int, str | None]:
        """Status and content."""
        with self.lock:
            self.requests.append(question)
            asked = len(self.requests)
        day = question.split("due ", 1)[1][:5]
        right = json.dumps(
            {"due_date": f"{question[:4]}-{day}", "payer": "Zoë 日本"}, ensure_ascii=False
        )
        if model.startswith("down-") and asked > int(model.partition("-")[2]):
            return 503, None
        if model == "slow":
            time.sleep(0.5)
        said = {
            "prose": f"Certainly! {right}", "fat": "x" * 200_000, "same": right.replace("2024-", "2023-"),
            "wrong": "{}", "shaky": right.replace("Zoë", "Zoe") if day.endswith("7") else right,
        }.get(model, right)  # fmt: skip
        return 200, said


@contextmanager
def candidate_endpoint() -> Iterator[Candidate]:
    """The candidate, listening."""
    candidate = Candidate()

    class Desk(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, said = candidate.answer(body["model"], body["messages"][-1]["content"])
            reply = {
                "id": "1", "object": "chat.completion", "created": 0, "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
                "usage": {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70},
            }  # fmt: skip
            payload = json.dumps(
                reply if status == 200 else {"error": {"message": "gone"}}
            ).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        candidate.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        yield candidate
        server.shutdown()
        thread.join()


def put_calls(
    store: Store,
    n: int,
    *,
    start: datetime,
    step: timedelta = timedelta(minutes=10),
    release: str = BASE,
    wrong_every: int = 0,
    failed_every: int = 0,
    labelled: bool = True,
    prefix: str = "call",
    fields: tuple[str, ...] = ("due_date", "payer"),
) -> None:
    """Write calls and their outcomes as the collector and the join would have.

    Args:
        store: where.
        n: how many.
        start: of the first.
        step: from each to the next.
        release: who answered.
        wrong_every: each so-manieth call has last year's date.
        failed_every: each so-manieth call ended in an error.
        labelled: whether outcomes came.
        prefix: of the trace ids and texts.
        fields: that the outcome knows.
    """
    calls, scores = [], []
    for number in range(n):
        at = start + step * number
        trace, span = (
            blake2b(f"{prefix}{number}".encode(), digest_size=16).hexdigest(),
            f"{number:016x}",
        )
        day = f"{at.month:02}-{15 + number % 10}"
        text = f"{at.year}: payment due {day}, ref {prefix} {number}"
        right = {"due_date": f"{at.year}-{day}", "payer": "Zoë 日本"}
        wrong = bool(wrong_every) and number % wrong_every == 0
        said = {**right, "due_date": f"{at.year - 1}-{day}"} if wrong else right
        status = "error" if failed_every and number % failed_every == 0 else "ok"
        calls.append([
            at, trace, span, SERVICE, release, "chat", "extractor", messages("user", text),
            messages("assistant", json.dumps(said, ensure_ascii=False)), status, 40.0, 60, 20,
            {"tenant": "acme" if number % 3 else "zeta"},
        ])  # fmt: skip
        label = json.dumps({name: right[name] for name in fields}, ensure_ascii=False)
        later = at + timedelta(hours=3)
        scores.append([
            later, f"o:{trace}", "call", trace, span, SERVICE, "correct", "outcome", float(not wrong),
            label, "crm", later,
        ])  # fmt: skip
    store.client.insert(
        "calls", calls,
        column_names=[
            "timestamp", "trace_id", "span_id", "service", "release", "operation", "request_model",
            "input_messages", "output_messages", "status", "duration_ms", "input_tokens",
            "output_tokens", "tags",
        ],
    )  # fmt: skip
    if labelled:
        store.client.insert(
            "scores", scores,
            column_names=[
                "timestamp", "score_id", "target", "trace_id", "span_id", "service", "name", "source",
                "value", "expected", "author", "observed_at",
            ],
        )  # fmt: skip


def ready(store: Store, endpoint: str, model: str = "good", *, state: str = "finished") -> Retrain:
    """A retrain whose candidate is ready, for an incident of January."""
    details = IncidentDetails(release=BASE, advice="retrain on 2024 examples")
    fresh = Incident(
        "inc-1", SERVICE, "due_date is a year early", "page", "calendar", "due_date", "year_slip", "s",
        TURN, NOW, NOW, None, "open", "job", details,
    )  # fmt: skip
    tell(store, fresh, "opened", now=FINISHED, actor="job", via="job")
    one = Retrain(
        retrain_id="rt-1", incident_id="inc-1", service=SERVICE, state="proposed", base_release=BASE,
        candidate_release=CANDIDATE, dataset_version="ds-1", proposed_at=FINISHED,
        updated_at=FINISHED - timedelta(hours=1), delivered=False, trouble="", details={}, history=(),
    )  # fmt: skip
    lives: dict[str, dict[str, object]] = {
        "proposed": {},
        "requested": {"dataset": {"since": (TURN - timedelta(days=30)).isoformat()}},
        "started": {},
        "finished": {"candidate": {"endpoint": endpoint, "model": model, "release": CANDIDATE}},
        "compared": {"comparison": {"advice": "better", "n": 100}},
    }
    for event, told in lives.items():
        one = append(store, one, event, now=FINISHED, actor="job", via="job", details=told)
        if event == state:
            break
    return one
