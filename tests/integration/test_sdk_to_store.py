"""From an observed function through the collector into the store: sent equals stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import openai
import pytest
from model_service import ModelService, serving  # noqa: F401 - a fixture
from openai import OpenAI

import monitor
from monitor.store import Store
from monitor.watching.metrics import Cast
from monitor.watching.reading import Hours, Period, hour_number, read_hours

pytestmark = pytest.mark.integration
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def test_steps_and_scores_arrive(collector_url: str, store: Store) -> None:
    """What `flush` says was acknowledged is what the store holds, in its typed columns."""

    @monitor.observe(kind="chain")
    def extract(log: str) -> dict[str, str]:
        monitor.feedback("thumbs", -1, comment="wrong year", key="k")
        return {"due": log}

    monitor.init(service="loan-extractor", release="extractor-2023-11", endpoint=collector_url)
    with monitor.context(session="s-1", user="u-9", tags={"tenant": "acme"}):
        for _ in range(20):
            extract("2024-01-05")
    delivery = monitor.flush(10)
    monitor.shutdown()
    assert delivery == monitor.Delivery(acknowledged=40, pending=0, dropped=0)
    client = store.client
    deadline = time.monotonic() + 60
    counts: tuple[int, ...] = ()
    while counts != (20, 20, 20, 20) and time.monotonic() < deadline:
        time.sleep(0.1)  # the views fill the typed tables just after the raw ones
        tables = ("otel_traces", "otel_logs", "steps FINAL", "scores FINAL")
        counts = tuple(client.query(f"SELECT count() FROM {t}").first_row[0] for t in tables)
    assert counts == (20, 20, 20, 20)
    step = client.query(
        "SELECT service, release, kind, name, session_id, user_id, tags, input, output, status"
        " FROM steps FINAL LIMIT 1"
    ).result_rows[0]
    assert step == (
        "loan-extractor", "extractor-2023-11", "chain", "extract", "s-1", "u-9",
        {"tenant": "acme"}, '{"log":"2024-01-05"}', '{"due":"2024-01-05"}', "ok",
    )  # fmt: skip
    score = client.query(
        "SELECT target, name, source, value, explanation FROM scores FINAL LIMIT 1"
    ).result_rows[0]
    assert score == ("trace", "thumbs", "user", -1.0, "wrong year")


def test_a_sampled_service_has_the_error_rate_that_it_really_has(
    collector_url: str, store: Store, service: ModelService
) -> None:
    """A quarter of the calls and every failing one are kept; rates are those of all calls made."""
    monitor.init(service="shop", endpoint=collector_url, sample=0.25)
    made, bad = 240, 40
    with OpenAI(base_url=service.url, api_key="k", max_retries=0) as client:
        chat = monitor.wrap(client).chat.completions
        for number in range(made):
            if number % (made // bad):
                chat.create(model="m", messages=[{"role": "user", "content": "When?"}])
            else:
                with pytest.raises(openai.BadRequestError):
                    chat.create(model="fail-400", messages=[{"role": "user", "content": "When?"}])
    kept = monitor.flush(10).acknowledged
    monitor.shutdown()
    client = store.client
    deadline = time.monotonic() + 60
    while store.value("calls_counted") < kept and time.monotonic() < deadline:
        time.sleep(0.1)
    failed, everything = client.query(
        "SELECT countIf(status = 'error'), sum(1 / sampling_probability) FROM calls FINAL"
    ).first_row
    assert failed == bad
    assert kept < made
    assert abs(everything - made) < 0.5 * made
    hours = read_hours(store, Period("shop", 0, hour_number(NEVER)), Cast(), clock="call")
    rows = client.query("SELECT trace_id, status FROM calls FINAL").result_rows
    within = [status for trace, status in rows if int(trace[-14:], 16) >= 0.75 * 2**56]
    assert 0 < len(within) < kept
    expected = (within.count("error"), len(within))
    assert _together(hours["call/error", ""]) == expected
    [of_type] = [key for key in hours if key[0].startswith("error/")]
    assert _together(hours[of_type]) == expected


def _together(hours: Hours) -> tuple[int, int]:
    """Events and looks of all hours."""
    return sum(count for count, _ in hours.values()), sum(n for _, n in hours.values())
