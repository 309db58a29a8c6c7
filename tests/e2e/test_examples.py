"""The examples run as they stand, against real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from simulated_extractor import Weights, app

from monitor.standins.loopback import LoopbackServer
from monitor.store import Store, migrate
from tests.conftest import free_port, start, stop

pytestmark = pytest.mark.e2e
EXAMPLE = Path(__file__).parents[2] / "examples" / "instrumented_app.py"
WEIGHTS = Weights("my-model", 2024, 0.0, 0.0, 1, "nothing")


def test_the_instrumented_app_is_seen_in_the_store(store_server: str, tmp_path: Path) -> None:
    """Its call, its function and its outcome arrive, joined by trace and session."""
    url = f"{store_server}/example"
    migrate(url, retention_days=0)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    collector = start(
        "collector", ready=f"{address}/healthz", OUTERLOOP_STORE_URL=url,
        OUTERLOOP_DATA_DIR=str(tmp_path), OUTERLOOP_OTLP_HTTP_PORT=str(port),
    )  # fmt: skip
    try:
        with LoopbackServer(app([WEIGHTS])) as model:
            openai = {"OPENAI_BASE_URL": f"{model.url}/v1", "OPENAI_API_KEY": "none"}
            done = subprocess.run(
                [sys.executable, str(EXAMPLE), "my-model"],
                env={**os.environ, "OUTERLOOP_ENDPOINT": address, **openai},
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
        assert "acknowledged=3, pending=0, dropped=0" in done.stdout
        store, deadline = Store(url), time.monotonic() + 60
        while int(store.value("rows_stored")) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        joined = store.client.query(
            "SELECT steps.name, calls.request_model, calls.input_tokens > 0, scores.value,"
            " calls.tags['tenant'] FROM calls"
            " JOIN steps ON steps.span_id = calls.parent_span_id JOIN scores ON scores.session_id = calls.session_id"
        ).result_rows
        assert [tuple(row) for row in joined] == [("extract", "my-model", 1, 1.0, "acme")]
    finally:
        stop(collector)
