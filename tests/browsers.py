"""A real browser before real dashboards: headless Chromium, and the dashboards as a process of their own in January."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import free_port, start, stop
from playwright.sync_api import Browser, sync_playwright

__all__ = ["browser", "dashboards"]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium: the system's, else Playwright's own."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with sync_playwright() as driver:
        if found is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("there is no Chromium here; install one (`playwright install chromium`)")
        engine = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield engine
        engine.close()


@contextmanager
def dashboards(
    store_url: str, folder: Path, *, now: str, port: int = 0, **settings: str
) -> Iterator[str]:
    """Dashboards of a store, at a standing clock; yields their address. `folder` is theirs."""
    port = port or free_port()
    clock = folder / "now"
    clock.write_text(now)
    process = start(
        "dashboards", ready=f"http://127.0.0.1:{port}/_stcore/health",
        OUTERLOOP_STORE_URL=store_url, OUTERLOOP_DASHBOARD_PORT=str(port),
        OUTERLOOP_CLOCK_FILE=str(clock), OUTERLOOP_DATA_DIR=str(folder), **settings,
    )  # fmt: skip
    yield f"http://127.0.0.1:{port}"
    stop(process)
