"""Anthropic and LiteLLM by their own OpenTelemetry instrumentations: what they sent, in `calls`."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

import pytest

from monitor.store import Store

pytestmark = pytest.mark.integration

DATA = Path(__file__).parents[1] / "data" / "otlp"


@pytest.mark.parametrize(
    ("capture", "row"),
    [
        ("litellm-otel/chat", ("litellm", "openai", 29, 8, 17)),
        ("openinference-anthropic/chat", ("openinference", "anthropic", 32, 8, 17)),
    ],
)
def test_what_the_documented_set_up_sends_is_a_call(
    collector_url: str, store: Store, capture: str, row: tuple[object, ...]
) -> None:
    """One row in the library's own dialect, to the token."""
    request = urllib.request.Request(
        f"{collector_url}/v1/traces",
        (DATA / f"{capture}.pb").read_bytes(),
        {"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    question = (
        "SELECT convention, provider, input_tokens, cached_input_tokens, output_tokens"
        " FROM calls FINAL WHERE convention = {c:String}"
    )
    deadline = time.monotonic() + 60
    rows: list[object] = []
    while not rows and time.monotonic() < deadline:
        time.sleep(0.1)
        rows = list(store.client.query(question, {"c": row[0]}).result_rows)
    assert rows == [row]
