"""`wrap` over the whole protocol: every API, raw and helped, cut, refused, retried and dropped."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from model_service import DIMENSIONS, WORDS, ModelService, serving  # noqa: F401 - a fixture
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from pydantic import BaseModel
from sdk_sink import Sink, SinkSpan, delivered

import monitor

pytestmark = pytest.mark.integration

ASK: Any = {"messages": [{"role": "user", "content": "When is it due?"}]}
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("add", "due")
]
TEXT = "".join(WORDS)


class Due(BaseModel):
    """A structured answer."""

    due: str


@pytest.fixture
def client(service: ModelService) -> Iterator[OpenAI]:
    """A wrapped client that does not try again."""
    with OpenAI(base_url=service.url, api_key="k", max_retries=0) as client:
        yield monitor.wrap(client)


@pytest.fixture
async def async_client(service: ModelService) -> Any:
    """A wrapped asynchronous client that does not try again."""
    async with AsyncOpenAI(base_url=service.url, api_key="k", max_retries=0) as client:
        yield monitor.wrap(client)


def parts(span: SinkSpan) -> list[dict[str, Any]]:
    """Parts of the first output message."""
    found: list[dict[str, Any]] = json.loads(span.attributes["gen_ai.output.messages"])[0]["parts"]
    return found


def usage(span: SinkSpan) -> tuple[int, int, int, int]:
    """Input, cached, output and reasoning tokens."""
    names = ("input_tokens", "cache_read.input_tokens", "output_tokens", "reasoning.output_tokens")
    return tuple(span.attributes[f"gen_ai.usage.{name}"] for name in names)  # type: ignore[return-value]


def billed(service: ModelService, span: SinkSpan) -> tuple[int, int, int, int]:
    """The same by the service's own books."""
    entry = service.served[span.attributes["gen_ai.response.id"]]
    return entry.input_tokens, entry.cached_tokens, entry.output_tokens, entry.reasoning_tokens


def test_response_whole(sdk: Sink, client: OpenAI, service: ModelService) -> None:
    """A response's instructions, reasoning, text, usage and conversation are written down."""
    reply = client.responses.create(
        model="m", input="When?", instructions="Be brief", conversation="conv_1",
        reasoning={"effort": "low"}, max_output_tokens=50,
    )  # fmt: skip
    assert reply.output_text == TEXT
    (span,) = delivered(sdk, 1)
    assert usage(span) == billed(service, span)
    wanted = {
        "gen_ai.operation.name": "chat", "openai.api.type": "responses",
        "gen_ai.conversation.id": "conv_1", "gen_ai.response.status": "completed",
        "gen_ai.response.finish_reasons": ["stop"], "gen_ai.request.max_tokens": 50,
        "gen_ai.request.reasoning.level": "low",
    }  # fmt: skip
    assert wanted.items() <= span.attributes.items()
    assert json.loads(span.attributes["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief"}
    ]
    said = json.loads(span.attributes["gen_ai.input.messages"])
    assert said == [{"role": "user", "parts": [{"type": "text", "content": "When?"}]}]
    reasoning = {"type": "reasoning", "content": "Hm."}
    assert parts(span) == [reasoning, {"type": "text", "content": TEXT}]


@pytest.mark.parametrize("stream", [False, True])
def test_response_with_tools_and_history(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
    stream: bool,
) -> None:
    """Calls asked for, calls answered and pictures stand in the conventions' parts."""
    given: Any = [
        {"role": "user", "content": [
            {"type": "input_text", "text": "add"},
            {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 900},
            {"type": "input_file", "file_data": "A" * 4000, "filename": "a.pdf"},
        ]},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c", "output": "3"},
    ]  # fmt: skip
    tools: Any = [{"type": "function", "name": "add", "parameters": {}, "strict": False}]
    reply: Any = client.responses.create(model="m", input=given, tools=tools, stream=stream)
    if stream:
        assert isinstance(reply, openai.Stream)
        assert [event.type for event in reply][-1] == "response.completed"
    (span,) = delivered(sdk, 1)
    assert usage(span) == billed(service, span)
    user, assistant, tool = json.loads(span.attributes["gen_ai.input.messages"])
    assert [part["type"] for part in user["parts"]] == ["text", "uri", "file"]
    assert user["parts"][2] == {"type": "file", "file_id": "a.pdf", "size": 3000}
    assert assistant["parts"][0]["arguments"] == {"a": 1}
    assert tool["parts"] == [{"type": "tool_call_response", "id": "c", "response": "3"}]
    assert [part.get("name") for part in parts(span)] == [None, "add", "due"]
    assert span.attributes["gen_ai.response.finish_reasons"] == ["tool_call"]
    assert ("gen_ai.response.time_to_first_chunk" in span.attributes) is stream


