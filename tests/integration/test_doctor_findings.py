"""`outerloop doctor`: what is wrong is found, said in one line, and comes with how to mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from silent_traffic import Booked, Called, collector_says

from monitor.clock import utcnow
from monitor.examination import Finding, examine
from monitor.jobs.schedule import SCHEDULE
from monitor.records import JobRun
from monitor.settings import load_settings
from monitor.standins.slack import SlackStandin
from monitor.store import Store

pytestmark = pytest.mark.integration
HEALTHY = {"wal_writable": 1, "store_up": 1, "wal_bytes": 0, "waiting": 0}


@dataclass(frozen=True, slots=True)
class Doctor:
    """Looks at the test's own deployment."""

    store: Store
    data_dir: Path
    port: int

    def find(self, **settings: object) -> dict[str, Finding]:
        """The worst finding of each name."""
        given = load_settings(
            **{
                "store_url": self.store.url,
                "data_dir": self.data_dir,
                "otlp_http_port": self.port,
                "otlp_grpc_port": self.port,
                "endpoint": f"http://127.0.0.1:{self.port}",
                **settings,
            }
        )
        order = ("ok", "warning", "problem")
        found = sorted(examine(given, utcnow()), key=lambda one: order.index(one.state))
        return {one.what: one for one in found}


@pytest.fixture
def told(store: Store, tmp_path: Path):
    """A doctor beside a healthy collector, and the collector's figures."""
    with collector_says(**HEALTHY) as figures:
        yield Doctor(store, tmp_path, int(figures["port"])), figures


def test_a_healthy_deployment_has_no_problem(told) -> None:
    """Everything that is there is looked at, and what is off says how it is turned on."""
    doctor, _ = told
    found = doctor.find()
    assert {one.state for one in found.values()} <= {"ok", "warning"}
    assert set(found) >= {
        "settings", "versions", "disk", "store", "collector", "gRPC", "judge", "Slack", "schema", "ledger", "parts",
        "clocks", "silence", "incidents", "jobs",
    }  # fmt: skip
    assert "OUTERLOOP_SLACK_TOKEN" in found["Slack"].told


def test_a_database_without_its_schema_is_told_to_migrate(told) -> None:
    """One command mends it, and nothing else is asked of the tables."""
    doctor, _ = told
    doctor.store.client.command("TRUNCATE TABLE schema_migrations")
    found = doctor.find()
    assert found["schema"].state == "problem"
    assert found["schema"].mend == "outerloop migrate"
    assert "ledger" not in found


def test_a_store_and_a_collector_that_are_away_are_told(tmp_path: Path, store: Store) -> None:
    """Each says where it was looked for and how it is started."""
    found = Doctor(store, tmp_path, 9).find(store_url="http://127.0.0.1:9/outerloop")
    assert found["store"].state == found["collector"].state == "problem"
    assert "127.0.0.1:9" in found["store"].told
    assert "outerloop collector" in found["collector"].mend
    assert found["gRPC"].state == "warning"


def test_a_ledger_that_does_not_balance_is_a_problem_when_nothing_waits(told) -> None:
    """Rows that wait are said to wait; rows that are missing are a problem."""
    doctor, figures = told
    earlier = (utcnow() - timedelta(hours=1)).replace(second=0, microsecond=0)
    doctor.store.append("ledger", [
        Booked(earlier, "traces", "a", "accepted", "", 10), Booked(earlier, "traces", "a", "stored", "", 8),
        Booked(earlier, "traces", "a", "dropped", "by the sender", 4),
    ])  # fmt: skip
    figures["waiting"] = 2
    assert "2 waiting" in doctor.find()["ledger"].told
    assert doctor.find()["ledger"].state == "ok"
    figures["waiting"] = 0
    found = doctor.find()
    assert found["ledger"].state == "problem"
    assert "by +2 rows" in found["ledger"].told
    assert "4 dropped (by the sender)" in found["losses"].told


def test_a_sender_with_a_fast_clock_is_named(told) -> None:
    """Rows of the future are a warning with the service and how far it is ahead."""
    doctor, _ = told
    doctor.store.append("calls", [Called(utcnow() + timedelta(hours=3), "t", "s", "fast")])
    found = doctor.find()["clocks"]
    assert found.state == "warning"
    assert "fast" in found.told
    assert "NTP" in found.mend


def test_a_job_that_failed_or_is_late_is_told(told) -> None:
    """A failure is a problem with its error and the command that runs it again; lateness points at the scheduler."""
    doctor, _ = told
    now = utcnow()
    runs = [
        JobRun(now, now, job.name, job.name, now, now - timedelta(days=9 * (job.name == "judge")),
               "failed" if job.name == "rates" else "ok", 1.0, {}, "ValueError: no" if job.name == "rates" else "")
        for job in SCHEDULE
    ]  # fmt: skip
    doctor.store.append("job_runs", runs)
    found = doctor.find()["jobs"]
    assert found.state == "problem"
    assert "rates failed: ValueError: no" in found.told
    assert found.mend == "outerloop run rates"


def test_slack_is_asked_who_it_is_and_nothing_is_posted(told) -> None:
    """The right token is named with its workspace, a wrong one is a problem."""
    doctor, _ = told
    with SlackStandin() as slack:
        address = {"slack_base_url": slack.base_url, "slack_channel": "C0LOANOPS"}
        assert doctor.find(slack_token=slack.workspace.token, **address)["Slack"].state == "ok"
        refused = doctor.find(slack_token="xoxb-wrong", **address)["Slack"]
        assert refused.state == "problem"
        assert "invalid_auth" in refused.told
        assert slack.messages == []


def test_what_is_set_and_not_reached_is_a_problem(told) -> None:
    """Judge and webhooks are tried without sending anything."""
    doctor, _ = told
    found = doctor.find(
        judge_base_url="http://127.0.0.1:9/v1", judge_models=["m"],
        retrain_webhook_url="http://127.0.0.1:9/retrain",
        retrain_webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        alert_webhook_url=f"http://127.0.0.1:{doctor.port}/alerts",
    )  # fmt: skip
    assert found["judge"].state == found["retrain hook"].state == "problem"
    assert "OUTERLOOP_RETRAIN_WEBHOOK_URL" in found["retrain hook"].mend
    assert found["alert hook"].state == "ok"
    assert "no secret" in found["settings"].told


def test_the_command_says_it_in_lines_and_in_json(told) -> None:
    """Exit 1 with a problem; what to do stands below what is wrong; the document has all of it."""
    doctor, _ = told
    environment = {
        **os.environ, "OUTERLOOP_STORE_URL": doctor.store.url, "OUTERLOOP_DATA_DIR": str(doctor.data_dir),
        "OUTERLOOP_OTLP_HTTP_PORT": "9", "OUTERLOOP_ENDPOINT": "http://127.0.0.1:9", "COLUMNS": "100",
    }  # fmt: skip
    command = [sys.executable, "-m", "monitor.cli", "doctor"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "problem  collector    does not answer" in done.stdout
    assert "-> start it with `outerloop up`" in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
    assert "1 problem" in done.stdout.splitlines()[-1]
    document = subprocess.run(
        [*command, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert {"what", "state", "ok", "told", "mend"} == set(json.loads(document.stdout)[0])
