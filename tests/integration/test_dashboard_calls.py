"""The calls page on a real store: found in any order, opened as a debugger, read as a session, whoever sent it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit as st
from calls_seed import (
    AGENT_TRACE,
    LONG_STEPS,
    LONG_TRACE,
    SESSION,
    hostile_calls,
    seed_agent,
    seed_long,
    seed_session,
    seed_vectors,
)
from completion_pieces import CAPTURED, captured_logs
from dashboard_seed import DATASET, DEEP_TRACE, ERROR_TRACE, NOW, RETRAIN, SERVICE, seed
from normalisation_captures import LOGS, capture, captures, insert
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import dashboards
from dashboards import data
from dashboards.calls import finding, reads
from dashboards.calls.tree import first_wrong, place, wrongs
from dashboards.calls.turns import unfolded
from dashboards.filters import ALL_TIME, Filters
from dashboards.search import Search, parse_search
from monitor.store import Store, migrate
from monitor.store.completion import complete_calls

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("default"),
]  # Streamlit's own warnings are its affair

APP = Path(dashboards.__file__).with_name("app.py")
EVERYTHING = Filters(*ALL_TIME)
NOTHING = Search()
FAITHFUL = "SELECT trace_id FROM scores FINAL WHERE name = 'faithful'"
KEPT_BACK = ("otel-genai-openai-no_content/",)
"""Senders that were told to send no texts."""
SILENT = {
    *(f"traceloop-openai-events/{case}" for case in ("stream", "stream_abandoned", "stream_nousage", "stream_tools")),
    "mlflow-otlp/stream_tools",
    *(f"{dialect}/image" for dialect in (
        "traceloop-openai", "traceloop-openai-0.40-legacy", "traceloop-openai-0.52-legacy",
        "otel-openai-v2-experimental")),
    "traceloop-openai-0.52-legacy/stream_abandoned",
}  # fmt: skip
"""Cases of which the dialect verifiably does not carry a text: `normalisation_truth` has each gap."""


@pytest.fixture(scope="module")
def full(store_server: str) -> Iterator[Store]:
    """A January with an agent, a session, similar texts, a long trace, and hostile texts."""
    url = f"{store_server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    seed_agent(store)
    seed_session(store)
    seed_long(store)
    seed_vectors(store)
    hostile_calls(store)
    yield store
    store.close()


@pytest.fixture
def site(full: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    """The app under test looks at the full store, in the seeded January."""
    clock = tmp_path / "clock"
    clock.write_text(NOW.isoformat())
    monkeypatch.setenv("OUTERLOOP_CLOCK_FILE", str(clock))
    monkeypatch.setenv("OUTERLOOP_STORE_URL", full.url)
    return full


def opened(**query: str) -> AppTest:
    """The calls page as it stands after opening an address."""
    st.cache_data.clear()
    app = AppTest.from_file(str(APP), default_timeout=60)
    app._page_hash = calc_hash("calls")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception[0].value
    return app


def said(app: AppTest) -> str:
    """Every text on the page, escapes undone."""
    kinds = (
        app.title,
        app.subheader,
        app.markdown,
        app.caption,
        app.info,
        app.warning,
        app.error,
        app.code,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def read(store: Store, sql: str) -> list[tuple[object, ...]]:
    """A query's rows."""
    return [tuple(row) for row in store.client.query(sql).result_rows]


@pytest.mark.parametrize(
    ("order", "sql"),
    [
        ("slowest", "duration_ms DESC"),
        ("fastest", "duration_ms"),
        ("dearest", "ifNull(cost_usd, -1) DESC, timestamp DESC"),
        ("oldest", "timestamp"),
    ],
)
def test_the_store_sorts_all_calls(full: Store, order: str, sql: str) -> None:
    """The first of an order are the first of all calls, not of a page of them."""
    expected = read(full, f"SELECT trace_id FROM calls FINAL ORDER BY {sql}, span_id LIMIT 20")
    found = finding.ranked(full.url, EVERYTHING, NOTHING, order)
    assert found.whole
    assert list(found.calls["trace_id"][:20]) == [row[0] for row in expected]