def test_a_chain_of_responses_is_one_conversation(sdk: Sink, client: OpenAI) -> None:
    """`previous_response_id` leads back to the first response, whose id names the conversation."""
    first = client.responses.create(model="m", input="a")
    second = client.responses.create(model="m", input="b", previous_response_id=first.id)
    client.responses.create(model="m", input="c", previous_response_id=second.id)
    spans = delivered(sdk, 3)
    assert [span.attributes.get("gen_ai.conversation.id") for span in spans] == [
        None, first.id, first.id,
    ]  # fmt: skip


def test_responses_parse_and_stream_helpers(sdk: Sink, client: OpenAI) -> None:
    """The helpers of the Responses API are recorded once each, with the shape they ask for."""
    assert client.responses.parse(model="m", input="a", text_format=Due).output_parsed
    with client.responses.stream(model="m", input="a", text_format=Due) as stream:
        for event in stream:
            if event.type == "response.completed":
                assert event.response.output_parsed == Due(due="2024-01-05")
    spans = delivered(sdk, 2)
    assert [span.attributes["gen_ai.output.type"] for span in spans] == ["json", "json"]


def test_a_response_that_fails_is_an_error(sdk: Sink, client: OpenAI) -> None:
    """A failed response raises nothing, and is recorded as what it is."""
    list(client.responses.create(model="fails-late", input="a", stream=True))
    (span,) = delivered(sdk, 1)
    assert (span.status, span.message) == (2, "the model stumbled")
    assert span.attributes["error.type"] == "server_error"
    assert span.attributes["gen_ai.response.finish_reasons"] == ["error"]


@pytest.mark.parametrize("given", ["one", ["one", "two"], [1, 2, 3]])
@pytest.mark.parametrize("form", [None, "float", "base64"])
def test_embeddings(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
    given: Any,
    form: Any,
) -> None:
    """Texts are kept, vectors only by their size; what the app gets is unchanged."""
    extra = {"encoding_format": form} if form else {}
    reply = client.embeddings.create(model="e", input=given, **extra)
    assert (form == "base64") is isinstance(reply.data[0].embedding, str)
    (span,) = delivered(sdk, 1)
    assert span.name == "embeddings e"
    assert span.attributes["gen_ai.embeddings.dimension.count"] == DIMENSIONS
    assert span.attributes["gen_ai.usage.input_tokens"] in {
        entry.input_tokens for entry in service.served.values()
    }
    assert "0.5" not in json.dumps(span.attributes)
    said = json.loads(span.attributes["gen_ai.input.messages"])[0]["parts"]
    tokens = given == [1, 2, 3]
    assert said[0] == (
        {"type": "tokens", "count": 3} if tokens else {"type": "text", "content": "one"}
    )


@pytest.mark.parametrize("stream", [False, True])
def test_legacy_completions(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
    stream: bool,
) -> None:
    """A prompt and its completion."""
    reply: Any = client.completions.create(model="m", prompt="It is", stream=stream)
    if stream:
        assert len(list(reply)) == len(WORDS) + 1
    (span,) = delivered(sdk, 1)
    assert (span.name, span.attributes["gen_ai.operation.name"]) == (
        "text_completion m", "text_completion",
    )  # fmt: skip
    assert parts(span) == [{"type": "text", "content": TEXT}]
    assert usage(span) == billed(service, span)


