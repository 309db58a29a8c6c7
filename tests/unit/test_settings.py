"""Settings: the environment wins, and a wrong value is refused with its name, its problem and an example."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.exceptions import ConfigurationError
from monitor.settings import load_settings


def test_defaults_are_those_of_a_laptop() -> None:
    """Without any setting: embedded store, everything on loopback, the usual ports."""
    settings = load_settings()
    assert settings.store == "http://127.0.0.1:8125/outerloop"
    assert (settings.host, settings.otlp_http_port, settings.dashboard_port) == (
        "127.0.0.1",
        4318,
        8501,
    )


def test_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`outerloop.toml` is read, and the same name in the environment goes before it."""
    Path("outerloop.toml").write_text(
        'store_port = 9001\ndashboard_port = 9002\njudge_models = ["a", "b"]\n'
    )
    monkeypatch.setenv("OUTERLOOP_STORE_PORT", "9003")
    settings = load_settings()
    assert (settings.store_port, settings.dashboard_port) == (9003, 9002)
    assert settings.judge_models == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTLP_HTTP_PORT", "70000", "less than or equal to 65535"),
        ("OTLP_HTTP_PORT", "http", "valid integer"),
        ("STORE_URL", "clickhouse:8123", "URL"),
        ("RETENTION_DAYS", "-1", "greater than or equal to 0"),
        ("DATABASE", "no-dashes", "pattern"),
        ("JUDGE_DAILY_BUDGET_USD", "lots", "valid number"),
    ],
)
def test_a_wrong_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """The message names the variable, the value, what is wrong, and gives an example."""
    monkeypatch.setenv(f"OUTERLOOP_{name}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    text = str(refused.value)
    assert f"OUTERLOOP_{name}={value}" in text
    assert told in text
    assert f"for example OUTERLOOP_{name}=" in text


def test_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an error nor a print of the settings shows a secret's value."""
    monkeypatch.setenv("OUTERLOOP_TOKEN", "hunter2-hunter2")
    monkeypatch.setenv("OUTERLOOP_SLACK_TOKEN", "xoxb-hunter2")
    assert "hunter2" not in repr(load_settings())


def test_an_unknown_name_in_the_file_is_refused() -> None:
    """A typing error in `outerloop.toml` is not silently ignored."""
    Path("outerloop.toml").write_text("strore_port = 9001\n")
    with pytest.raises(ConfigurationError, match="strore_port is no setting"):
        load_settings()


def test_an_open_listener_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that others can reach is refused until there is a token."""
    monkeypatch.setenv("OUTERLOOP_HOST", "0.0.0.0")
    with pytest.raises(ConfigurationError, match="OUTERLOOP_TOKEN"):
        load_settings()
    monkeypatch.setenv("OUTERLOOP_TOKEN", "a-long-random-text")
    assert load_settings().host == "0.0.0.0"


def test_a_server_by_url_keeps_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store URL without a path gets the database's name; one with a path keeps its own."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", "http://u:p@ch:8123")
    assert load_settings().store == "http://u:p@ch:8123/outerloop"
    monkeypatch.setenv("OUTERLOOP_STORE_URL", "https://u:p@ch:8443/other")
    assert load_settings().store == "https://u:p@ch:8443/other"
