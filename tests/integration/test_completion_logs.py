"""A call's content that comes in log records of its own ends up in the call's row, whatever came first."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from completion_pieces import (
    ANSWERED,
    ASKED,
    CAPTURED,
    CHAT,
    CONTENT,
    DETAILS,
    SINCE,
    UNTIL,
    calls,
    captured_logs,
    complete,
    complete_captured,
    told,
    usage,
)
from normalisation_captures import LOGS, START_NS, capture, event, insert, read, span

from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.settings import load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration

CALLED = '{"content":null,"tool_calls":[{"id":"c1","function":{"name":"price","arguments":"{}"}}]}'
HELLO = "Hello from the fake model. ünï©ode ✓"
WEATHER = 'get_weather({"city":"Paris"})\nget_weather({"city":"Rome"})'
HISTORY = 'user: Weather in Paris?\nassistant: get_weather({"city":"Paris"})\ntool: {"temp_c": 21}'
CASES = {
    "chat": ("Say hello, ünï©ode please", HELLO, "stop"),
    "tools": ("Weather in Paris and Rome?", WEATHER, "tool_call"),
    "tools_result": (HISTORY, HELLO, "stop"),
    "multichoice": ("two please", f"{HELLO} (choice 0)\n{HELLO} (choice 1)", "stop"),
    "error": ("please fail", "", ""),
}


@pytest.mark.parametrize("first", ["spans", "logs"])
@pytest.mark.parametrize(
    "dialect", ["otel-genai-openai-event_only", "otel-openai-v2-legacy", "traceloop-openai-events"]
)
def test_a_captured_call_has_what_its_log_records_say(
    store: Store, dialect: str, first: str
) -> None:
    """Question, answer, tool calls and finish reason are there after one step, and tokens are counted once."""
    spans = [row for case in CASES for row in capture(f"{dialect}/{case}")]
    logs = [row for case in CASES for row in captured_logs(f"{dialect}/{case}")]
    if first == "logs":
        insert(store, logs, LOGS)
    insert(store, spans)
    before = calls(store)
    if first == "spans":
        insert(store, logs, LOGS)
    assert complete_captured(store) == len(CASES)
    after = {call["span_id"]: call for call in calls(store)}
    for case, (asked, answered, finish) in CASES.items():
        call = after[capture(f"{dialect}/{case}")[0]["SpanId"]]
        assert (call["input"], call["output"], call["finish_reason"]) == (
            asked,
            answered,
            finish,
        ), case
        assert ("get_weather" in call["tool_calls"]) == (case == "tools")
        counted = (None, None) if case == "error" else (29, 17)
        assert (call["input_tokens"], call["output_tokens"]) == counted
    gaps = {"input_messages", "output_messages", "input", "output", "tool_calls", "finish_reason"}
    gaps |= {"version", "as_attributes"}
    for call in before:
        changed = {name for name in call if call[name] != after[call["span_id"]][name]}
        assert changed <= gaps
    assert complete_captured(store) == 0


@pytest.mark.parametrize("kept", ["otel-genai-openai", "otel-openai-v2-experimental"])
def test_a_span_that_said_it_all_is_left_alone(store: Store, kept: str) -> None:
    """Where span and log record both carry content, the row is the span's and is not written again."""
    insert(store, capture(f"{kept}/chat"))
    insert(store, captured_logs(f"{kept}/chat"), LOGS)
    before = calls(store)
    complete_captured(store)
    after = calls(store)
    for name in ("input_messages", "output_messages", "input_tokens", "output_tokens", "cost_usd"):
        assert [call[name] for call in after] == [call[name] for call in before]


def test_only_gaps_are_filled(store: Store) -> None:
    """What the span said stays: the log record's other model, tokens and answer are not believed."""
    insert(store, [span(1, {**CHAT, **usage(10, 5), "gen_ai.output.messages": ANSWERED})])
    other = {
        "gen_ai.request.model": "gpt-5",
        **usage(99, 99),
        **CONTENT,
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.output.messages": ASKED,
        "gen_ai.usage.reasoning.output_tokens": "2",
        "gen_ai.conversation.id": "s-1",
    }
    insert(store, [told(1, DETAILS, other)], LOGS)
    assert complete(store) == 1
    [call] = calls(store)
    assert (call["request_model"], call["input_tokens"], call["output_tokens"]) == (
        "gpt-4o-mini",
        10,
        5,
    )
    assert (call["input"], call["output"]) == ("how much?", "nine")
    assert (call["response_model"], call["reasoning_tokens"], call["session_id"]) == (
        "gpt-4o-mini-2024-07-18",
        2,
        "s-1",
    )
    assert complete(store) == 0