def test_parse_sees_what_the_parser_refuses(sdk: Sink, client: OpenAI) -> None:
    """An answer that is not of the wanted shape is recorded with the error that it causes."""

    class Other(BaseModel):
        missing: int

    with pytest.raises(ValueError, match="missing"):
        client.chat.completions.parse(model="m", **ASK, response_format=Other)
    (span,) = delivered(sdk, 1)
    assert span.attributes["error.type"] == "ValidationError"
    assert span.attributes["gen_ai.output.type"] == "json"
    assert parts(span)[0]["content"] == '{"due":"2024-01-05"}'
    assert span.attributes["gen_ai.usage.output_tokens"] > 0


def test_refusals_and_sound(sdk: Sink, client: OpenAI) -> None:
    """A refusal is what the model said; sound is kept by its size and transcript."""
    client.chat.completions.create(model="refuses", **ASK)
    content: Any = [{"type": "input_audio", "input_audio": {"data": "A" * 4000, "format": "mp3"}}]
    client.chat.completions.create(
        model="speaks", messages=[{"role": "user", "content": content}], modalities=["audio"],
        audio={"voice": "alloy", "format": "mp3"},
    )  # fmt: skip
    refused, spoken = delivered(sdk, 2)
    assert parts(refused) == [{"type": "text", "content": "I would rather not."}]
    assert spoken.attributes["gen_ai.output.type"] == "speech"
    sound = {"type": "blob", "modality": "audio", "content": "", "size": 3000}
    assert parts(spoken) == [{**sound, "transcript": "Hello"}]
    asked = json.loads(spoken.attributes["gen_ai.input.messages"])[0]["parts"]
    assert asked == [{**sound, "mime_type": "audio/mp3"}]
    assert "AAAA" not in json.dumps(spoken.attributes)


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tools_and_choices(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
    stream: bool,
) -> None:
    """Two calls in each of two choices, whole or in pieces, come out the same."""
    reply: Any = client.chat.completions.create(model="m", **ASK, n=2, tools=TOOLS, stream=stream)
    if stream:
        list(reply)
    (span,) = delivered(sdk, 1)
    messages = json.loads(span.attributes["gen_ai.output.messages"])
    wanted = [
        {"type": "tool_call", "id": "call_1", "name": "add", "arguments": {"a": 1}},
        {"type": "tool_call", "id": "call_2", "name": "due", "arguments": {"day": "5"}},
    ]
    assert [message["parts"] for message in messages] == [wanted, wanted]
    assert span.attributes["gen_ai.response.finish_reasons"] == ["tool_calls", "tool_calls"]
    assert usage(span) == billed(service, span)


def test_an_old_server_is_asked_again_without_the_option(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
) -> None:
    """The refusal of our question never reaches the app, is learned, and usage is estimated."""
    for _ in range(2):
        assert len(list(client.chat.completions.create(model="old", **ASK, stream=True))) == 8
    assert ["stream_options" in request for request in service.requests] == [True, False, False]
    first, second = delivered(sdk, 2)
    for span in (first, second):
        assert span.status == 1
        assert span.attributes["outerloop.usage.estimated"] is True
        assert 5 <= span.attributes["gen_ai.usage.input_tokens"] <= 15
        assert 5 <= span.attributes["gen_ai.usage.output_tokens"] <= 12
    assert first.attributes["http.request.resend_count"] == 1


@pytest.mark.parametrize(
    "options",
    [{"stream_options": {"include_usage": False}}, {"stream_options": {"include_usage": True}}],
)
def test_the_apps_own_wish_is_respected(
    sdk: Sink,
    client: OpenAI,
    service: ModelService,
    options: Any,
) -> None:
    """Where the app says whether it wants the usage, the request goes out as it is."""
    list(client.chat.completions.create(model="m", **ASK, stream=True, **options))
    assert service.requests[0]["stream_options"] == options["stream_options"]
    (span,) = delivered(sdk, 1)
    asked = options["stream_options"]["include_usage"]
    assert span.attributes.get("outerloop.usage.estimated") is (None if asked else True)


