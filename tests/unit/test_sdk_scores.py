"""Feedback and outcomes: evaluation events that find their target."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sdk_sink import Sink, delivered

import monitor

TRACE, SPAN = "a" * 32, "b" * 16


def test_feedback_goes_to_the_current_trace(sdk: Sink) -> None:
    """Inside an observed function, feedback needs no id."""

    @monitor.observe
    def f() -> str:
        monitor.feedback("thumbs", -1, comment="wrong year", expected={"due": "2024-01-05"})
        place = monitor.current()
        assert place is not None
        return place.trace_id

    trace_id = f()
    delivered(sdk, 2)
    (event,) = sdk.events
    assert (event.name, event.trace_id, event.span_id) == ("gen_ai.evaluation.result", trace_id, "")
    assert event.attributes["gen_ai.evaluation.name"] == "thumbs"
    assert event.attributes["gen_ai.evaluation.score.value"] == -1.0
    assert event.attributes["gen_ai.evaluation.explanation"] == "wrong year"
    assert event.attributes["outerloop.score.source"] == "user"
    assert event.attributes["outerloop.score.target"] == "trace"
    assert event.attributes["outerloop.score.expected"] == '{"due":"2024-01-05"}'
    assert len(event.attributes["outerloop.score.id"]) == 32


def test_outcome_of_a_session_days_later(sdk: Sink) -> None:
    """An outcome says when it became true, in any time zone, and is idempotent by key."""
    at = datetime(2024, 1, 3, 12, tzinfo=timezone(timedelta(hours=2)))
    monitor.outcome("resolved", True, session="s-1", at=at, key="ticket-7")
    monitor.outcome("resolved", False, session="s-1", at=at, key="ticket-7")
    monitor.outcome("resolved", True, session="s-2", at=at, key="ticket-7")
    delivered(sdk, 3)
    said = sdk.events[0].attributes
    ids = [event.attributes["outerloop.score.id"] for event in sdk.events]
    assert ids[0] == ids[1] != ids[2]
    assert (
        said["outerloop.score.observed_at"]
        == int(datetime(2024, 1, 3, 10, tzinfo=UTC).timestamp()) * 10**9
    )
    assert (said["outerloop.score.target"], said["session.id"]) == ("session", "s-1")
    assert said["gen_ai.evaluation.score.value"] == 1.0
    assert said["outerloop.score.source"] == "outcome"


def test_a_single_call_and_a_text_value(sdk: Sink) -> None:
    """With both ids a call is meant; a text becomes the label."""
    monitor.feedback("kind", "too long", trace_id=TRACE.upper(), span_id=SPAN)
    delivered(sdk, 1)
    (event,) = sdk.events
    assert (event.trace_id, event.span_id) == (TRACE, SPAN)
    assert event.attributes["outerloop.score.target"] == "call"
    assert event.attributes["gen_ai.evaluation.score.label"] == "too long"
    assert "gen_ai.evaluation.score.value" not in event.attributes


def test_session_of_the_context_is_the_last_resort(sdk: Sink) -> None:
    """Outside of any trace, the context's session is meant."""
    with monitor.context(session="s-2", user="u"):
        monitor.outcome("paid", 0.5)
    delivered(sdk, 1)
    said = sdk.events[0].attributes
    assert (said["outerloop.score.target"], said["session.id"], said["user.id"]) == (
        "session",
        "s-2",
        "u",
    )


def test_wrong_use_is_harmless(sdk: Sink, lenient: None, caplog: pytest.LogCaptureFixture) -> None:
    """No target, or an id that is none: logged once, nothing sent, nothing raised."""
    monitor.feedback("thumbs", 1)
    monitor.feedback("thumbs", 1, trace_id="not hex")
    monitor.outcome("x", object(), session="s")  # type: ignore[arg-type]
    assert monitor.flush(1) == monitor.Delivery(0, 0, 0)
    assert any("no trace_id and no session" in record.getMessage() for record in caplog.records)
