"""The January story from the command line, with a real small model: what it prints is what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(400)
def test_the_story_is_told_and_measured() -> None:
    """Drift is seen after the turn without labels, explained, cured by an approved candidate, and closes by itself."""
    done = subprocess.run(
        [sys.executable, "-m", "monitor.cli", "demo", "--fast", "--exit", "--json", "--seed", "5"],
        env=dict(os.environ), capture_output=True, text=True, timeout=380, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["calls"]["sent"] == told["calls"]["stored"] > 3000
    assert told["false_alarms_before_turn"] == 0
    assert told["detection"]["field"] == "due_date"
    assert told["detection"]["needed_labels"] is False
    assert 0 < told["detection"]["delay_hours"] <= 48
    rates = told["error_rate"]
    assert rates["before"]["high"] < rates["during"]["low"]
    assert rates["after"]["high"] < rates["during"]["low"]
    one = told["incident"]
    assert told["turn"] < one["opened_at"] < told["promoted_at"] < one["resolved_at"]
    assert one["cause"] == "calendar"
    # a machine that is slow for a while is an incident of its own: the durations are real
    assert told["slack"]["messages"] == told["incidents_after_turn"]
    assert told["webhook"] == {"deliveries": 1, "signature_verified_by_receiver": True}
    assert told["candidate"]["high"] < 0.02
    assert told["approval"] == {"by": "demo", "via": "auto"}
    left = [
        one
        for one in psutil.process_iter(["cmdline"])
        if "examples.finetune" in (one.info["cmdline"] or [])
    ]
    assert left == []