def test_what_the_app_sees_of_a_stream_is_the_same(service: ModelService, sink: Sink) -> None:
    """Chunk by chunk, to the last field that is set, wrapped and unwrapped streams are equal."""
    seen = []
    for wrapped in (False, True):
        with OpenAI(base_url=service.url, api_key="k") as client:
            if wrapped:
                monitor.init(endpoint=sink.url)
                monitor.wrap(client)
            chunks = list(client.chat.completions.create(model="m", **ASK, stream=True))
            seen.append([json.loads(chunk.to_json()) | {"id": ""} for chunk in chunks])
    monitor.shutdown()
    assert seen[0] == seen[1]
    assert len(service.served) == 2


def test_wrap_without_the_question(sdk: Sink, service: ModelService) -> None:
    """`stream_usage=False` and `propagate=False` send the request exactly as it was."""
    with OpenAI(base_url=service.url, api_key="k") as client:
        monitor.wrap(client, stream_usage=False, propagate=False)
        list(client.chat.completions.create(model="m", **ASK, stream=True))
    assert "stream_options" not in service.requests[0]
    assert "traceparent" not in service.headers[0]
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.usage.estimated"] is True


def test_trace_context_goes_out(sdk: Sink, client: OpenAI, service: ModelService) -> None:
    """The service is told the call's own span, unless the app has set the header itself."""
    client.chat.completions.create(model="m", **ASK)
    client.chat.completions.create(model="m", **ASK, extra_headers={"Traceparent": "mine"})
    first, _ = delivered(sdk, 2)
    assert service.headers[0]["traceparent"] == f"00-{first.trace_id}-{first.span_id}-01"
    assert service.headers[1]["traceparent"] == "mine"


def test_retries_inside_the_client_are_visible(sdk: Sink, service: ModelService) -> None:
    """Two refusals and an answer are one call, with two resends and the moments of both."""
    with OpenAI(base_url=service.url, api_key="k", max_retries=3) as client:
        monitor.wrap(client).chat.completions.create(model="flaky-2", **ASK)
    (span,) = delivered(sdk, 1)
    assert span.status == 1
    assert span.attributes["http.request.resend_count"] == 2
    assert [name for name, _ in span.events] == ["retry", "retry"]
    assert len({headers["traceparent"] for headers in service.headers}) == 1


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_refused_requests(sdk: Sink, client: OpenAI, status: int) -> None:
    """The status is kept beside the error, and no usage is made up."""
    with pytest.raises(openai.APIStatusError):
        list(client.chat.completions.create(model=f"fail-{status}", **ASK, stream=True))
    (span,) = delivered(sdk, 1)
    assert (span.status, span.attributes["http.response.status_code"]) == (2, status)
    assert not [name for name in span.attributes if name.startswith("gen_ai.usage")]


@pytest.mark.parametrize(
    ("model", "kind"), [("hang", "APITimeoutError"), ("drop", "APIConnectionError")]
)
def test_no_answer(sdk: Sink, client: OpenAI, model: str, kind: str) -> None:
    """A timeout and a lost connection are told apart."""
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model=model, **ASK, timeout=0.2)
    (span,) = delivered(sdk, 1)
    assert span.attributes["error.type"] == kind


@pytest.mark.parametrize("model", ["cut", "breaks"])
def test_broken_streams(sdk: Sink, client: OpenAI, model: str) -> None:
    """A stream that ends badly keeps its beginning, and its usage is an estimate."""
    stream = client.chat.completions.create(model=model, **ASK, stream=True)
    with pytest.raises(Exception, match=r"overloaded|Connection error|peer closed"):
        list(stream)
    (span,) = delivered(sdk, 1)
    assert span.status == 2
    assert parts(span) == [{"type": "text", "content": "It is "}]
    assert span.attributes["outerloop.usage.estimated"] is True


def test_a_slow_stream_left_after_two_chunks(sdk: Sink, client: OpenAI) -> None:
    """Leaving a loop is enough: what was read is recorded at once, and counted as an estimate."""
    for number, _ in enumerate(client.chat.completions.create(model="slow", **ASK, stream=True)):
        if number == 1:
            break
    (span,) = delivered(sdk, 1)
    assert (span.status, span.attributes["outerloop.abandoned"]) == (0, True)
    assert parts(span) == [{"type": "text", "content": "It "}]
    assert span.attributes["gen_ai.usage.output_tokens"] == 1


