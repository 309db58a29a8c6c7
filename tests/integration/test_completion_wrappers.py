"""Two instrumentations that record one request are one call: the inner one; the outer becomes a step."""

from __future__ import annotations

import pytest
from completion_pieces import (
    CHAT,
    CONTENT,
    DETAILS,
    calls,
    complete,
    complete_captured,
    told,
    usage,
    within,
)
from normalisation_captures import LOGS, capture, insert, read

from monitor.store import Store

pytestmark = pytest.mark.integration

TOTAL = "SELECT count() AS n, sum(cost_usd) AS usd FROM calls FINAL"
OUTER = within(
    1,
    0,
    (0, 1000),
    {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "openai/gpt-4o-mini",
        "gen_ai.system": "litellm",
        "session.id": "s-1",
        "user.id": "u-1",
        "gen_ai.prompt.name": "quote",
        **usage(1000, 500),
        **CONTENT,
    },
)
BETWEEN = within(2, 1, (5, 950), {"traceloop.span.kind": "task"})
INNER = within(3, 2, (10, 900), {**CHAT, **usage(1000, 500)})


def steps(store: Store) -> list[tuple[str, str]]:
    """Span id's last digit and kind of every step."""
    rows = read(store, "SELECT span_id, kind FROM steps FINAL ORDER BY span_id")
    return [(row["span_id"][-1], row["kind"]) for row in rows]


@pytest.mark.parametrize(
    "order",
    [(OUTER, BETWEEN, INNER), (INNER, BETWEEN, OUTER), (BETWEEN, INNER, OUTER)],
    ids=lambda order: "".join(row["SpanId"][-1] for row in order),
)
def test_a_wrapped_call_counts_once_in_any_order(
    store: Store, order: tuple[dict[str, object], ...]
) -> None:
    """Each span in a batch of its own, completed after each, sent again at the end: one call that knows it all."""
    for row in order:
        insert(store, [row])
        complete(store)
    [call] = calls(store)
    assert call["span_id"] == INNER["SpanId"]
    assert (call["input"], call["output"]) == ("how much?", "nine")
    assert (call["session_id"], call["user_id"], call["prompt_name"]) == ("s-1", "u-1", "quote")
    assert (call["provider"], call["input_tokens"], call["output_tokens"]) == ("openai", 1000, 500)
    assert steps(store) == [("1", "chain"), ("2", "function")]
    total = read(store, TOTAL)
    for row in order:
        insert(store, [row])
    assert read(store, TOTAL) == total
    assert complete(store) == 0
    assert read(store, TOTAL) == total == [{"n": 1, "usd": pytest.approx(0.00045)}]


def test_the_innermost_of_several_wrappers_is_the_call(store: Store) -> None:
    """Three in one another: the request gets what each of them knew, the nearest first."""
    insert(store, [OUTER])
    insert(store, [within(2, 1, (5, 950), {**CHAT, "session.id": "s-near"})])
    insert(store, [within(3, 2, (10, 900), {**CHAT, **usage(1000, 500)})])
    assert complete(store) == 2
    [call] = calls(store)
    assert (call["span_id"], call["session_id"], call["user_id"], call["output"]) == (
        INNER["SpanId"],
        "s-near",
        "u-1",
        "nine",
    )
    assert steps(store) == [("1", "chain"), ("2", "chain")]


def test_attempts_are_calls_and_their_wrapper_is_none(store: Store) -> None:
    """A wrapper that tried twice: both attempts count, and the answer goes to the one that was answered."""
    failed = within(2, 1, (10, 300), CHAT, StatusCode="Error")
    insert(store, [OUTER, failed, within(3, 1, (400, 900), {**CHAT, **usage(1000, 500)})])
    complete(store)
    first, second = calls(store)
    assert (first["status"], first["output"], first["session_id"]) == ("error", "", "s-1")
    assert (second["status"], second["output"], second["session_id"]) == ("ok", "nine", "s-1")
    assert steps(store) == [("1", "chain")]


def test_what_is_not_plainly_the_same_request_is_two(store: Store) -> None:
    """Other tokens, another model, outliving it, another kind, not inside: both count and nothing moves."""
    others = [
        within(3, 2, (10, 900), {**CHAT, **usage(7, 3)}),
        within(3, 2, (10, 900), {**CHAT, "gen_ai.request.model": "gpt-5", **usage(1000, 500)}),
        within(3, 2, (10, 2900), {**CHAT, **usage(1000, 500)}),
        within(3, 2, (10, 900), {**CHAT, "gen_ai.operation.name": "embeddings"}),
        within(3, 9, (10, 900), {**CHAT, **usage(1000, 500)}),
    ]
    for number, other in enumerate(others):
        insert(store, [{**row, "TraceId": f"{number + 1:032x}"} for row in (OUTER, BETWEEN, other)])
    assert complete(store) == 0
    assert len(calls(store)) == 2 * len(others)


def test_a_call_of_a_tool_or_an_agent_is_its_own(store: Store) -> None:
    """However alike: what a tool or an agent inside a call asked a model for is another request."""
    for number, kind in enumerate(("execute_tool", "invoke_agent"), start=1):
        between = within(2, 1, (5, 950), {"gen_ai.operation.name": kind})
        insert(store, [{**row, "TraceId": f"{number:032x}"} for row in (OUTER, between, INNER)])
    assert complete(store) == 0
    assert len(calls(store)) == 4


def test_an_agents_calls_one_after_the_other_are_all_counted(store: Store) -> None:
    """Twenty turns under one agent: nothing lies in anything."""
    agent = within(1, 0, (0, 2000), {"gen_ai.operation.name": "invoke_agent"})
    turns = [within(n, 1, (n * 50, n * 50 + 50), {**CHAT, **usage(10, 5)}) for n in range(2, 22)]
    insert(store, [agent, *turns])
    assert complete(store) == 0
    assert len(calls(store)) == 20


def test_logs_of_the_inner_call_and_words_of_the_outer_join(store: Store) -> None:
    """The log record's content comes first, the wrapper gives the rest."""
    insert(store, [OUTER, BETWEEN, INNER])
    answer = '[{"role":"assistant","parts":[{"type":"text","content":"ten"}]}]'
    record = {**told(3, DETAILS, {"gen_ai.output.messages": answer}), "TraceId": "a" * 32}
    insert(store, [record], LOGS)
    assert complete(store) == 2
    [call] = calls(store)
    assert (call["input"], call["output"], call["session_id"]) == ("how much?", "ten", "s-1")
    assert complete(store) == 0


def test_spans_that_are_each_others_parents_do_no_harm(store: Store) -> None:
    """Nonsense from outside ends, and at least one call stays."""
    insert(
        store,
        [within(1, 2, (0, 10), CHAT), within(2, 1, (0, 10), CHAT), within(3, 3, (0, 10), CHAT)],
    )
    complete(store)
    assert len(calls(store)) in (2, 3)


def test_captured_calls_stay_what_they_are(store: Store) -> None:
    """Dialects that nest spans of their own have one call a request before and after."""
    names = [
        "litellm-otel/chat",
        "litellm-otel/tools",
        "vercel-ai-5/chat",
        "otel-genai-openai/stream",
    ]
    insert(store, [row for name in names for row in capture(name)])
    before = calls(store)
    complete_captured(store)
    assert calls(store) == before
    assert len(before) == len(names)
