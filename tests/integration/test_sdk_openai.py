"""`wrap` with the real OpenAI client against a loopback server that speaks the real protocol."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel
from sdk_sink import Sink, SinkSpan, delivered

import monitor

pytestmark = pytest.mark.integration

USAGE = {
    "prompt_tokens": 29, "completion_tokens": 17, "total_tokens": 46,
    "prompt_tokens_details": {"cached_tokens": 8},
    "completion_tokens_details": {"reasoning_tokens": 5},
}  # fmt: skip
TOOL_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a":1}'},
}
ASK: dict[str, Any] = {
    "model": "gpt-5-mini",
    "messages": [{"role": "user", "content": "When is it due?"}],
}


@dataclass
class Model:
    """A stand-in for an OpenAI-compatible service."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)


def completion(request: dict[str, Any]) -> dict[str, Any]:
    """A whole answer: a tool call where tools are offered, else as many texts as asked for."""
    message: dict[str, Any] = {"role": "assistant", "content": '{"due":"2024-01-05"}'}
    if request.get("tools"):
        message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    reason = "tool_calls" if request.get("tools") else "stop"
    choices = [
        {"index": n, "message": message, "finish_reason": reason}
        for n in range(request.get("n") or 1)
    ]
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1,
        "model": "gpt-5-mini-2025-08-07",
        "choices": choices, "usage": USAGE,
    }  # fmt: skip


def chunks(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same answer in pieces; usage only where it was asked for."""
    head = {
        "id": "chatcmpl-2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-5-mini-2025-08-07",
    }
    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    if request.get("tools"):
        function = {"name": "add", "arguments": ""}
        pieces.append(
            {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}
        )
        pieces += [
            {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
            for text in ('{"a"', ":1}")
        ]
    else:
        pieces += [{"content": text} for text in ("Hel", "lo ", "you")]
    for delta in pieces:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if (request.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": USAGE}


class Service(BaseHTTPRequestHandler):
    """Answers by what the request asks for; the model's name chooses the errors."""

    protocol_version = "HTTP/1.1"
    model: Model

    def do_POST(self) -> None:
        """Answer one request."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.model.requests.append(request)
        name = request["model"]
        if name.startswith("fail-"):
            self._json(
                int(name.removeprefix("fail-")),
                {"error": {"message": "no", "type": "x", "code": "y"}},
            )
        elif name == "drop":
            self.close_connection = True
        elif request.get("stream"):
            self._stream(request)
        else:
            self._json(200, completion(request))

    def _json(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, request: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for number, chunk in enumerate(chunks(request)):
            if request["model"] == "break" and number == 2:
                self.wfile.write(b'data: {"error": {"message": "overloaded"}}\n\n')
                return
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *said: Any) -> None:
        """Quiet."""


@pytest.fixture
def model() -> Iterator[Model]:
    """The service, listening."""
    model = Model()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Service,), {"model": model}))
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield model
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(model: Model) -> Iterator[OpenAI]:
    """A wrapped client."""
    with OpenAI(base_url=model.url, api_key="k", max_retries=0) as client:
        yield monitor.wrap(client)


@pytest.fixture
async def async_client(model: Model) -> Any:
    """A wrapped asynchronous client."""
    async with AsyncOpenAI(base_url=model.url, api_key="k", max_retries=0) as client:
        yield monitor.wrap(client)


def output(span: SinkSpan) -> Any:
    """The output messages of a span."""
    return json.loads(span.attributes["gen_ai.output.messages"])


def test_plain_call(sdk: Sink, client: OpenAI, model: Model) -> None:
    """Request, answer, usage and service are written; the reply is the client's own."""
    reply = client.chat.completions.create(
        **ASK, temperature=0.2, max_completion_tokens=64, seed=1, stop=["x"]
    )
    assert type(reply) is openai.types.chat.ChatCompletion
    assert isinstance(client, OpenAI)
    (span,) = delivered(sdk, 1)
    assert (span.name, span.kind, span.status) == ("chat gpt-5-mini", 3, 1)
    wanted = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.response.model": "gpt-5-mini-2025-08-07", "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.request.temperature": 0.2, "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 1,
        "gen_ai.request.stop_sequences": ["x"], "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 29, "gen_ai.usage.output_tokens": 17,
        "gen_ai.usage.cache_read.input_tokens": 8, "gen_ai.usage.reasoning.output_tokens": 5,
        "server.address": "127.0.0.1", "server.port": int(model.url.split(":")[2].split("/")[0]),
    }  # fmt: skip
    assert wanted.items() <= span.attributes.items()
    said = json.loads(span.attributes["gen_ai.input.messages"])
    assert said == [{"role": "user", "parts": [{"type": "text", "content": "When is it due?"}]}]
    parts = [{"type": "text", "content": '{"due":"2024-01-05"}'}]
    assert output(span) == [{"role": "assistant", "parts": parts, "finish_reason": "stop"}]
    assert monitor.last_call() == monitor.Place(span.trace_id, span.span_id)