def test_the_stream_helper_left_early(sdk: Sink, client: OpenAI) -> None:
    """The helper closes the response past the stream; that is seen while the helper lives on."""
    with client.chat.completions.stream(model="slow", **ASK) as stream:
        next(stream)
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.abandoned"] is True
    del stream


async def test_a_cancelled_task(sdk: Sink, async_client: AsyncOpenAI) -> None:
    """Cancelled while waiting for the reply or for a chunk: abandoned, with what had come."""
    waiting = asyncio.ensure_future(async_client.chat.completions.create(model="hang", **ASK))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    async def read() -> None:
        async for _ in await async_client.chat.completions.create(model="slow", **ASK, stream=True):
            pass

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0.3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    first, second = delivered(sdk, 2)
    assert [span.attributes["outerloop.abandoned"] for span in (first, second)] == [True, True]
    assert parts(second)[0]["content"].startswith("It ")


async def test_async_everything(
    sdk: Sink, async_client: AsyncOpenAI, service: ModelService
) -> None:
    """Chat, responses, embeddings, parse and helpers of an asynchronous client."""
    await async_client.responses.create(model="m", input="a")
    await async_client.embeddings.create(model="m", input="a")
    await async_client.chat.completions.parse(model="m", **ASK, response_format=Due)
    async with async_client.responses.stream(model="m", input="a") as events:
        await events.until_done()
    async with async_client.chat.completions.stream(model="m", **ASK) as chunks:
        await chunks.until_done()
    async with async_client.chat.completions.with_streaming_response.create(
        model="m", **ASK, stream=True
    ) as response:
        assert [line async for line in response.iter_lines()][-2] == "data: [DONE]"
    raw = await async_client.responses.with_raw_response.create(model="m", input="a")
    assert raw.parse().output_text == TEXT
    spans = delivered(sdk, 7)
    assert [span.status for span in spans] == [1] * 7
    counted = [span for span in spans if "gen_ai.response.id" in span.attributes]
    assert len(counted) == 6  # an embeddings reply has no id
    exact = [span for span in counted if "outerloop.usage.estimated" not in span.attributes]
    assert len(exact) == 5  # the raw stream was sent as it was
    assert [usage(span) for span in exact] == [billed(service, span) for span in exact]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_raw_streams(sdk: Sink, client: OpenAI, api: str) -> None:
    """Bytes, lines, parsed afterwards or left: what the app reads of a raw stream is recorded."""
    ask: Any = {"model": "m", "stream": True} | (ASK if api == "chat" else {"input": "a"})
    create: Any = client.chat.completions if api == "chat" else client.responses
    with create.with_streaming_response.create(**ask) as response:
        assert b"data:" in b"".join(response.iter_bytes())
    list(create.with_raw_response.create(**ask).parse())
    with create.with_streaming_response.create(**ask) as response:
        next(response.iter_lines())
    with create.with_streaming_response.create(**ask) as response:
        assert response.status_code == 200
    spans = delivered(sdk, 4)
    assert [span.attributes.get("outerloop.abandoned") for span in spans] == [
        None,
        None,
        True,
        True,
    ]
    for span in spans[:2]:
        assert parts(span)[-1] == {"type": "text", "content": TEXT}
        assert 0 < span.attributes["gen_ai.response.time_to_first_chunk"] < 5


def test_azure(sdk: Sink, service: ModelService) -> None:
    """Azure's clients are recorded under their provider, behind any gateway."""
    with AzureOpenAI(
        base_url=service.url, api_key="k", api_version="2024-10-21", max_retries=0
    ) as client:
        wrapped = monitor.wrap(client)
        assert isinstance(wrapped, AzureOpenAI)
        wrapped.chat.completions.create(model="m", **ASK)
    (span,) = delivered(sdk, 1)
    assert span.attributes["gen_ai.provider.name"] == "azure.ai.openai"
    waiting = AsyncAzureOpenAI(base_url=service.url, api_key="k", api_version="2024-10-21")
    assert isinstance(monitor.wrap(waiting), AsyncOpenAI)


