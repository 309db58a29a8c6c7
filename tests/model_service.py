"""A loopback service that speaks OpenAI's protocol and keeps books: what it was asked and counted.

The model's name says how it behaves, so that a test reads as what happens:

    fail-429           refuses every request with that status
    flaky-2            refuses two requests with 429, then answers
    hang               answers after a second
    drop               closes the connection without an answer
    cut                closes the connection in the middle of the stream
    breaks             sends an error in the middle of the stream
    slow               waits a little before every chunk after the second
    old                refuses `stream_options`, as servers did before it existed
    mute               never tells its usage
    refuses            declines to answer
    speaks             answers with sound

Everything else answers. Tokens are made up from the lengths of what is asked and said, so that no
two requests of a test need have the same; `served` holds what the service would bill.
"""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

__all__ = ["ModelService", "Served", "listening", "serving"]

WORDS = ("It ", "is ", "due ", "on ", "5 ", "January.")
TOOL_CALLS = (
    {"id": "call_1", "name": "add", "arguments": ('{"a"', ":1}")},
    {"id": "call_2", "name": "due", "arguments": ('{"day"', ':"5"}')},
)
DIMENSIONS = 8


@dataclass
class Served:
    """One answer, as the service would bill it."""

    response_id: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int


@dataclass
class ModelService:
    """What was asked of it, and what it counted."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    served: dict[str, Served] = field(default_factory=dict)
    """By response id."""
    attempts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, path: str, request: dict[str, Any], said: str) -> Served:
        """Count one answer."""
        with self.lock:
            number = len(self.served) + 1
            asked = len(json.dumps(request.get("messages") or request.get("input") or ""))
            entry = Served(
                f"{'resp' if 'responses' in path else 'cmpl'}_{number}",
                asked + number, asked // 2, 0 if "embeddings" in path else len(said) + number,
                number % 3,
            )  # fmt: skip
            self.served[entry.response_id] = entry
            return entry


def chat_usage(served: Served) -> dict[str, Any]:
    """As chat completions tell it."""
    return {
        "prompt_tokens": served.input_tokens,
        "completion_tokens": served.output_tokens,
        "total_tokens": served.input_tokens + served.output_tokens,
        "prompt_tokens_details": {"cached_tokens": served.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": served.reasoning_tokens},
    }


def responses_usage(served: Served) -> dict[str, Any]:
    """As responses tell it."""
    return {
        "input_tokens": served.input_tokens,
        "output_tokens": served.output_tokens,
        "total_tokens": served.input_tokens + served.output_tokens,
        "input_tokens_details": {"cached_tokens": served.cached_tokens},
        "output_tokens_details": {"reasoning_tokens": served.reasoning_tokens},
    }


def message(request: dict[str, Any]) -> dict[str, Any]:
    """A whole chat message."""
    if request["model"] == "refuses":
        return {"role": "assistant", "content": None, "refusal": "I would rather not."}
    if request["model"] == "speaks":
        sound = {"id": "audio_1", "data": "A" * 4000, "transcript": "Hello", "expires_at": 1}
        return {"role": "assistant", "content": None, "audio": sound}
    if request.get("tools"):
        calls = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": "".join(call["arguments"])},
            }
            for call in TOOL_CALLS
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    if (request.get("response_format") or {}).get("type") == "json_schema":
        return {"role": "assistant", "content": '{"due":"2024-01-05"}'}
    return {"role": "assistant", "content": "".join(WORDS)}


def completion(service: ModelService, request: dict[str, Any]) -> dict[str, Any]:
    """A whole chat completion."""
    count = request.get("n") or 1
    served = service.serve("chat", request, "".join(WORDS) * count)
    said = message(request)
    reason = "tool_calls" if said.get("tool_calls") else "stop"
    whole = {
        "id": served.response_id, "object": "chat.completion", "created": 1,
        "model": f"{request['model']}-2025", "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": [
            {"index": n, "message": said, "finish_reason": reason} for n in range(count)
        ],
    }  # fmt: skip
    if request["model"] != "mute":
        whole["usage"] = chat_usage(served)
    return whole


def chat_chunks(service: ModelService, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same in pieces; usage only where it was asked for."""
    served = service.serve("chat", request, "".join(WORDS))
    asked = (request.get("stream_options") or {}).get("include_usage")
    head = {
        "id": served.response_id, "object": "chat.completion.chunk", "created": 1,
        "model": f"{request['model']}-2025",
    } | ({"usage": None} if asked else {})  # fmt: skip
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    reason = "stop"
    if request.get("tools"):
        reason = "tool_calls"
        for index, call in enumerate(TOOL_CALLS):
            function = {"name": call["name"], "arguments": ""}
            first = {"index": index, "id": call["id"], "type": "function", "function": function}
            deltas.append({"tool_calls": [first]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
                for piece in call["arguments"]
            ]
    else:
        deltas += [{"content": word} for word in WORDS]
    for n in range(request.get("n") or 1):
        for delta in deltas:
            yield {**head, "choices": [{"index": n, "delta": delta, "finish_reason": None}]}
        yield {**head, "choices": [{"index": n, "delta": {}, "finish_reason": reason}]}
    if asked and request["model"] != "mute":
        yield {**head, "choices": [], "usage": chat_usage(served)}


def items(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The output of a response."""
    thought = {
        "type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
    }  # fmt: skip
    if request.get("tools"):
        calls = [
            {
                "type": "function_call", "id": f"fc_{n}", "call_id": call["id"], "status": "completed",
                "name": call["name"], "arguments": "".join(call["arguments"]),
            }
            for n, call in enumerate(TOOL_CALLS)
        ]  # fmt: skip
        return [thought, *calls]
    form = (request.get("text") or {}).get("format") or {}
    text = '{"due":"2024-01-05"}' if form.get("type") == "json_schema" else "".join(WORDS)
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    if request["model"] == "refuses":
        part = {"type": "refusal", "refusal": "I would rather not."}
    said = {
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [part],
    }  # fmt: skip
    return [thought, said]


def response(served: Served, request: dict[str, Any], status: str) -> dict[str, Any]:
    """A response object, begun or complete."""
    done = status == "completed"
    return {
        "id": served.response_id, "object": "response", "created_at": 1, "status": status,
        "model": f"{request['model']}-2025", "output": items(request) if done else [],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": request.get("tools") or [],
        "error": None, "incomplete_details": None, "instructions": None,
        "usage": responses_usage(served) if done else None,
        "conversation": {"id": request["conversation"]} if request.get("conversation") else None,
    }  # fmt: skip


def response_events(service: ModelService, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A response as a stream of events."""
    served = service.serve("responses", request, "".join(WORDS))
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(served, request, "in_progress")}
    ]
    for place, item in enumerate(items(request)):
        about = {"output_index": place, "item_id": item["id"]}
        begun = {**item, "content": []} if "content" in item else {**item, "arguments": ""}
        events.append({"type": "response.output_item.added", **about, "item": begun})
        if item["type"] == "message":
            empty = {"type": "output_text", "text": "", "annotations": []}
            events.append(
                {"type": "response.content_part.added", "content_index": 0, "part": empty, **about}
            )
            events += [
                {"type": "response.output_text.delta", "content_index": 0, "delta": word,
                 "logprobs": [], **about}
                for word in WORDS
            ]  # fmt: skip
        elif item["type"] == "function_call":
            events.append(
                {
                    "type": "response.function_call_arguments.delta",
                    "delta": item["arguments"],
                    **about,
                }
            )
        events.append({"type": "response.output_item.done", **about, "item": item})
    if request["model"] == "fails-late":
        failed = response(served, request, "failed")
        failed["error"] = {"code": "server_error", "message": "the model stumbled"}
        events.append({"type": "response.failed", "response": failed})
    else:
        events.append(
            {"type": "response.completed", "response": response(served, request, "completed")}
        )
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def embeddings(service: ModelService, request: dict[str, Any]) -> dict[str, Any]:
    """Vectors, as numbers or in base64."""
    texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
    served = service.serve("embeddings", request, "")
    vector: Any = [0.5] * (request.get("dimensions") or DIMENSIONS)
    if request.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return {
        "object": "list", "model": request["model"],
        "data": [
            {"object": "embedding", "index": n, "embedding": vector} for n in range(len(texts))
        ],
        "usage": {"prompt_tokens": served.input_tokens, "total_tokens": served.input_tokens},
    }  # fmt: skip


