"""The counting rule: no figure of any view disagrees with `calls FINAL`, summed up or not, sent twice or late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
import streamlit as st
from dashboard_seed import FIRST, NOW, OTHER, RELEASE, SERVICE, CallRow, seed

from dashboards import data
from dashboards.filters import ALL_TIME, Filters
from dashboards.search import Search, parse_search
from monitor.jobs.hours import add_up
from monitor.store import Store

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("default")]

EVERYTHING = Filters(*ALL_TIME)
NARROWED = [
    EVERYTHING,
    replace(EVERYTHING, service=SERVICE),
    replace(EVERYTHING, model="extractor", prompt_version="3"),
    replace(EVERYTHING, tag_key="tenant", tag_value="acme"),
    replace(EVERYTHING, tag_key="tenant", tag_value="acme", release=RELEASE),
    Filters(FIRST + timedelta(hours=3, minutes=20), NOW - timedelta(minutes=50)),
]
ASKED = (("services", 0), ("traffic", 3600), ("traffic", 300), ("releases", 0))
"""Questions of the views, with the seconds of their bars."""
RULE = """
SELECT count(), sum(ifNull(calls.cost_usd, 0)), countIf(status = 'error'), countIf(calls.cost_usd IS NULL)
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(3)} AND timestamp < {until:DateTime64(3)}
  AND ({service:String} = '' OR service = {service:String}) AND ({release:String} = '' OR release = {release:String})
  AND ({environment:String} = '' OR environment = {environment:String})
  AND ({model:String} = '' OR request_model = {model:String})
  AND ({prompt_version:String} = '' OR prompt_version = {prompt_version:String})
  AND ({tag_key:String} = '' OR tags[{tag_key:String}] = {tag_value:String})
