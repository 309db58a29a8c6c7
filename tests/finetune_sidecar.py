"""What the fine-tune job's tests need: a sidecar's two endpoints on loopback, a tiny base model, and signed orders."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.finetune.scratch import Shape, new_model, new_tokenizer, write
from monitor.retrain.bodies import parse_callback

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "olr_of-this-retrain"


def dialogues(count: int, year: int = 2024) -> list[dict[str, Any]]:
    """Questions about days whose answer is the day with its year."""
    return [
        {
            "messages": [
                {
                    "role": "user",
                    "content": f"Call date: {year}-01-02\ndue on January {n % 9 + 1}.",
                },
                {
                    "role": "assistant",
                    "content": json.dumps({"due_date": f"{year}-01-{n % 9 + 1:02d}"}),
                },
            ]
        }
        for n in range(count)
    ]


def as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    """As a chat fine-tune file."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def tiny_base(folder: Path) -> Path:
    """A model folder of some 50,000 random weights."""
    texts = [message["content"] for one in dialogues(28) for message in one["messages"]]
    tokenizer = new_tokenizer(texts, vocabulary=300, whole=['{"due_date": "', '"}'])
    shape = Shape(hidden=48, layers=1, heads=2, vocabulary=300, context=128)
    write(new_model(shape, tokenizer, seed=1), folder)
    return folder


@dataclass
class FinetuneSidecar:
    """Serves dataset files and takes callbacks, as `monitor.retrain.http` does, and lets them go wrong."""

    files: dict[str, bytes] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Every callback's body, in order; repeated ones too."""
    busy: int = 0
    """So many next requests get a 503."""

    def app(self) -> Starlette:
        """The two endpoints."""
        return Starlette(
            routes=[
                Route("/v1/retrains/{retrain_id}/events", self._event, methods=["POST"]),
                Route("/v1/datasets/{version}/{name}", self._file),
            ]
        )

    async def _event(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        body = await request.body()
        parse_callback(body)  # the product's own reading of it: a wrong body is a 500 here
        self.events.append(json.loads(body))
        return JSONResponse({"state": "training"})

    async def _file(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        name = request.path_params["name"]
        if name not in self.files:
            return JSONResponse({"error": "there is no such file"}, 404)
        return Response(self.files[name], media_type="application/jsonl")

    def _refusal(self, request: Request) -> Response | None:
        if self.busy:
            self.busy -= 1
            return JSONResponse({"error": "busy"}, 503)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "whose token is that?"}, 401)
        return None

    def order(self, base_url: str, retrain_id: str, **settings: Any) -> dict[str, Any]:
        """A request to train on the files as they are now."""
        files = [
            {
                "name": name, "split": name.removesuffix(".jsonl"), "rows": content.count(b"\n"),
                "url": f"{base_url}/v1/datasets/ds-1/{name}", "size_bytes": len(content),
                "sha256": sha256(content).hexdigest(),
            }
            for name, content in self.files.items()
        ]  # fmt: skip
        data = {
            "retrain_id": retrain_id, "reason": "the year turned", "base_release": "extractor-2023",
            "dataset": {"version": "ds-1", "format": "openai-chat-jsonl", "files": files},
            "fetch": {"method": "GET", "headers": {"authorization": f"Bearer {TOKEN}"}},
            "suggested_settings": settings,
            "callback": {"url": f"{base_url}/v1/retrains/{retrain_id}/events", "token": TOKEN},
        }  # fmt: skip
        return {"type": "retrain.requested", "timestamp": "2024-01-05T00:00:00Z", "data": data}

    def wait(self, event: str, *, timeout_s: float = 60) -> dict[str, Any]:
        """The first `retrain.<event>` once it has come; a `failed` nobody waits for fails the test."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for one in list(self.events):
                if one["type"] == f"retrain.{event}":
                    return dict(one["data"])
                assert one["type"] != "retrain.failed", one
            time.sleep(0.02)
        raise AssertionError(f"no retrain.{event} within {timeout_s} s, only {self.events}")


def signed(
    order: dict[str, Any], *, secret: str = SECRET, at: datetime | None = None
) -> tuple[bytes, dict[str, str]]:
    """Body and Standard Webhooks headers of a delivery."""
    body, moment = json.dumps(order), at or datetime.now(UTC)
    identity = f"msg_{order['data']['retrain_id']}"
    return body.encode(), {
        "webhook-id": identity,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(identity, moment, body),
    }