def text_completion(service: ModelService, request: dict[str, Any]) -> dict[str, Any]:
    """A legacy completion."""
    served = service.serve("completions", request, "".join(WORDS))
    choice = {"index": 0, "text": "".join(WORDS), "finish_reason": "stop", "logprobs": None}
    return {
        "id": served.response_id, "object": "text_completion", "created": 1,
        "model": request["model"], "choices": [choice], "usage": chat_usage(served),
    }  # fmt: skip


def text_chunks(service: ModelService, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A legacy completion in pieces."""
    whole = text_completion(service, request)
    usage = whole.pop("usage")
    for word in WORDS:
        choice = {"index": 0, "text": word, "finish_reason": None, "logprobs": None}
        yield {**whole, "choices": [choice]}
    yield {**whole, "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}
    if (request.get("stream_options") or {}).get("include_usage"):
        yield {**whole, "choices": [], "usage": usage}


WHOLE = {
    "/chat/completions": completion,
    "/embeddings": embeddings,
    "/completions": text_completion,
    "/responses": lambda service, request: response(
        service.serve("responses", request, "".join(WORDS)), request, "completed"
    ),
}
PIECES = {
    "/chat/completions": chat_chunks,
    "/completions": text_chunks,
    "/responses": response_events,
}


class Answer(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    service: ModelService

    def do_POST(self) -> None:
        """Answer as the model's name says."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.service.lock:
            self.service.requests.append(request)
            self.service.headers.append({k.lower(): v for k, v in self.headers.items()})
            self.service.attempts[request["model"]] += 1
            attempt = self.service.attempts[request["model"]]
        name = request["model"]
        if name == "hang":
            time.sleep(1)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if name.startswith("fail-"):
                self._refuse(int(name.removeprefix("fail-")), "no")
            elif name.startswith("flaky-") and attempt <= int(name.removeprefix("flaky-")):
                self._refuse(429, "slow down")
            elif name == "old" and "stream_options" in request:
                self._refuse(400, "Unrecognized request argument supplied: stream_options")
            elif name == "drop":
                self.close_connection = True
            elif request.get("stream"):
                self._stream(request)
            else:
                self._json(200, WHOLE[self._api()](self.service, request))

    def _api(self) -> str:
        """Behind whatever prefix: Azure puts the deployment in front."""
        path = self.path.split("?")[0]
        return next(ending for ending in WHOLE if path.endswith(ending))

    def _refuse(self, status: int, why: str) -> None:
        self._json(status, {"error": {"message": why, "type": "x", "code": "y"}})

    def _json(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, request: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, chunk in enumerate(PIECES[self._api()](self.service, request)):
            if number == 3 and request["model"] == "cut":
                self.close_connection = True
                return
            if number == 3 and request["model"] == "breaks":
                self._piece(b'data: {"error": {"message": "overloaded"}}\n\n')
                break
            if number > 2 and request["model"] == "slow":
                time.sleep(0.2)
            event = f"event: {chunk['type']}\n" if "type" in chunk else ""
            self._piece(f"{event}data: {json.dumps(chunk)}\n\n".encode())
        if "responses" not in self.path:
            self._piece(b"data: [DONE]\n\n")
        self._piece(b"")

    def _piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *said: Any) -> None:
        """Quiet."""


class Quiet(ThreadingHTTPServer):
    """Does not complain of clients that go away."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *about: Any) -> None:
        """Nothing: it is what the tests are about."""


@contextlib.contextmanager
def listening() -> Iterator[ModelService]:
    """The service, on a port of its own."""
    service = ModelService()
    server = Quiet(("127.0.0.1", 0), type("Bound", (Answer,), {"service": service}))
    service.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield service
    server.shutdown()
    server.server_close()


@pytest.fixture(name="service")
def serving() -> Iterator[ModelService]:
    """A service that answers as the model's name says."""
    with listening() as service:
        yield service