def test_the_client_stays_what_it_is(sdk: Sink, client: OpenAI) -> None:
    """Same object, same name, still an OpenAI; copies are recorded once, and so are theirs."""
    assert monitor.wrap(client) is client
    assert isinstance(client, OpenAI)
    assert (type(client).__name__, type(client).__module__) == ("OpenAI", OpenAI.__module__)
    assert "request" not in vars(client)
    for made in (copy.copy(client), client.copy(), client.with_options(timeout=3).with_options()):
        assert isinstance(made, OpenAI)
        made.chat.completions.create(model="m", **ASK)
    delivered(sdk, 3)


def test_resources_taken_or_changed_before_are_kept(sdk: Sink, service: ModelService) -> None:
    """A resource that the app holds is recorded, and another tool's patch of it stays in force."""
    called = []
    with OpenAI(base_url=service.url, api_key="k") as client:
        completions = client.chat.completions
        plain = completions.create

        def patched(*args: Any, **kwargs: Any) -> Any:
            called.append(kwargs["model"])
            return plain(*args, **kwargs)

        completions.create = patched  # type: ignore[method-assign]  # as other tools do
        monitor.wrap(client)
        completions.create(model="m", **ASK)
        client.chat.completions.create(model="m", **ASK)
    assert called == ["m", "m"]
    delivered(sdk, 2)


def test_nothing_of_the_content_is_kept_without_capture(
    sink: Sink,
    service: ModelService,
) -> None:
    """`capture=False` leaves counts in every API, estimates included."""
    monitor.init(endpoint=sink.url, capture=False)
    with OpenAI(base_url=service.url, api_key="k") as client:
        monitor.wrap(client, stream_usage=False)
        list(client.chat.completions.create(model="m", **ASK, stream=True))
        list(client.responses.create(model="m", input="When?", stream=True))
        client.embeddings.create(model="m", input="When?")
        client.completions.create(model="m", prompt="When?")
    spans = delivered(sink, 4)
    monitor.shutdown()
    said = json.dumps([span.attributes for span in spans])
    assert not any(word in said for word in ("When", "January", "Hm."))
    assert spans[0].attributes["outerloop.usage.estimated"] is True
    assert spans[0].attributes["gen_ai.usage.output_tokens"] > 3


def test_threads_share_one_client(sdk: Sink, client: OpenAI) -> None:
    """Streams, plain calls and failures from many threads: each its own span."""

    def work() -> None:
        for _ in range(5):
            client.chat.completions.create(model="m", **ASK)
            list(client.chat.completions.create(model="m", **ASK, stream=True))
            with pytest.raises(openai.APIStatusError):
                client.chat.completions.create(model="fail-500", **ASK)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans = delivered(sdk, 90)
    assert len({span.span_id for span in spans}) == 90
    assert sum(span.status == 2 for span in spans) == 30


def test_a_long_answer_is_cut_and_marked(sink: Sink, service: ModelService) -> None:
    """Beyond the limit, texts are cut; the counts are not."""
    monitor.init(endpoint=sink.url, limits=monitor.Limits(value_chars=12))
    with OpenAI(base_url=service.url, api_key="k") as client:
        monitor.wrap(client)
        list(client.chat.completions.create(model="m", **ASK, stream=True))
    (span,) = delivered(sink, 1)
    monitor.shutdown()
    assert set(span.attributes["outerloop.truncated"]) == {
        "gen_ai.input.messages", "gen_ai.output.messages",
    }  # fmt: skip
    assert usage(span) == billed(service, span)


def test_time_to_first_chunk_is_the_first_word(sdk: Sink, client: OpenAI) -> None:
    """It is measured from the request, and is not the end of the stream."""
    begun = time.monotonic()
    list(client.chat.completions.create(model="slow", **ASK, stream=True))
    lasted = time.monotonic() - begun
    (span,) = delivered(sdk, 1)
    assert 0 < span.attributes["gen_ai.response.time_to_first_chunk"] < lasted / 2
