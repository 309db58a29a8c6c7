"""Reports of two windows: one file to look at, kept and found again; descriptors that never alarm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from traffic import SERVICE, START, extractions, send

from monitor.exceptions import NotFoundError
from monitor.jobs import descriptors
from monitor.jobs.job import Window
from monitor.records import CheckRow, ScoreRow
from monitor.report import Period, default_reference, report_at, reports, write_report
from monitor.report.frames import columns_of, read_calls
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytest.importorskip("evidently")
pytestmark = pytest.mark.integration
DAY = timedelta(days=1)
CURRENT = Period(START + 7 * DAY, START + 8 * DAY)
NOW = START + 9 * DAY


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def report(*arguments: str, settings: Settings) -> subprocess.CompletedProcess[str]:
    """`outerloop report`, ended."""
    environment = {
        **os.environ,
        "OUTERLOOP_STORE_URL": settings.store,
        "OUTERLOOP_DATA_DIR": str(settings.data_dir),
    }
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", "report", *arguments],
        env=environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def test_a_report_is_one_file_that_is_kept_and_listed(store: Store, settings: Settings) -> None:
    """It needs nothing from elsewhere, holds no text of a call, and is found by its windows and in the list."""
    rows = extractions(days=8, per_day=120, wrong_year=0, seed=1)
    send(store, rows)
    at = START + 7 * DAY
    store.append(
        "scores",
        [
            ScoreRow(at, f"j-{call.trace_id}", "call", call.trace_id, call.span_id, "", SERVICE, "right", "judge", 1.0,
                     "", "", "", "j", at)
            for call in rows
        ],
    )  # fmt: skip
    made = write_report(store, settings, SERVICE, CURRENT, now=NOW)
    page = made.path.read_text("utf-8")
    assert 'src="http' not in page
    assert "when is my payment due" not in page
    for column in ("output words", "field amount", "tag channel", "score judge/right"):
        assert column in page
    assert (made.calls, made.reference_calls) == (120, 120)
    assert made.path == report_at(settings, SERVICE, CURRENT, default_reference(CURRENT))
    assert reports(settings) == [made]


def test_the_command_writes_where_it_is_told(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    """`--out` and `--against` are obeyed, `--json` names the file; a window without calls is wrong use."""
    send(store, extractions(days=2, per_day=60, wrong_year=0, seed=1))
    out = tmp_path / "page.html"
    arguments = ["--service", SERVICE, "--since", "2023-12-02", "--until", "2023-12-03"]
    done = report(
        *arguments, "--against", "2023-12-01..2023-12-02", "--out", str(out), "--json",
        settings=settings,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(out)
    assert out.stat().st_size > 10_000
    done = report(*arguments, "--against", "2023-11-01..2023-11-02", settings=settings)
    assert done.returncode == 2
    assert "0 calls from 2023-11-01" in done.stderr


def test_a_window_without_calls_is_said(store: Store, settings: Settings) -> None:
    """No empty report: the sentence names the window."""
    with pytest.raises(NotFoundError, match="0 calls from 2023-12-08"):
        write_report(store, settings, SERVICE, CURRENT, now=NOW)


def test_a_service_with_a_strange_name_stays_in_the_folder(settings: Settings) -> None:
    """A name cannot lead out of the folder of reports."""
    for name in ("../../x", "..", "a/b", ""):
        path = report_at(settings, name, CURRENT, CURRENT)
        assert path.resolve().is_relative_to(settings.data_dir.resolve() / "reports")


def test_a_field_that_is_an_id_is_no_category(store: Store) -> None:
    """Values that differ from call to call are left out; numbers and few values stay."""
    send(store, extractions(days=1, per_day=100, wrong_year=0, seed=3))
    frame = read_calls(store, SERVICE, Period(START, START + DAY), most=80)
    columns = columns_of(frame, frame)
    assert len(frame) == 80
    assert "field amount" in columns.numbers
    assert "tag channel" in columns.categories
    assert columns.texts == ("input", "output")


def test_descriptors_are_series_that_never_alarm(store: Store, settings: Settings) -> None:
    """A day whose texts are ten times as long moves the mean and its interval, and nothing says `drift`."""
    send(store, extractions(days=2, per_day=60, wrong_year=0, seed=1))
    for day in (1, 2):
        descriptors.run(store, settings, Window(START, START + day * DAY))
    rows = store.read("latest_checks", CheckRow, service=SERVICE)
    assert {row.series for row in rows} >= {
        f"{SERVICE}/input/words",
        f"{SERVICE}/output/characters",
    }
    words = next(row for row in rows if row.series == f"{SERVICE}/input/words")
    assert (words.effect, words.n, words.status) == (5.0, 60, "stable")
    assert words.window_end == datetime(2023, 12, 3, tzinfo=UTC)
    assert {row.status for row in rows} == {"stable"}