def test_tokens_that_only_the_record_knows_give_the_call_its_price(store: Store) -> None:
    """Usage fills in like content, and the cost follows from it."""
    insert(store, [span(1, CHAT)])
    assert calls(store)[0]["cost_usd"] is None
    insert(store, [told(1, DETAILS, usage(1_000_000, 0))], LOGS)
    complete(store)
    assert calls(store)[0]["cost_usd"] == pytest.approx(0.15)


@pytest.mark.parametrize("apart_s", [-3500, 3500])
def test_an_hour_may_lie_between_the_call_and_its_record(store: Store, apart_s: int) -> None:
    """It is found from the call's time and from the record's time."""
    insert(store, [span(1, CHAT)])
    insert(store, [told(1, DETAILS, CONTENT, at_s=apart_s)], LOGS)
    there = SINCE + timedelta(seconds=apart_s)
    assert complete(store, there, there + timedelta(seconds=1)) == 1
    assert calls(store)[0]["output"] == "nine"


def test_a_span_sent_again_does_not_undo_it(store: Store) -> None:
    """The completed row wins over a late copy of the span, before and after a merge."""
    insert(store, [span(1, CHAT)])
    insert(store, [told(1, DETAILS, CONTENT)], LOGS)
    complete(store)
    insert(store, [span(1, CHAT)])
    assert [call["output"] for call in calls(store)] == ["nine"]
    store.command("OPTIMIZE TABLE calls FINAL")
    assert [call["output"] for call in calls(store)] == ["nine"]
    assert complete(store) == 0


def test_a_conversation_that_comes_in_pieces_grows(store: Store) -> None:
    """Messages in a later batch join those that were there, in order, each once, whatever is sent twice."""
    first = told(1, "gen_ai.user.message", {}, body='{"content":"how much?"}', at_s=1)
    rest = [
        told(1, "gen_ai.assistant.message", {}, body=CALLED, at_s=2),
        told(1, "gen_ai.tool.message", {}, body='{"content":"9","id":"c1"}', at_s=3),
        told(
            1,
            "gen_ai.choice",
            {},
            body='{"finish_reason":"stop","index":0,"message":{"content":"nine"}}',
            at_s=4,
        ),
    ]
    insert(store, [first], LOGS)
    insert(store, [span(1, CHAT)])
    assert complete(store) == 1
    assert calls(store)[0]["input"] == "how much?"
    insert(store, [*rest, first], LOGS)
    assert complete(store) == 1
    [call] = calls(store)
    assert call["input"] == "user: how much?\nassistant: price({})\ntool: 9"
    assert (call["output"], call["finish_reason"]) == ("nine", "stop")
    assert complete(store) == 0


def test_records_without_content_change_nothing(store: Store) -> None:
    """Content capture switched off: the events are there and say nothing, and nobody is kept busy by them."""
    insert(store, [span(1, {**CHAT, "gen_ai.response.finish_reasons": '["stop"]'})])
    bare = [
        told(1, "gen_ai.user.message", {"gen_ai.system": "openai"}, body="{}"),
        told(
            1,
            "gen_ai.choice",
            {},
            body='{"finish_reason":"stop","index":0,"message":{"role":"assistant"}}',
        ),
        told(1, DETAILS, CHAT),
    ]
    insert(store, bare, LOGS)
    assert complete(store) == 0
    assert calls(store)[0]["version"] == 0


def test_no_body_can_break_the_step(store: Store) -> None:
    """A malformed record costs at most its own words."""
    bodies = [
        "",
        "plain words",
        "{",
        '"text"',
        '{"message":7}',
        '{"content":{"a":[1]}}',
        "[1,2]",
        "null",
    ]
    names = ("gen_ai.user.message", "gen_ai.choice", DETAILS, "gen_ai.content.prompt")
    insert(store, [span(number, CHAT) for number in range(len(bodies) + 1)])
    for number, body in enumerate(bodies):
        insert(
            store, [told(number, name, {"gen_ai.prompt": body}, body=body) for name in names], LOGS
        )
    insert(store, [told(len(bodies), DETAILS, CONTENT)], LOGS)
    complete(store)
    assert [call["output"] for call in calls(store)][-1] == "nine"
    assert len(calls(store)) == len(bodies) + 1


