"""The calls page's pure layers: tools beside their results, a session without its repetitions, searches."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from dashboards.calls.pairing import ToolStep, paired, results_in, tool_uses
from dashboards.calls.turns import SessionCall, unfolded
from dashboards.search import asked_search, parse_search
from dashboards.trace import field_pairs


def call(asked: list[int], answered: list[int], *, system: int = 0) -> SessionCall:
    """A call of a session whose messages are numbers."""
    return SessionCall(
        datetime(2024, 1, 1, tzinfo=UTC), "t", "s", "chat", "shop", "", "m", "ok", 1.0, None,
        asked, system, answered,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("calls", "new_from"),
    [
        ([call([1], [2]), call([1, 2, 3], [4]), call([1, 2, 3, 4, 5], [6])], [0, 2, 4]),
        ([call([9, 1], [2], system=1), call([9, 1, 2, 3], [4], system=1)], [1, 3]),
        ([call([1, 2, 3], [4]), call([3, 4, 5], [6])], [0, 2]),
        ([call([1], [2]), call([7], [8]), call([1, 2, 3], [])], [0, 0, 2]),
        ([call([1], [2]), call([1], [2])], [0, 0]),
        ([call([1], [2]), call([1, 5, 3], [4])], [0, 1]),
        ([call([], []), call([], [1])], [0, 0]),
    ],
    ids=["growing", "instructions", "shortened", "two agents", "the same again", "rewritten", "no texts"],
)  # fmt: skip
def test_a_session_shows_of_each_call_what_is_new(
    calls: list[SessionCall], new_from: list[int]
) -> None:
    """The history is known by its beginning, or by its end where it was shortened; a call never shows nothing."""
    assert [turn.new_from for turn in unfolded(calls)] == new_from


def test_instructions_are_shown_when_they_change() -> None:
    """The same system prompt is shown once, another one again."""
    turns = unfolded([call([9, n], [], system=1) for n in (1, 2)] + [call([8, 3], [], system=1)])
    assert [turn.new_system for turn in turns] == [True, False, True]


def test_tools_find_their_results_by_id_then_by_name() -> None:
    """Two uses of one tool take two steps in order; an id in a message wins; nothing is made up."""
    parts = [{"type": "tool_call", "id": str(n), "name": "f", "arguments": "{}"} for n in range(3)]
    uses = tool_uses(json.dumps([{"role": "assistant", "parts": parts}]))
    told = results_in(
        '[{"role":"tool","parts":[{"type":"tool_call_response","id":"1","result":{"a":1}}, 5]}, null]'
    )
    runs = paired(uses, told, [ToolStep("f", "first"), ToolStep("f", "second")])
    assert [(run.result, run.told_by) for run in runs] == [
        ("first", "step"),
        ('{"a": 1}', "message"),
        (None, ""),
    ]


def test_lists_and_numbers_are_compared_by_value() -> None:
    """`1` is `1.0` and not `true`; an item of a list is a field of its own."""
    pairs = field_pairs('{"a": [1, {"b": 2}], "c": 1}', '{"a": [1.0, {"b": 3}], "c": true}')
    assert {pair.field: pair.same for pair in pairs} == {"a[0]": True, "a[1].b": False, "c": False}
    assert field_pairs("[" * 900 + "]" * 900, "[1]")
    assert field_pairs('{"a": 1}', "[1]") == []


def test_a_score_is_asked_for_by_its_value() -> None:
    """`score.NAME<X` and `>X` bound it; a score chosen beside the line means that it failed."""
    assert parse_search("score.helpful<3").max_score == 3
    assert parse_search("score.helpful>0.5").min_score == 0.5
    chosen = asked_search({"q": "score.helpful>0.5 slow", "score": "faithful", "error": "Timeout"})
    assert (chosen.score, chosen.max_score, chosen.text) == ("faithful", 0, "slow")
    assert chosen.error_type == "Timeout"
