"""The parts behind `wrap`, each by itself: what is kept of requests, replies and bodies."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from monitor.sdk.bodies import read_replies
from monitor.sdk.chat import ChatAnswer, ChatApi
from monitor.sdk.embeddings import EmbeddingsAnswer
from monitor.sdk.items import input_items, item_parts, words_of
from monitor.sdk.messages import input_messages, lighten, tool_definitions
from monitor.sdk.responses import REMEMBERED_RESPONSES, ResponsesAnswer, Threads
from monitor.sdk.sending import ABOUT_OPTIONS
from monitor.sdk.service import Service, service_at
from monitor.sdk.snapshot import Budget
from monitor.sdk.usage import estimate_tokens, read_usage

SERVICE = Service("openai", "api.openai.com", 443)


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("https://api.openai.com/v1/", "openai"),
        ("https://x.openai.azure.com/openai", "azure.ai.openai"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1", "aws.bedrock"),
        ("http://localhost:11434/v1", "openai"),
        ("", "openai"),
        ("nonsense", "openai"),
    ],
)
def test_providers_follow_from_addresses(address: str, provider: str) -> None:
    """Known hosts have their own name, all others speak OpenAI's protocol."""
    assert service_at(address).provider == provider


def test_the_newest_messages_are_kept_when_there_is_no_room() -> None:
    """What is cut of a long conversation is its beginning."""
    body = {"model": "m", "messages": [{"role": "user", "content": "x" * 50} for _ in range(10)]}
    body["messages"].append({"role": "user", "content": "the question"})
    budget = Budget(200)
    request = ChatApi(SERVICE).take(body, budget, capture=True)
    assert budget.cut
    assert request["messages"][-1]["content"] == "the question"


def test_the_apps_own_request_is_never_changed() -> None:
    """Lightening copies; the base64 stays where the app has it."""
    part = {"type": "input_audio", "input_audio": {"data": "A" * 900, "format": "wav"}}
    message = {"role": "user", "content": [part]}
    light = lighten(message)
    assert part["input_audio"] == {"data": "A" * 900, "format": "wav"}
    assert light["content"][0]["input_audio"] == {"format": "wav", "size": 675}


def test_a_tools_own_long_text_is_no_base64() -> None:
    """Only what looks like bytes is replaced by its size."""
    text = "a long result with words " * 20
    assert lighten({"result": text}) == {"result": text}


def test_odd_messages_do_not_break_the_others() -> None:
    """Content of no known shape, missing roles and strange parts pass."""
    odd: list[Any] = [
        {"content": None}, {"role": "user", "content": 7}, "text", None,
        {"role": "user", "content": ["a", {"type": "novel", "novel": {"x": 1}}, 3]},
        {"role": "assistant", "tool_calls": [None, {"id": "c"}], "function_call": {"name": "f"}},
    ]  # fmt: skip
    converted = input_messages(odd)
    assert [message["role"] for message in converted] == ["user", "user", "user", "assistant"]
    assert converted[2]["parts"][1] == {"type": "novel"}
    assert converted[3]["parts"][0]["name"] == "f"


def test_server_tools_are_told_apart() -> None:
    """What the service did by itself is a server tool call; a picture is its size."""
    (search,) = item_parts({"type": "web_search_call", "id": "ws", "status": "completed"})
    assert (search["type"], search["name"]) == ("server_tool_call", "web_search_call")
    picture = lighten({"type": "image_generation_call", "id": "ig", "result": "A" * 4000})
    assert list(item_parts(picture)) == [
        {"type": "file", "modality": "image", "file_id": "ig", "size": 3000}
    ]
    assert input_items([{"type": "item_reference", "id": "x"}])[0]["role"] == "assistant"
    assert tool_definitions([{"type": "custom", "custom": {"name": "run"}}, 3]) == [
        {"type": "custom", "name": "run"}
    ]