def test_content_in_span_events_is_the_spans_own(store: Store) -> None:
    """Events of the same names on the span itself are read when it is stored; what the span says comes first."""
    whole: dict[str, Any] = {
        "Events.Timestamp": [START_NS],
        "Events.Name": [DETAILS],
        "Events.Attributes": [{**CONTENT, "gen_ai.request.model": "other"}],
    }
    older = {
        "Events.Timestamp": [START_NS] * 3,
        "Events.Name": ["gen_ai.system.message", "gen_ai.user.message", "gen_ai.choice"],
        "Events.Attributes": [
            {"content": "be brief", "role": "system"},
            {"gen_ai.event.content": '{"content":"how much?"}'},
            {
                "index": "0",
                "finish_reason": "stop",
                "message": '{"role":"assistant","content":"nine"}',
            },
        ],
    }
    oldest = {
        "Events.Timestamp": [START_NS] * 2,
        "Events.Name": ["gen_ai.content.prompt", "gen_ai.content.completion"],
        "Events.Attributes": [
            {"gen_ai.prompt": '[{"role":"user","content":"how much?"}]'},
            {"gen_ai.completion": '[{"role":"assistant","content":"nine"}]'},
        ],
    }
    insert(
        store, [span(n, CHAT, **events) for n, events in enumerate((whole, older, oldest), start=1)]
    )
    assert [(call["input"], call["output"]) for call in calls(store)] == [("how much?", "nine")] * 3
    assert {call["request_model"] for call in calls(store)} == {"gpt-4o-mini"}
    assert calls(store)[1]["finish_reason"] == "stop"
    assert complete(store) == 0


def test_the_job_completes_what_a_stock_collector_wrote(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """`completion` counts what it completed, also in a window of weeks, and does nothing the second time."""
    insert(store, [span(1, CHAT)])
    insert(store, [told(1, DETAILS, CONTENT)], LOGS)
    insert(store, capture("otel-genai-openai-event_only/chat"))
    insert(store, captured_logs("otel-genai-openai-event_only/chat"), LOGS)
    job = job_named("completion")
    assert job is not None
    settings = load_settings(store_url=store_url, data_dir=tmp_path / "data")
    window = Window(SINCE, CAPTURED + timedelta(days=1))
    runs = [run_job(job, store, settings, window) for _ in range(2)]
    assert [run.counts for run in runs] == [{"completed": 2}, {"completed": 0}], runs
    assert all(call["output"] for call in calls(store))


@pytest.mark.parametrize("late", ["call", "evaluation"])
def test_an_evaluation_that_names_a_response_finds_its_call(store: Store, late: str) -> None:
    """`gen_ai.evaluation.result` with a response id and no span becomes a score of that call, once."""
    rows = [
        span(1, {**CHAT, "gen_ai.response.id": "resp-1"}),
        span(2, {**CHAT, "gen_ai.response.id": "resp-2"}),
    ]
    verdict = event(
        5,
        {
            "gen_ai.evaluation.name": "tone",
            "gen_ai.evaluation.score.value": "0.5",
            "gen_ai.response.id": "resp-2",
        },
    )
    if late == "call":
        insert(store, [verdict], LOGS)
        insert(store, rows)
    else:
        insert(store, rows)
        insert(store, [verdict], LOGS)
    assert complete(store) == 1
    insert(store, [verdict], LOGS)
    assert complete(store) == 0
    [score] = read(store, "SELECT trace_id, span_id, name, value FROM scores FINAL")
    assert score == {"trace_id": f"{2:032x}", "span_id": f"{2:016x}", "name": "tone", "value": 0.5}


def test_a_window_without_calls_is_nothing_to_do(store: Store) -> None:
    """Neither an empty store nor an empty hour is an error."""
    assert complete(store) == 0
    insert(store, [span(1, CHAT)])
    assert (
        complete(store, datetime.fromisoformat("2020-01-01T00:00:00Z"), SINCE - timedelta(days=1))
        == 0
    )
    assert complete(store, UNTIL, UNTIL) == 0
