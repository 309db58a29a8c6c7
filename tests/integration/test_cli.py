"""The `outerloop` command: exit codes, one line on stderr, one document on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.incidents import Incident, IncidentDetails, tell
from monitor.store import Store

NOW = datetime(2024, 1, 2, tzinfo=UTC)


def outerloop(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", *words],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def opened(store: Store) -> Incident:
    """An open incident."""
    one = Incident(
        "inc-1", "svc", "due_date is a year off", "page", "calendar", "due_date", "rollover", "svc/due_date",
        NOW, NOW, NOW, None, "open", "job", IncidentDetails(summary="since New Year"),
    )  # fmt: skip
    return tell(store, one, "opened", now=NOW, actor="job", via="job")


@pytest.mark.parametrize(("words", "shown"), [([], "  baselines "), (["up"], "Example: ")])
def test_help_is_shown(words: list[str], shown: str) -> None:
    """`--help` ends well; the unit tests hold every command's."""
    done = outerloop(*words, "--help")
    assert done.returncode == 0
    assert shown in done.stdout


@pytest.mark.integration
def test_incidents_are_a_deploy_gate(store_url: str, opened: Incident) -> None:
    """The plain list exits 1 while one is open and 0 when it is in hand."""
    listed = outerloop("incidents", OUTERLOOP_STORE_URL=store_url)
    assert listed.returncode == 1
    assert "since New Year" in listed.stdout
    assert (
        outerloop("incidents", "ack", opened.incident_id, OUTERLOOP_STORE_URL=store_url).returncode
        == 0
    )
    done = outerloop("incidents", "--json", OUTERLOOP_STORE_URL=store_url)
    assert done.returncode == 0
    [one] = json.loads(done.stdout)
    assert (one["state"], one["details"]["summary"]) == ("acknowledged", "since New Year")


@pytest.mark.integration
def test_what_is_only_watched_holds_up_a_deploy_unless_told_otherwise(store: Store) -> None:
    """An open watch incident makes the plain list exit 1; `--severity ticket` neither lists nor counts it."""
    one = Incident(
        "inc-2", "svc", "longer inputs", "watch", "input", "", "embedding", "svc/input",
        NOW, NOW, NOW, None, "open", "job", IncidentDetails(),
    )  # fmt: skip
    tell(store, one, "opened", now=NOW, actor="job", via="job")
    assert outerloop("incidents", OUTERLOOP_STORE_URL=store.url).returncode == 1
    graver = outerloop("incidents", "--severity", "ticket", OUTERLOOP_STORE_URL=store.url)
    assert (graver.returncode, "inc-2" in graver.stdout) == (0, False)


@pytest.mark.integration
def test_a_job_runs_by_hand(store_url: str, tmp_path: Path) -> None:
    """`run` says what was counted, and `jobs` shows it as the last run."""
    settings = {"OUTERLOOP_STORE_URL": store_url, "OUTERLOOP_DATA_DIR": str(tmp_path)}
    done = outerloop(
        "run", "temporal", "--since", "2024-01-01", "--until", "2024-01-02", "--json", **settings
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "ok"
    jobs = {job["job"]: job for job in json.loads(outerloop("jobs", "--json", **settings).stdout)}
    assert jobs["temporal"]["last"]["outcome"] == "ok"
    assert "OUTERLOOP_JUDGE_BASE_URL" in jobs["judge"]["missing"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "nosuch"], "there is no job 'nosuch'; there are completion, checks"),
        (["incidents", "ack", "inc-x"], "there is no incident 'inc-x'; `outerloop incidents` lists them"),
        (["run", "temporal", "--since", "yesterday"], "2024-01-01T06:00:00Z"),
        (["retrain", "approve", "rt-x"], "rt-x"),
        (["dataset", "export", "ds-x"], "ds-x"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_use_exits_2_and_says_what_to_do(
    store_url: str, tmp_path: Path, words: list[str], told: str
) -> None:
    """A name that is not there, or a time that is none, is told in words, not by a traceback."""
    done = outerloop(*words, OUTERLOOP_STORE_URL=store_url, OUTERLOOP_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_refused_at_start() -> None:
    """The variable, its problem and an example stand in one line, and the exit code is 2."""
    done = outerloop("up", OUTERLOOP_STORE_PORT="eighty")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "OUTERLOOP_STORE_PORT=eighty" in done.stderr
    assert "for example OUTERLOOP_STORE_PORT=8125" in done.stderr


def test_a_store_that_is_away_is_named() -> None:
    """Without a store, a command says where it looked and how to start one."""
    done = outerloop("incidents", OUTERLOOP_STORE_URL="http://127.0.0.1:9/outerloop")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stderr
    assert "outerloop store" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.integration
def test_doctor_finds_what_is_wrong(store_url: str, tmp_path: Path) -> None:
    """With a store and no collector, doctor says which of them answers, and exits 1."""
    settings = {"OUTERLOOP_STORE_URL": store_url, "OUTERLOOP_DATA_DIR": str(tmp_path)}
    done = outerloop("doctor", "--json", OUTERLOOP_OTLP_HTTP_PORT="9", **settings)
    assert done.returncode == 1
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert found["store"]["ok"]
    assert not found["collector"]["ok"]
    assert "outerloop up" in found["collector"]["told"]


def test_the_demo_wants_a_fresh_directory(tmp_path: Path) -> None:
    """It never writes into somebody's data."""
    (tmp_path / "precious").write_text("x")
    done = outerloop("demo", "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert "is not empty" in done.stderr