def test_an_order_keeps_to_the_search(full: Store) -> None:
    """What is sorted is what matches the words, the filters and the conditions."""
    search = parse_search("mortgage latency<600")
    found = finding.ranked(
        full.url, Filters(*ALL_TIME, service=SERVICE), search, "slowest", patience_s=30
    )
    assert len(found.calls) == finding.RANKED
    assert found.calls["duration_ms"].is_monotonic_decreasing
    assert found.calls["duration_ms"].max() < 600


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("status:error error:RateLimitError", "error_type = 'RateLimitError'"),
        ("latency>900", "duration_ms > 900"),
        ("cost>0.002", "cost_usd > 0.002"),
        ('output.borrower:"Customer 5"', "JSONExtractString(output, 'borrower') = 'Customer 5'"),
        ("score:faithful", f"trace_id IN ({FAITHFUL} AND value <= 0)"),
        ("score.faithful>0.5", f"trace_id IN ({FAITHFUL} AND value >= 0.5)"),
    ],
)  # fmt: skip
def test_a_search_finds_what_sql_finds(full: Store, line: str, condition: str) -> None:
    """Words, fields, scores, cost, latency and errors select exactly the calls that they say."""
    [[expected]] = read(full, f"SELECT count() FROM calls FINAL WHERE {condition}")
    assert expected
    assert data.call_totals(full.url, EVERYTHING, parse_search(line)).calls == expected


def test_facets_carry_counts_that_agree_with_the_counting_rule(full: Store) -> None:
    """Ends and error types count each call once, resent or not."""
    ends = dict(read(full, "SELECT toString(status), count() FROM calls FINAL GROUP BY status"))
    errors = dict(
        read(
            full,
            "SELECT toString(error_type), count() FROM calls FINAL WHERE status = 'error' GROUP BY 1",
        )
    )
    assert finding.endings(full.url, EVERYTHING) == ends
    assert finding.error_types(full.url, EVERYTHING) == errors
    failed = finding.failed_scores(full.url, EVERYTHING)
    assert (
        failed["faithful"]
        == read(full, "SELECT count() FROM scores FINAL WHERE name = 'faithful' AND value <= 0")[0][
            0
        ]
    )


def test_the_list_shows_orders_and_counts(site: Store) -> None:
    """An address opens the list in an order; the facets say how many calls each value leaves."""
    app = opened(range="all", sort="slowest")
    assert "slowest first, put in order by the store" in said(app)
    ended = next(box for box in app.selectbox if box.label == "Ended")
    assert any(option.startswith("Error (") for option in ended.options)


def test_a_trace_opens_where_it_first_went_wrong_and_says_so(site: Store) -> None:
    """The failing tool is named above the waterfall, is opened, and one click leads back to it."""
    app = opened(trace_id=DEEP_TRACE)
    assert "First went wrong" in said(app)
    assert "tool: look_up_rate" in said(app)
    app = opened(trace_id=DEEP_TRACE, step="1")
    next(one for one in app.button if one.label == "Show that step").click().run()
    assert "tool: look_up_rate" in said(app)


def test_a_verdict_that_fails_marks_its_step(full: Store) -> None:
    """Without any error the step whose answer was judged wrong is where it first went wrong."""
    steps = place(data.trace_spans(full.url, AGENT_TRACE))
    wrong = wrongs(steps, data.trace_scores(full.url, AGENT_TRACE, ""))
    first = first_wrong(steps, wrong)
    assert first is not None
    assert (steps[first].span.span_id, wrong[first]) == ("a-2", "score right fails")
    root = steps[0]
    assert root.cost_usd == pytest.approx(0.005)
    assert root.own_ms == pytest.approx(1400 - 300 - 200 - 400)


