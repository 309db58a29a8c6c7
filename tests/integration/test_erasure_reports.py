"""`outerloop erase` and the reports that are kept as files: one that may show the subject goes, the others stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from conftest import free_port
from erasure_seed import trace_id
from traffic import messages

from monitor.erasure import Subject, erase
from monitor.report import Period, reports, write_report
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytest.importorskip("evidently")
pytestmark = pytest.mark.integration
DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + 20 * DAY


def put(store: Store, first: int, day: int, user: str, *, service: str = "bank") -> None:
    """Three calls of a user on a day of January."""
    rows = [
        [
            START + (day - 1) * DAY + timedelta(hours=hour), trace_id(first + hour), f"{first + hour:016x}",
            service, user, "chat", messages("user", f"question {first + hour}"),
            messages("assistant", f"answer {hour}"), "ok", 40.0 + hour,
        ]
        for hour in range(3)
    ]  # fmt: skip
    names = [
        "timestamp", "trace_id", "span_id", "service", "user_id", "operation", "input_messages",
        "output_messages", "status", "duration_ms",
    ]  # fmt: skip
    store.client.insert("calls", rows, column_names=names)


def on(day: int) -> Period:
    """A day of January."""
    return Period(START + (day - 1) * DAY, START + day * DAY)


def fill(store: Store) -> None:
    """`ann` called the bank on the 2nd alone, `bob` on other days, `eve` the shop."""
    for first, day, user in ((100, 1, "bob"), (200, 2, "ann"), (300, 3, "bob"), (400, 9, "bob")):
        put(store, first, day, user)
    put(store, 500, 1, "eve", service="shop")
    put(store, 600, 2, "eve", service="shop")


@pytest.fixture(scope="module")
def drawn(module_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with four reports of those calls; drawing one takes a second."""
    made = Settings(data_dir=tmp_path_factory.mktemp("drawn"))
    fill(module_store)
    for service, current, reference in (
        ("bank", 2, 1),
        ("bank", 9, 2),
        ("bank", 9, 3),
        ("shop", 2, 1),
    ):
        write_report(module_store, made, service, on(current), on(reference), now=NOW)
    return made.data_dir


@pytest.fixture
def settings(store: Store, store_url: str, tmp_path: Path, drawn: Path) -> Settings:
    """An installation with those calls and a copy of those reports."""
    fill(store)
    return load_settings(
        store_url=store_url,
        data_dir=copytree(drawn, tmp_path / "data"),
        otlp_http_port=free_port(),
    )


def kept(settings: Settings) -> set[tuple[str, int, int]]:
    """The reports that are there, by service, day and day of the reference."""
    return {
        (one.service, one.current.since.day, one.reference.since.day) for one in reports(settings)
    }


def test_a_report_whose_windows_hold_a_call_of_the_user_goes(
    store: Store, settings: Settings
) -> None:
    """In either window; the receipt names page and figures, as did the dry run; other days and services stay."""
    draft = settings.data_dir / "reports" / "service-bank" / ".torn.html.new"
    draft.write_text("half", "utf-8")
    planned = erase(store, settings, Subject("user", "ann"), now=NOW, dry_run=True)
    assert len(kept(settings)) == 4
    done = erase(store, settings, Subject("user", "ann"), now=NOW)
    assert kept(settings) == {("bank", 9, 3), ("shop", 2, 1)}
    assert list(done.receipt.files) == list(planned.receipt.files)
    named = {Path(one).name for one in done.receipt.files}
    assert {Path(one).suffix for one in named} == {".html", ".json", ".new"}
    assert len(named) == 5
    assert not any((settings.data_dir / one).exists() for one in done.receipt.files)


def test_a_report_that_reaches_back_beyond_the_retention_goes(
    store: Store, settings: Settings
) -> None:
    """Whose calls it was made of can nobody say any more; where rows are kept for ever it stays."""
    later = NOW + 80 * DAY
    ever = settings.model_copy(update={"retention_days": 0})
    erase(store, ever, Subject("user", "nobody"), now=later)
    assert len(kept(settings)) == 4
    done = erase(store, settings, Subject("user", "nobody"), now=later)
    assert kept(settings) == set()
    assert len(done.receipt.files) == 8