"""


@pytest.fixture
def filled(store: Store) -> Store:
    """A January whose first 200 calls came twice, for a test that adds to it."""
    seed(store, calls=240)
    st.cache_data.clear()
    return store


@pytest.fixture(scope="module")
def january(module_store: Store) -> Store:
    """The same, for all tests that only read."""
    seed(module_store, calls=300)
    st.cache_data.clear()
    return module_store


def sum_up(store: Store) -> int:
    """Run the job; returns how many hours it summed up."""
    counts = add_up(store, kept_since=ALL_TIME[0], quiet_s=0)
    assert counts["waiting"] == 0
    return counts["hours"]


def assert_rule(store: Store, narrowed: Sequence[Filters] = NARROWED) -> None:
    """Every figure of calls and cost that a view shows, under these filters, is what the rule says."""
    st.cache_data.clear()
    for filters in narrowed:
        given = {
            name: f"{value:%Y-%m-%d %H:%M:%S}" if name in {"since", "until"} else value
            for name, value in filters.parameters().items()
        }
        [(count, cost, errors, unpriced)] = store.client.query(RULE, parameters=given).result_rows
        totals = data.call_totals(store.url, filters)
        assert (totals.calls, totals.errors, totals.unpriced) == (count, errors, unpriced), filters
        assert totals.cost_usd == pytest.approx(cost)
        listed = data.call_list(store.url, filters, Search(), patience_s=60)
        assert len(listed.calls) == min(count, data.LISTED)
        for question, bars in ASKED:
            frame = data.asked(store.url, question, filters, bars)
            assert (frame["calls"].sum() if count else 0) == count, (question, filters)
            if "cost_usd" in frame and count:
                assert frame["cost_usd"].sum() == pytest.approx(cost)
    [(count, *_)] = store.client.query(
        RULE, parameters={**given, "since": "1970-01-01 00:00:00", "until": "2200-01-01 00:00:00"}
    ).result_rows
    counts = data.facets(store.url, *ALL_TIME, "")
    assert sum(counts["service"].values()) == count == data.extent(store.url).calls
    assert sum(counts["tag"].values()) == sum(
        int(row[0])
        for row in store.client.query("SELECT length(tags) FROM calls FINAL").result_rows
    )


def test_every_figure_is_the_rules_before_and_after_summing_up(filled: Store) -> None:
    """Calls read one by one and hours summed up give the same figures, under every filter."""
    assert_rule(filled)
    assert sum_up(filled) > 50
    assert_rule(filled)
    assert sum_up(filled) == 0


def test_what_comes_late_or_twice_is_counted_at_once(filled: Store) -> None:
    """A late span, a resent one and a correction open their hours again; summing up again changes nothing."""
    sum_up(filled)
    late = CallRow(
        FIRST + timedelta(hours=5), "late", "late-a", SERVICE, tags={"tenant": "acme"}, cost_usd=7.0
    )
    filled.append("calls", [late])
    filled.append("calls", [late, replace(late, cost_usd=9.0)])
    filled.append(
        "calls", [CallRow(NOW - timedelta(hours=1), "new", "new-a", OTHER, cost_usd=None)]
    )
    touched = [NARROWED[4], EVERYTHING]
    assert_rule(filled, touched)
    assert sum_up(filled) == 2
    assert_rule(filled, touched)


def test_quality_is_the_same_summed_up_or_not(filled: Store) -> None:
    """The sums of scores, under each single facet, do not depend on who adds them; a score told later is added."""

    def told() -> list[list[tuple[object, ...]]]:
        st.cache_data.clear()
        frames = [data.asked(filled.url, "quality", one) for one in NARROWED[:2]]
        return [list(frame.round(9).itertuples(index=False, name=None)) for frame in frames]

    before = told()
    sum_up(filled)
    assert told() == before
    filled.client.command(
        "INSERT INTO scores SELECT * REPLACE (now64(9) AS timestamp, 0 AS value, 'again' AS score_id) FROM scores"
        " WHERE name = 'json_valid' LIMIT 1"
    )
    assert sum_up(filled) == 1
    failed = [
        next(row for row in rows if row[2] == "json_valid") for rows in (before[0], told()[0])
    ]
    assert (failed[1][3] - failed[0][3], failed[1][4] - failed[0][4]) == (1, 1)


def test_an_hour_whose_mark_is_still_to_come_is_added_up_later(filled: Store) -> None:
    """A score that was told a moment ago marks its hour for later; the job does not turn round on it meanwhile."""
    sum_up(filled)
    mark = (
        "INSERT INTO hours_touched (service, hour, scored)"
        " SELECT service, hour, now64(3) + {seconds:Int32} FROM hours_touched GROUP BY service, hour LIMIT 3"
    )
    filled.client.query(mark, parameters={"seconds": 600})
    assert sum_up(filled) == 0


@pytest.mark.parametrize(
    ("line", "condition"),
    [
        ("status:error", "status = 'error'"),
        ("latency>500", "duration_ms > 500"),
        ("error:APIConnectionError", "error_type = 'APIConnectionError'"),
        ("MORTGAGE", "positionCaseInsensitive(input, 'mortgage') > 0"),
        ('"due_date": "2023', "position(output, '\"due_date\": \"2023') > 0"),
        ('output.borrower:"Customer 7"', "JSONExtractString(output, 'borrower') = 'Customer 7'"),
        ("session:s-9", "session_id = 's-9'"),
        ("cost<0.001 user:u-3", "cost_usd < 0.001 AND user_id = 'u-3'"),
        ("score:year_slip", "trace_id IN (SELECT trace_id FROM scores FINAL WHERE name = 'year_slip' AND value <= 0)"),
    ],
)  # fmt: skip
def test_a_search_finds_and_counts_what_it_says(january: Store, line: str, condition: str) -> None:
    """List and figures of a search are those of the same condition written by hand."""
    search = parse_search(line)
    [[expected]] = january.client.query(
        f"SELECT count() FROM calls FINAL WHERE {condition}"
    ).result_rows
    assert expected
    found = data.call_list(january.url, EVERYTHING, search, patience_s=60)
    assert len(found.calls) == min(expected, data.LISTED)
    assert data.call_totals(january.url, EVERYTHING, search).calls == expected


def test_pages_follow_each_other_without_a_gap(january: Store) -> None:
    """Going back page by page shows every call once, newest first."""
    spans: list[str] = []
    before = None
    for _ in range(10):
        page = data.call_list(january.url, EVERYTHING, Search(), before=before, patience_s=60)
        spans += list(page.calls["span_id"])
        before = page.searched_since
        if page.whole:
            break
    [[count]] = january.client.query("SELECT count() FROM calls FINAL").result_rows
    assert len(spans) == len(set(spans)) == count