def test_usage_in_all_its_dialects() -> None:
    """Chat, responses and DeepSeek's own spelling; nulls and floats are no counts."""
    assert read_usage({"prompt_tokens": None, "completion_tokens": 1.5}) == {}
    told = read_usage(
        {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 2},
         "output_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 1}}
    )  # fmt: skip
    assert sorted(told.values()) == [1, 2, 3, 4, 9]
    assert read_usage({"prompt_cache_hit_tokens": 5})["gen_ai.usage.cache_read.input_tokens"] == 5


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog.", 9, 11),
        ("def add(a, b):\n    return a + b\n", 12, 18),
        ("我们明天下午三点开会", 7, 12),
        ("x" * 800, 90, 110),
    ],
)
def test_estimates_are_of_the_right_size(text: str, low: int, high: int) -> None:
    """Prose, code and Chinese come out within a fifth or so of what tokenizers make of them."""
    assert low <= estimate_tokens(text) <= high


@pytest.mark.parametrize("ending", ["\n\n", "\r\n\r\n"])
def test_bodies_of_streams_are_read(ending: str) -> None:
    """Events, comments, half lines and pages of proxies."""
    body = f': hello{ending}data: {{"a":1}}{ending}data:{{"b":2}}{ending}data: {{"c"'.encode()
    assert list(read_replies(body)) == [{"a": 1}, {"b": 2}]
    assert list(read_replies(b"<html>no</html>")) == []
    assert list(read_replies(b"")) == []
    assert list(read_replies(b'{"cut": ')) == []


def test_embeddings_are_measured_in_any_form() -> None:
    """Numbers, base64 with and without padding, and an empty reply."""
    for size in (1, 2, 3, 8):
        packed = base64.b64encode(struct.pack(f"<{size}f", *[0.5] * size)).decode()
        for vector in (packed, [0.5] * size):
            answer = EmbeddingsAnswer(100, capture=True)
            answer.fold({"data": [{"embedding": vector}]})
            assert answer.dimensions == size
    answer = EmbeddingsAnswer(100, capture=True)
    answer.fold({"data": []})
    assert answer.dimensions is None


def test_replies_of_odd_shape_are_folded_as_far_as_they_go() -> None:
    """Servers that speak the protocol loosely break nothing."""
    answer = ChatAnswer(1000, capture=True)
    for reply in (
        {}, {"choices": None}, {"choices": [{}]}, {"id": 7, "model": None},
        {"choices": [{"index": None, "delta": {"content": [1]}, "finish_reason": 3}]},
        {"choices": [{"delta": {"tool_calls": [{"function": None}]}}], "usage": {}},
    ):  # fmt: skip
        answer.fold(reply)
    assert dict(answer.attributes())["gen_ai.response.id"] is None
    events = ResponsesAnswer(1000, capture=True)
    for event in ({"type": "response.output_text.delta"}, {"type": "novel"}, {"type": "error"}):
        events.fold(event)
    assert events.failure is not None
    assert events.failure.kind == "error"


def test_an_unfinished_response_keeps_its_pieces() -> None:
    """Deltas without an end are an answer as far as it went, and can be counted."""
    answer = ResponsesAnswer(1000, capture=True)
    call = {"type": "function_call", "call_id": "c", "name": "add"}
    answer.fold({"type": "response.output_item.added", "output_index": 1, "item": call})
    answer.fold({"type": "response.output_text.delta", "output_index": 0, "delta": "It "})
    answer.fold(
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a":'}
    )
    told = dict(answer.attributes())
    assert '"content":"It "' in told["gen_ai.output.messages"]
    assert '"name":"add"' in told["gen_ai.output.messages"]
    assert "gen_ai.response.finish_reasons" not in told
    assert dict(answer.estimate(7))["outerloop.usage.estimated"] is True
    assert list(words_of({"content": [{"text": "a"}], "summary": None})) == ["a"]


def test_conversations_are_remembered_within_bounds() -> None:
    """A chain leads to its first response; the oldest chains are forgotten."""
    threads = Threads()
    threads.join("b", "a")
    assert threads.first("b") == "a"
    for number in range(REMEMBERED_RESPONSES):
        threads.join(f"r{number}", "x")
    assert threads.first("b") == "b"


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("Unrecognized request argument supplied: stream_options", True),
        ("Extra inputs are not permitted", True),
        ("unknown field", True),
        ("This model's maximum context length is 8192 tokens", False),
        ("Invalid value for 'messages'", False),
    ],
)
def test_refusals_of_an_option_are_told_from_others(said: str, about: bool) -> None:
    """Only a server that does not know an option is asked a second time."""
    assert bool(ABOUT_OPTIONS.search(said)) is about