def test_from_one_failing_trace_to_the_next(site: Store) -> None:
    """Both ways, within the filters, and in words where there is none."""

    def beside(trace: str, *, later: bool) -> str:
        times = [span.timestamp for span in data.trace_spans(site.url, trace)]
        here = finding.Opened(trace, min(times), max(times))
        return finding.failing_neighbour(site.url, EVERYTHING, NOTHING, of=here, later=later)

    assert beside(ERROR_TRACE, later=False) == AGENT_TRACE
    assert beside(AGENT_TRACE, later=True) == ERROR_TRACE
    app = opened(trace_id=ERROR_TRACE, service="support-chat", range="all")
    next(one for one in app.button if one.label == "Next failing trace").click().run()
    assert "No trace after this one failed" in said(app)


def test_tool_calls_stand_beside_their_results(site: Store) -> None:
    """By id in the next call's messages, by name among the steps, and in words where neither tells."""
    app = opened(trace_id=AGENT_TRACE, step="2")
    text = said(app)
    assert text.index("calls the tool weather") < text.index("calls the tool rate")
    assert "sunny, 21 degrees" in text
    assert "What it answered is told nowhere in this trace" in text
    assert any('"rate": 4.2' in str(code.value) for code in app.code)


def test_an_answer_is_compared_field_by_field(site: Store) -> None:
    """A person's right answer is set against the call's, wrong fields first."""
    app = opened(trace_id=AGENT_TRACE, step="4")
    assert "told by human right" in said(app)
    assert "1 of 2 fields differ" in said(app)


def test_similar_calls_are_the_nearest_vectors(site: Store) -> None:
    """The neighbours by cosine, the call itself left out; without a vector it is said in words."""
    spans = data.trace_spans(site.url, "t-00510")
    call = next(span for span in spans if span.kind == "call")
    [found] = reads.near_calls(site.url, "t-00510", call)
    assert found.near[0].trace_id in {"t-00509", "t-00511"}
    assert "t-00510" not in {one.trace_id for one in found.near}
    assert found.near[0].likeness >= found.near[-1].likeness
    assert "By their input" in said(opened(trace_id="t-00510", look="similar"))
    assert "no vector of this call" in said(opened(trace_id=DEEP_TRACE, look="similar", step="5"))


def test_a_call_leads_to_what_was_trained_on_it(site: Store) -> None:
    """Call, dataset, retrain and release stand together; a call of none says so."""
    text = said(opened(trace_id=AGENT_TRACE, step="4", look="use"))
    assert DATASET in text
    assert "to train on" in text
    assert "label by Ada" in text
    assert any(
        one.dataset_version == DATASET and one.retrain_id == RETRAIN
        for one in reads.trained(site.url)
    )
    assert "in no dataset" in said(opened(trace_id=AGENT_TRACE, step="2", look="use"))


def test_a_session_says_nothing_twice(site: Store) -> None:
    """Four calls that each repeat the history read as one conversation; a repeated `yes` is said again."""
    turns = unfolded(reads.session(site.url, SESSION))
    assert [turn.new_from for turn in turns] == [1, 3, 5, 7]
    app = opened(session=SESSION)
    texts = [str(code.value) for code in app.code]
    assert texts.count("yes") == 2
    assert [text for text in texts if text.startswith("answer")] == [
        f"answer {n}" for n in range(4)
    ]
    assert texts.count("Be brief.") == 1


def test_a_trace_of_thousands_of_steps_opens(site: Store) -> None:
    """Every step is in the tree, a stretch of them is drawn, and the failing one is found."""
    app = opened(trace_id=LONG_TRACE)
    assert f"{LONG_STEPS:,} steps" in said(app)
    assert "ValueError" in said(app)
    assert "are drawn, around the one that is opened" in said(app)
    app = opened(trace_id=LONG_TRACE, steps="tree")
    assert app.dataframe[0].value["number"].tolist() == [1, 4205, 4206]
    app.toggle[0].set_value(False).run()
    assert len(app.dataframe[0].value) == LONG_STEPS


