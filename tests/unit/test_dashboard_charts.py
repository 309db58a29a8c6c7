"""The dashboards' pure layers: what charts say, how a trace is laid out, and how strangers' texts are tamed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from dashboards import charts, words
from dashboards.calls.tree import first_wrong, place, wrongs
from dashboards.filters import ALL_TIME, Filters, bucket_s, time_range
from dashboards.rows import Span
from dashboards.trace import conversation, field_pairs

NOW = datetime(2024, 1, 4, 12, 30, tzinfo=UTC)
HOURS = pd.to_datetime([NOW - timedelta(hours=hour) for hour in range(3)], utc=True)
MARKS = pd.DataFrame(
    {"time": HOURS[:2], "what": ["release b", "incident"], "meaning": ["change", "fault"]}
)


def span(
    name: str,
    identity: str,
    parent: str = "",
    *,
    after_ms: float = 0,
    status: str = "ok",
    kind: str = "function",
) -> Span:
    """A step with nothing in it but its place."""
    return Span(
        timestamp=NOW + timedelta(milliseconds=after_ms),
        span_id=identity,
        parent_span_id=parent,
        service="s",
        release="r",
        environment="",
        kind=kind,
        name=name,
        request_model="",
        response_model="",
        provider="",
        prompt_name="",
        prompt_version="",
        session_id="",
        user_id="",
        tags={},
        input_tokens=None,
        output_tokens=None,
        usage_estimated=False,
        cost_usd=None,
        duration_ms=10,
        time_to_first_token_ms=None,
        status=status,
        error_type="",
        error_message="",
        finish_reason="",
        convention="",
    )


def titles(chart: Any) -> set[str]:
    """Every axis title of a chart, however deep its layers."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for channel in ("x", "y"):
                axis = node.get("encoding", {}).get(channel, {})
                if axis.get("title"):
                    found.add(axis["title"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(chart.to_dict())
    return found


TRAFFIC = pd.DataFrame(
    {
        "bucket": HOURS,
        "calls": [10, 0, 7],
        "errors": [1, 0, 7],
        "p50_ms": [1.0, 2.0, 3.0],
        "p95_ms": [4.0, 5.0, 6.0],
        "cost_usd": [0.1, 0.0, 0.2],
        "input_tokens": [1, 2, 3],
        "output_tokens": [1, 2, 3],
    }
)


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        (charts.volume(TRAFFIC, MARKS), {"calls", "time of the call (UTC)"}),
        (charts.latency(TRAFFIC), {"latency (ms)", "time of the call (UTC)"}),
        (charts.spend(TRAFFIC), {"cost (USD)", "time of the call (UTC)"}),
        (
            charts.quality(
                pd.DataFrame(
                    {
                        "bucket": HOURS,
                        "failures": [0, 1, 2],
                        "n": [9, 9, 9],
                        "immature": [True, False, False],
                    }
                ),
                MARKS,
            ),
            {"failing share (%)", "time of the call (UTC)"},
        ),
        (
            charts.incident_rate(
                pd.DataFrame(
                    {
                        "start": HOURS,
                        "end": HOURS + timedelta(hours=1),
                        "count": [0, 1, 2],
                        "n": [9, 9, 9],
                    }
                ),
                baseline=(0.01, 0.005, 0.02),
                began=(NOW - timedelta(hours=2), NOW),
                marks=MARKS,
            ),
            {"faults per call (%)", "time of the call (UTC)"},
        ),
        (
            charts.evidence(
                pd.DataFrame(
                    {"window_end": HOURS, "e_value": [0.0, 3.0, 1e9], "status": ["stable"] * 3}
                ),
                100.0,
            ),
            {"evidence (e-value, log scale)", "end of the window looked at (UTC)"},
        ),
        (
            charts.forest(
                pd.DataFrame(
                    {
                        "part": ["a"],
                        "difference": [-0.1],
                        "low": [-0.2],
                        "high": [-0.05],
                        "n": [9],
                        "smallest": [None],
                        "candidate": [0.1],
                        "production": [0.2],
                        "shown": ["20 % → 10 %"],
                    }
                ),
                margin=0.02,
            ),
            {"candidate's error rate minus production's (percentage points)"},
        ),
        (
            charts.composition(
                pd.DataFrame(
                    {"split": ["train"], "reason": ["random"], "members": [3], "labelled": [2]}
                )
            ),
            {"members (calls)", "why it is in"},
        ),
        (
            charts.ledger(
                pd.DataFrame(
                    {"bucket": HOURS, "entry": ["accepted", "stored", "odd"], "count": [1, 2, 3]}
                )
            ),
            {"records", "time of arrival (UTC)"},
        ),
        (charts.waterfall(place([span("a", "1")]), 0), {"time since the trace began (ms)"}),
    ],
)
def test_every_axis_says_its_unit(chart: Any, expected: set[str]) -> None:
    """Each chart compiles to Vega-Lite and its axes carry titles with units."""
    assert expected <= titles(chart)


