"""Own series and detectors through the product: read from a folder, watched, budgeted, and broken ones told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from traffic import SERVICE, START, extractions, send

from monitor.detector_contract import SeriesContract
from monitor.extension import load_extensions, series
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import CheckRow, JobRun
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)
ERRORS = """-- Calls that failed. Parameters: since, until. Columns: service, hour, count, n.
SELECT service, toStartOfHour(toDateTime(timestamp, 'UTC')) AS hour, countIf(status = 'error') AS count, count() AS n
FROM calls FINAL
WHERE timestamp >= {since:DateTime64(9)} AND timestamp < {until:DateTime64(9)}
GROUP BY service, hour
"""
FILE = """
from pathlib import Path
from monitor.extension import series
failed = series("failed", sql=Path(__file__).with_name("failed.sql"))
"""


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database, with a folder of extensions that holds one series."""
    folder = tmp_path / "data" / "extensions"
    folder.mkdir(parents=True)
    (folder / "failed.sql").write_text(ERRORS)
    (folder / "failed.py").write_text(FILE)
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def add(settings: Settings, name: str, text: str) -> None:
    """One more file in the folder of extensions."""
    (settings.data_dir / "extensions" / name).write_text(text)


def run(store: Store, settings: Settings, until: datetime) -> JobRun:
    """A run of the job as the schedule has it."""
    job = job_named("extension")
    assert job is not None
    return run_job(job, store, settings, Window(START, until))


def traffic(store: Store, *, days: int, broken_after: int = 99) -> None:
    """Calls of which one in fifty fails, and one in five from a day on."""
    rows = extractions(days=days, per_day=480, wrong_year=0, seed=1)
    turn = START + broken_after * DAY
    send(
        store,
        [
            replace(row, status="error")
            if number % (5 if row.timestamp >= turn else 50) == 0
            else row
            for number, row in enumerate(rows)
        ],
    )


def last(store: Store, name: str = "own/failed") -> CheckRow:
    """The latest row of a series."""
    rows = store.read("latest_checks", CheckRow, service=SERVICE)
    return next(row for row in rows if row.series == name)


def test_an_own_series_is_watched_and_its_change_is_seen(store: Store, settings: Settings) -> None:
    """A baseline first, then quiet, then an alarm within a day that says since when and counts against the budget."""
    traffic(store, days=16, broken_after=14)
    assert run(store, settings, START + 3 * DAY).outcome == "ok"
    assert last(store).status == "insufficient_data"
    for day in (10, 14):
        run(store, settings, START + day * DAY)
        assert last(store).status == "stable"
    [(overall, _)] = store.rows("series_watched", since=START)
    assert overall == 1
    done = run(store, settings, START + 15 * DAY)
    row = last(store)
    assert (done.counts["drift"], row.status, row.detector) == (1, "drift", "own_rate")
    started = datetime.fromisoformat(json.loads(row.evidence)["started_at"])
    assert abs(started - (START + 14 * DAY)) <= timedelta(hours=6)


def test_a_run_that_is_repeated_adds_nothing(store: Store, settings: Settings) -> None:
    """The same window twice leaves the same rows."""
    traffic(store, days=11)
    for day in (9, 10, 10):
        run(store, settings, START + day * DAY)
    [[rows]] = store.client.query("SELECT count() FROM checks FINAL").result_rows
    assert rows == 2


def test_a_broken_file_or_series_fails_the_run_by_name_and_no_other(
    store: Store, settings: Settings
) -> None:
    """Four ways to be wrong are four parts of one sentence in the run's row; the sound series is watched."""
    traffic(store, days=10)
    add(settings, "typo.py", "import nothing_of_that_name\n")
    add(
        settings,
        "bad.py",
        "from datetime import UTC, datetime\n"
        "from monitor.extension import Hour, series\n"
        "raising = series('raising')(lambda store, window: 1 / 0)\n"
        "odd = series('odd')(lambda store, window: [Hour('s', datetime(2024, 1, 1), 1, 2)])\n"
        "lost = series('lost', detector='nobody')(lambda store, window: [])\n",
    )
    done = run(store, settings, START + 9 * DAY)
    assert done.outcome == "failed"
    for words in (
        "typo.py cannot be read",
        "series raising: ZeroDivisionError",
        "series odd: ValueError",
        "nobody",
    ):
        assert words in done.error
    assert last(store).status == "stable"


def test_an_own_detector_is_asked_for_by_name(store: Store, settings: Settings) -> None:
    """A detector of the folder takes the hours of the series that names it, and its state is carried on."""
    traffic(store, days=10)
    add(
        settings,
        "counting.py",
        "from monitor.extension import detector, series\n"
        "@detector('counting')\n"
        "class Counting:\n"
        "    def __init__(self, baseline, arl): self.hours = 0\n"
        "    drift_detected, e_value = False, 0.0\n"
        "    def update(self, count, n, p): self.hours += 1\n"
        "    def state(self): return {'version': 1, 'hours': self.hours}\n"
        "    @classmethod\n"
        "    def from_state(cls, state):\n"
        "        one = cls(None, 0); one.hours = state['hours']; return one\n"
        "@series('told', detector='counting')\n"
        "def told(store, window):\n"
        "    from pathlib import Path\n"
        "    return series('x', sql=Path(__file__).with_name('failed.sql')).count(store, window)\n",
    )
    for day in (8, 9, 10):
        assert run(store, settings, START + day * DAY).outcome == "ok"
    row = last(store, "own/told")
    assert row.detector == "counting"
    assert json.loads(row.state)["detector"] == {"version": 1, "hours": 48}


def test_without_series_the_job_is_skipped_and_says_how_to_make_one(
    store: Store, tmp_path: Path
) -> None:
    """No folder is no failure."""
    settings = load_settings(store_url=store.url, data_dir=tmp_path / "nothing")
    done = run(store, settings, START)
    assert done.outcome == "skipped"
    assert "docs/extending.md" in done.error
    assert load_extensions(settings).series == ()


class TestShippedContract(SeriesContract):
    """The contract that is shipped for series, on a real one."""

    series = series("failed", sql=Path(__file__).parent / "no such file")
    window = Window(START, START + 2 * DAY)

    @pytest.fixture(autouse=True)
    def _filled(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "failed.sql").write_text(ERRORS)
        type(self).series = series("failed", sql=tmp_path / "failed.sql")
        traffic(store, days=2)