@pytest.mark.parametrize("address", ["trace_id", "session"])
def test_what_never_was_is_a_sentence(site: Store, address: str) -> None:
    """A deleted or invented trace or session is explained, its id shown harmlessly."""
    app = opened(**{address: "<script>nope</script>"})
    assert "There is no" in app.warning[0].value
    assert "\\<script" in app.warning[0].value


@pytest.mark.parametrize("step", ["99999999999999", "٣"])
def test_an_odd_step_does_no_harm(site: Store, step: str) -> None:
    """A number that is none, or beyond all steps, opens the trace as without it."""
    assert "tool: look_up_rate" in said(opened(trace_id=DEEP_TRACE, step=step))


@pytest.mark.parametrize(
    "name",
    [
        "markdown", "direction", "zero-width", "nul", "ansi", "base64", "broken-json", "deep-json",
        "empty", "surrogate", "messages",
    ],
)  # fmt: skip
def test_hostile_texts_are_shown_as_texts(site: Store, name: str) -> None:
    """No markup, no escape, no direction change acts; what cannot be seen is made visible."""
    app = opened(trace_id=f"t-hostile-{name}")
    marked = [*app.markdown, *app.caption, *app.title, *app.subheader, *app.error, *app.info]
    for element in marked:
        value = str(element.value)
        assert not getattr(element, "allow_html", False)
        assert "<b>" not in value.replace("\\<b\\>", "")
        assert "](http" not in value
        assert "$\\frac" not in value.replace("\\$", "")
    for element in [*marked, *app.code]:
        assert not set(str(element.value)) & set("\x00\x1b\x07\u202e\u200b\u2060")


@pytest.fixture(scope="module")
def foreign(store_server: str) -> Iterator[Store]:
    """What the instrumentations of others really sent, all of it."""
    url = f"{store_server}/d_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    insert(store, [row for name in captures() for row in capture(name)])
    insert(store, [row for name in captures("logs") for row in captured_logs(name)], LOGS)
    complete_calls(store, since=CAPTURED, until=CAPTURED + timedelta(days=1))
    yield store
    store.close()


def test_no_foreign_span_is_unknown_or_empty(foreign: Store) -> None:
    """Every call of every dialect has a model, and its texts where its sender told them."""
    of = {str(row["TraceId"]): name for name in captures() for row in capture(name)}
    calls = read(
        foreign,
        "SELECT trace_id, toString(operation), toString(status), input = '', output = '',"
        " concat(request_model, response_model), toString(provider), toString(convention)"
        " FROM calls FINAL",
    )
    assert {of[str(call[0])].split("/")[0] for call in calls} == {
        name.split("/")[0] for name in of.values()
    }
    silent = set()
    for trace, operation, status, no_input, no_output, model, provider, convention in calls:
        name = of[str(trace)]
        assert model, name
        assert "unknown" not in (model, provider, convention), name
        told = operation != "embeddings" and status == "ok"
        if told and (no_input or no_output) and not name.startswith(KEPT_BACK):
            silent.add(name)
    assert silent <= SILENT, silent - SILENT
    assert not read(foreign, "SELECT * FROM steps FINAL WHERE name = '' OR kind IN ('', 'unknown')")


@pytest.mark.parametrize(
    "name",
    [
        "openinference-openai/tools", "traceloop-openai/tools", "vercel-ai-7/tools",
        "logfire-openai/structured", "pydantic-ai/tools",
    ],
)  # fmt: skip
def test_a_foreign_trace_opens_with_its_texts(
    foreign: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Input and output stand there as a conversation, with words for what the dialect does not tell."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", foreign.url)
    trace = str(capture(name)[0]["TraceId"])
    app = opened(trace_id=trace)
    text = said(app)
    assert "unknown" not in text
    assert "The sender sent no" not in text
    assert app.code


def test_the_raw_span_is_shown_as_it_arrived(
    foreign: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attributes, resource and scope of the sender stand there, whatever was made of them."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", foreign.url)
    sent = capture("openinference-openai/chat")[0]
    text = said(opened(trace_id=str(sent["TraceId"]), look="raw"))
    assert str(sent["ScopeName"]) in text
    assert "openinference.span.kind" in text
