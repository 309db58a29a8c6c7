"""The checks job and time: what comes in after its hour was looked at is checked too, within bounds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from traffic import SERVICE, START, CallRow, send

from monitor.jobs import checks
from monitor.jobs.job import Window
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
NOW = START + timedelta(days=5)


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def answers(
    text: str, *, hours_ago: float, n: int = 1, name: str = "a", service: str = SERVICE
) -> list[CallRow]:
    """Calls that gave this answer so long ago."""
    at = NOW - timedelta(hours=hours_ago)
    return [
        CallRow(
            at + timedelta(seconds=k), f"t-{name}-{k}", f"s-{name}-{k}", "c", service, "r1", "m",
            "chat", "when?", text,
        )
        for k in range(n)
    ]  # fmt: skip


def run(store: Store, settings: Settings) -> dict[str, int]:
    """One run over the last hour."""
    return dict(checks.run(store, settings, Window(NOW - timedelta(hours=1), NOW)))


def test_what_comes_in_late_is_checked_once(store: Store, settings: Settings) -> None:
    """A day late and broken: it fails like any other; what is older than three days stays unknown."""
    send(store, answers('{"due": 1}', hours_ago=0.5, n=5, name="fresh"))
    assert run(store, settings) == {"calls": 5, "failed": 0}
    send(store, answers('{"due": ', hours_ago=26, n=3, name="late"))
    send(store, answers('{"due": 1}', hours_ago=100, name="ancient"))
    assert run(store, settings) == {"late": 3, "calls": 3, "failed": 3}
    assert run(store, settings) == {}
    known = store.client.query("SELECT trace_id, value FROM scores FINAL WHERE value = 0")
    assert sorted(known.result_rows) == [(f"t-late-{k}", 0.0) for k in range(3)]


def test_late_answers_in_plain_text_are_left_alone(store: Store, settings: Settings) -> None:
    """A service that answered in text before it changed to JSON has no failures for it; nor has another service."""
    send(store, answers('{"due": 1}', hours_ago=0.5, n=5, name="fresh"))
    run(store, settings)
    send(store, answers("Tomorrow.", hours_ago=30, n=4, name="plain"))
    send(store, answers('{"due": ', hours_ago=30, n=4, name="other", service="never-json"))
    assert run(store, settings) == {}