def test_several_choices(sdk: Sink, client: OpenAI) -> None:
    """Two choices give two output messages and two finish reasons."""
    client.chat.completions.create(**ASK, n=2)
    (span,) = delivered(sdk, 1)
    assert span.attributes["gen_ai.request.choice.count"] == 2
    assert span.attributes["gen_ai.response.finish_reasons"] == ["stop", "stop"]
    assert len(output(span)) == 2


TOOLS: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize("stream", [False, True])
def test_tools_and_history(sdk: Sink, client: OpenAI, stream: bool) -> None:
    """Tool definitions, calls, and a history with calls, replies and pictures are parts."""
    messages: Any = [
        {"role": "developer", "content": "Be brief"},
        {"role": "user", "content": [
            {"type": "text", "text": "add"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 900}},
        ]},
        {"role": "assistant", "tool_calls": [TOOL_CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "3"},
    ]  # fmt: skip
    reply: Any = client.chat.completions.create(
        model="m", messages=messages, tools=TOOLS, stream=stream
    )
    if stream:
        list(reply)
    (span,) = delivered(sdk, 1)
    call = {"type": "tool_call", "id": "call_1", "name": "add", "arguments": {"a": 1}}
    system, user, assistant, tool = json.loads(span.attributes["gen_ai.input.messages"])
    assert system["role"] == "system"
    assert user["parts"][1] == {
        "type": "uri",
        "modality": "image",
        "uri": "data:image/png;base64,<922 characters>",
    }
    assert assistant["parts"] == [call]
    assert tool["parts"] == [{"type": "tool_call_response", "id": "call_1", "response": "3"}]
    assert output(span)[0]["parts"] == [call]
    definitions = json.loads(span.attributes["gen_ai.tool.definitions"])
    assert definitions == [{"type": "function", "name": "add", "parameters": {"type": "object"}}]


@pytest.mark.parametrize("usage", [False, True])
def test_stream(sdk: Sink, client: OpenAI, model: Model, usage: bool) -> None:
    """Chunks pass unchanged through what is still a Stream; the usage we ask for is not shown."""
    extra: Any = {"stream_options": {"include_usage": True}} if usage else {}
    with client.chat.completions.create(**ASK, stream=True, **extra) as stream:
        assert isinstance(stream, openai.Stream)
        assert stream.response.status_code == 200
        seen = list(stream)
    texts = [chunk.choices[0].delta.content for chunk in seen if chunk.choices]
    assert texts == ["", "Hel", "lo ", "you", None]
    assert len(seen) == (6 if usage else 5)
    assert model.requests[0]["stream_options"] == {"include_usage": True}
    (span,) = delivered(sdk, 1)
    assert output(span)[0]["parts"] == [{"type": "text", "content": "Hello you"}]
    assert span.attributes["gen_ai.request.stream"] is True
    assert 0 < span.attributes["gen_ai.response.time_to_first_chunk"] < 5
    assert span.attributes["gen_ai.usage.input_tokens"] == 29
    assert "outerloop.usage.estimated" not in span.attributes
    assert "outerloop.abandoned" not in span.attributes


@pytest.mark.parametrize("how", ["close", "exit", "drop"])
def test_abandoned_stream(sdk: Sink, client: OpenAI, how: str) -> None:
    """A stream closed, left or forgotten after three chunks is recorded as far as it went."""
    stream = client.chat.completions.create(**ASK, stream=True)
    for _ in range(3):
        next(stream)
    if how == "close":
        stream.close()
    elif how == "exit":
        with stream:
            pass
    del stream
    gc.collect()
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.abandoned"] is True
    assert span.status == 0
    assert output(span)[0]["parts"] == [{"type": "text", "content": "Hello "}]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fail-429", openai.RateLimitError),
        ("fail-500", openai.InternalServerError),
        ("drop", openai.APIConnectionError),
    ],
)
def test_errors_are_raised_and_recorded(
    sdk: Sink, client: OpenAI, name: str, kind: type[Exception]
) -> None:
    """The client's own exception comes out; the span carries its type."""
    with pytest.raises(kind):
        client.chat.completions.create(**{**ASK, "model": name})
    (span,) = delivered(sdk, 1)
    assert (span.status, span.attributes["error.type"]) == (2, kind.__name__)
    assert "gen_ai.input.messages" in span.attributes


