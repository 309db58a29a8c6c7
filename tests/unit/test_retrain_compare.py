"""Candidate against production: what the gate says, and on what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.retrain.compare import TestCall, compare_answers
from monitor.retrain.messages import answer, chat_messages, completed

TURN = datetime(2024, 1, 1, tzinfo=UTC)
RIGHT = json.dumps({"due_date": "2024-01-15", "amount": 10.0})
WRONG = json.dumps({"due_date": "2023-01-15", "amount": 10.0})


def calls(n: int, *, production: int, candidate: int, before: bool = False) -> list[TestCall]:
    """`n` calls of which production gets the first ones wrong, the candidate the last ones."""
    at = TURN + timedelta(days=-1 if before else 1)
    return [
        TestCall(
            at, RIGHT, WRONG if i < production else RIGHT, WRONG if i >= n - candidate else RIGHT
        )
        for i in range(n)
    ]


def test_better_where_it_failed_and_not_worse_before() -> None:
    """A cured regression that keeps what worked is `better`, with its interval below zero."""
    result = compare_answers(
        [
            *calls(300, production=15, candidate=1),
            *calls(300, production=2, candidate=1, before=True),
        ],
        turn=TURN,
        failing_field="due_date",
    )
    since = next(one for one in result.slices if one.value == "since")
    assert result.advice == "better"
    assert since.high < 0
    assert since.p_value < 0.01
    assert result.n == 600
    assert (result.production.count, result.candidate.count) == (17, 2)
    assert "due_date" in result.sentence


def test_a_cure_that_forgets_the_past_is_worse() -> None:
    """Gaining after the turn does not pay for losing before it."""
    result = compare_answers(
        [
            *calls(300, production=30, candidate=1),
            *calls(300, production=2, candidate=30, before=True),
        ],
        turn=TURN,
    )
    assert result.advice == "worse"
    assert "before the change" in result.sentence


def test_the_same_answers_are_not_worse() -> None:
    """Enough calls without a difference exclude a rise above the margin."""
    assert compare_answers(calls(800, production=0, candidate=0), turn=TURN).advice == "not_worse"


@pytest.mark.parametrize("n", [0, 1, 20])
def test_few_calls_decide_nothing(n: int) -> None:
    """Twenty calls without a difference are no proof of anything, and none are none."""
    result = compare_answers(calls(n, production=0, candidate=0), turn=TURN, unlabelled=7)
    assert result.advice == "too_few"
    assert f"{n} of {n + 7} reserved calls" in result.sentence


def test_fields_are_told_apart() -> None:
    """The slice of a field counts that field's errors only."""
    result = compare_answers(calls(100, production=10, candidate=0), turn=TURN)
    fields = {one.value: one.production.count for one in result.slices if one.attribute == "field"}
    assert fields == {"amount": 0, "due_date": 10}


def test_garbage_and_failed_requests_count_as_wrong() -> None:
    """What is no JSON, or never came, is a wrong answer of the candidate."""
    test = [
        TestCall(TURN, RIGHT, RIGHT, None),
        TestCall(TURN, RIGHT, RIGHT, "<html>"),
        TestCall(TURN, RIGHT, RIGHT, "[]"),
    ]
    result = compare_answers(test, turn=TURN)
    assert (result.candidate.count, result.production.count, result.request_failures) == (3, 0, 1)


def test_a_partial_label_judges_its_own_fields_only() -> None:
    """An outcome that knows one field does not condemn the others."""
    known = json.dumps({"due_date": "2024-01-15"})
    assert compare_answers([TestCall(TURN, known, WRONG, RIGHT)], turn=TURN).candidate.count == 0


def test_labels_that_are_plain_text_are_compared_whole() -> None:
    """A label that is no JSON object must be met exactly, but for space around it."""
    result = compare_answers([TestCall(TURN, "refund", "refund ", "Refund")], turn=None)
    assert (result.production.count, result.candidate.count) == (0, 1)


def test_tool_calls_keep_their_shape() -> None:
    """A tool call and its result become OpenAI's messages."""
    call = {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}
    result = {"type": "tool_call_response", "id": "c1", "response": {"ok": True}}
    text = json.dumps([
        {"role": "assistant", "parts": [call]},
        {"role": "tool", "parts": [result]},
    ])  # fmt: skip
    first, second = chat_messages(text)
    assert first["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    ]
    assert second == {"role": "tool", "tool_call_id": "c1", "content": '{"ok": true}'}


def test_a_correction_is_completed_with_what_it_did_not_touch() -> None:
    """The answer to learn from has every field, the corrected one corrected."""
    assert answer(completed('{"due_date": "2024-01-15"}', WRONG)) == answer(RIGHT)
