"""Signals: what a user does with an answer, as idempotent scores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sdk_sink import Sink, delivered

import monitor
from monitor.sdk.distance import edit_distance

TRACE = "a" * 32


def test_each_signal_is_a_score_and_told_twice_is_one(sdk: Sink) -> None:
    """Names, values and ids; the same signal of the same target has the same id."""
    for _ in range(2):
        monitor.signals.regenerated(trace_id=TRACE)
        monitor.signals.abandoned(trace_id=TRACE)
        monitor.signals.copied(0.5, trace_id=TRACE)
        monitor.signals.accepted("due 2023-01-05", "due 2024-01-05", trace_id=TRACE)
    delivered(sdk, 8)
    told = {
        event.attributes["outerloop.score.id"]: (
            event.attributes["gen_ai.evaluation.name"],
            event.attributes["gen_ai.evaluation.score.value"],
        )
        for event in sdk.events
    }
    assert sorted(told.values()) == [
        ("abandon", 1.0),
        ("copy", 0.5),
        ("edit_distance", 1 / 14),
        ("regenerate", 1.0),
    ]
    mended = [event for event in sdk.events if "outerloop.score.expected" in event.attributes]
    assert mended[0].attributes["outerloop.score.expected"] == "due 2024-01-05"


def _plain(left: str, right: str) -> int:
    """The textbook's table."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


@given(st.text("abc", max_size=70), st.text("abc", max_size=70))
def test_the_edit_distance_is_the_textbooks(left: str, right: str) -> None:
    """The bit-parallel way gives what the table gives."""
    assert edit_distance(left, right) == _plain(left, right)
