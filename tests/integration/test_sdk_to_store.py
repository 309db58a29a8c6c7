"""From an observed function through the collector into the store: sent equals stored."""

from __future__ import annotations

import time

import pytest

import monitor
from monitor.store import Store

pytestmark = pytest.mark.integration


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