def test_stream_that_breaks(sdk: Sink, client: OpenAI) -> None:
    """An error in the middle of a stream is recorded with what came before it."""
    stream = client.chat.completions.create(**{**ASK, "model": "break"}, stream=True)
    with pytest.raises(openai.APIError, match="overloaded"):
        list(stream)
    (span,) = delivered(sdk, 1)
    assert (span.status, span.attributes["error.type"]) == (2, "APIError")
    assert output(span)[0]["parts"] == [{"type": "text", "content": "Hel"}]


async def test_async_client(sdk: Sink, async_client: AsyncOpenAI) -> None:
    """Plain, streamed, abandoned and failed asynchronous calls, under an observed coroutine."""

    @monitor.observe
    async def ask() -> str:
        await async_client.chat.completions.create(**ASK)
        stream = await async_client.chat.completions.create(**ASK, stream=True)
        assert isinstance(stream, openai.AsyncStream)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        async with await async_client.chat.completions.create(**ASK, stream=True) as left:
            await anext(left)
            assert left.response.status_code == 200
        with pytest.raises(openai.RateLimitError):
            await async_client.chat.completions.create(**{**ASK, "model": "fail-429"})
        return text

    assert await ask() == "Hello you"
    root, plain, streamed, left, failed = delivered(sdk, 5)
    assert {span.parent_id for span in (plain, streamed, left, failed)} == {root.span_id}
    assert output(streamed)[0]["parts"][0]["content"] == "Hello you"
    assert left.attributes["outerloop.abandoned"] is True
    assert failed.attributes["error.type"] == "RateLimitError"


def test_raw_responses_pass_untouched(sdk: Sink, client: OpenAI) -> None:
    """Raw replies are the client's own objects, and what their body says is recorded."""
    raw = client.chat.completions.with_raw_response.create(**ASK)
    assert raw.status_code == 200
    assert raw.parse().id == "chatcmpl-1"
    with client.chat.completions.with_streaming_response.create(**ASK) as response:
        assert json.loads(b"".join(response.iter_bytes()))["id"] == "chatcmpl-1"
    first, second = delivered(sdk, 2)
    assert first.attributes["gen_ai.usage.output_tokens"] == 17
    assert output(first)[0]["finish_reason"] == "stop"
    assert second.attributes["gen_ai.response.id"] == "chatcmpl-1"
    assert output(second) == output(first)


def test_parse_and_the_stream_helper(sdk: Sink, client: OpenAI) -> None:
    """Structured outputs and the client's own stream helper work and are recorded once each."""

    class Due(BaseModel):
        due: str

    parsed = client.chat.completions.parse(**ASK, response_format=Due)
    assert parsed.choices[0].message.parsed == Due(due="2024-01-05")
    with client.chat.completions.stream(**ASK) as stream:
        assert stream.get_final_completion().choices[0].message.content == "Hello you"
    first, second = delivered(sdk, 2)
    assert first.attributes["gen_ai.output.type"] == "json"
    assert output(second)[0]["parts"][0]["content"] == "Hello you"


def test_wrapping_twice_and_derived_clients(sdk: Sink, client: OpenAI) -> None:
    """Twice wrapped is recorded once; a client made by `with_options` is recorded too."""
    monitor.wrap(client).chat.completions.create(**ASK)
    client.with_options(timeout=5).chat.completions.create(**ASK)
    delivered(sdk, 2)


def test_azure_is_told_by_its_address(sdk: Sink) -> None:
    """The provider follows from the base URL; something that is no client comes back as it is."""
    from monitor.sdk.service import service_at

    azure = AzureOpenAI(
        azure_endpoint="https://x.openai.azure.com", api_key="k", api_version="2024-10-21"
    )
    service = service_at(str(monitor.wrap(azure).base_url))
    assert (service.provider, service.address, service.port) == (
        "azure.ai.openai",
        "x.openai.azure.com",
        443,
    )
    azure.close()
    assert monitor.wrap(7) == 7


def test_nothing_is_kept_of_the_content_without_capture(sink: Sink, model: Model) -> None:
    """`init(capture=False)` leaves tokens and times, and no messages."""
    monitor.init(endpoint=sink.url, capture=False)
    with OpenAI(base_url=model.url, api_key="k") as client:
        monitor.wrap(client).chat.completions.create(**ASK)
    (span,) = delivered(sink, 1)
    assert not [name for name in span.attributes if name.endswith("messages")]
    assert span.attributes["gen_ai.usage.input_tokens"] == 29
    monitor.shutdown()


def test_without_init_a_wrapped_client_just_works(client: OpenAI) -> None:
    """Nothing is recorded and nothing is in the way."""
    assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
    assert len(list(client.chat.completions.create(**ASK, stream=True))) == 5