def test_a_rate_chart_carries_counts_and_wilson_intervals() -> None:
    """No rate is drawn without its n and its interval."""
    rows = charts.with_intervals(pd.DataFrame({"failures": [0, 5], "n": [20, 100]}))
    assert rows["low"].tolist()[0] == 0
    assert rows["high"].tolist()[0] == pytest.approx(0.161, abs=1e-3)
    assert (rows["low"] <= rows["rate"]).all()
    assert (rows["rate"] <= rows["high"]).all()


def test_steps_come_in_tree_order_with_their_depth() -> None:
    """Children follow their parent, siblings in order of time, and an unknown parent makes a root."""
    steps = place(
        [
            span("root", "1"),
            span("b", "3", "1", after_ms=5),
            span("a", "2", "1", after_ms=6),
            span("leaf", "4", "3", after_ms=7),
            span("orphan", "5", "gone", after_ms=8),
        ]
    )
    assert [(step.span.name, step.depth) for step in steps] == [
        ("root", 0),
        ("b", 1),
        ("leaf", 2),
        ("a", 1),
        ("orphan", 0),
    ]
    assert steps[1].start_ms == 5


def test_a_loop_of_parents_loses_no_step() -> None:
    """Spans that claim each other as parent are shown flat instead of hanging the page."""
    assert len(place([span("a", "1", "2"), span("b", "2", "1"), span("self", "3", "3")])) == 3


def test_a_trace_opens_where_it_first_went_wrong() -> None:
    """The innermost failing step is selected, not the root that inherited its error."""
    steps = place(
        [
            span("root", "1", status="error"),
            span("fine", "2", "1"),
            span("broken", "3", "1", status="error"),
        ]
    )
    first = first_wrong(steps, wrongs(steps, []))
    assert first is not None
    assert steps[first].span.name == "broken"
    healthy = place([span("root", "1"), span("chat", "2", "1", kind="call")])
    assert first_wrong(healthy, wrongs(healthy, [])) is None


def test_a_conversation_keeps_tool_calls_and_odd_messages() -> None:
    """Tool calls, tool results and messages with plain content are all read; nonsense is none."""
    read = conversation(
        '[{"role":"assistant","parts":[{"type":"tool_call","name":"f","arguments":{"a":1}}]},'
        '{"role":"tool","parts":[{"type":"tool_call_response","response":"ok"}]},'
        '{"role":"user","content":"hi"}, 5]'
    )
    assert [(message.role, message.parts[0].kind) for message in read] == [
        ("assistant", "tool_call"),
        ("tool", "tool_result"),
        ("user", "text"),
    ]
    assert conversation("[" * 100_000) == []


def test_fields_are_compared_deeply_and_wrong_ones_come_first() -> None:
    """Nested fields get a path; a missing field is a difference."""
    pairs = field_pairs('{"a": {"b": 1}, "c": 2}', '{"a": {"b": 1}, "c": 3, "d": null}')
    assert [(pair.field, pair.same) for pair in pairs] == [
        ("c", False),
        ("d", False),
        ("a.b", True),
    ]


def test_markup_of_strangers_is_escaped() -> None:
    """Nothing in a text can become a link, an image, HTML, LaTeX or a Streamlit directive."""
    tamed = words.plain("![x](http://evil) <b> $x$ :red[y] `z`\nnext")
    for character in "![]()<>$:`":
        assert f"\\{character}" in tamed
    assert "\n" not in tamed


def test_ranges_end_now_and_all_is_unbounded() -> None:
    """A range ends with the running minute, one of days begins at a full hour; `all` leaves nothing out."""
    assert time_range("1h", NOW)[1] - time_range("1h", NOW)[0] == timedelta(hours=1)
    since, until = time_range("24h", NOW)
    assert timedelta(0) < until - NOW <= timedelta(minutes=1)
    assert timedelta(hours=24) <= until - since < timedelta(hours=25)
    assert (since.minute, since.second) == (0, 0)
    assert time_range("nonsense", NOW) == time_range("7d", NOW)
    assert time_range("all", NOW) == ALL_TIME
    assert bucket_s(*ALL_TIME) == 7 * 86_400


def test_filters_name_only_what_is_set() -> None:
    """A link keeps the facets that somebody chose, tag included."""
    assert Filters(NOW, NOW, service="a", tag_key="tenant", tag_value="acme").facets() == {
        "service": "a",
        "tag": "tenant=acme",
    }
