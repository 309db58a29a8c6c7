"""The time from opening an address until nothing on the page runs any more, in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from benchmarks.dashboards.recording import Asking, recorded

__all__ = ["LIMIT_S", "Opened", "measure_pages"]

LIMIT_S = 2.0
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ADDRESSES = {
    "overview, 7 days": "/",
    "overview, 30 days": "/?range=30d",
    "calls, 7 days": "/calls",
    "calls, all time": "/calls?range=all",
    "calls, text": "/calls?q=mortgage",
    "incidents": "/incidents",
    "drift": "/drift",
    "review": "/review",
    "retrains": "/retrains",
    "judges": "/judges",
    "evals": "/evals",
    "health": "/health",
}
COMPLETE = """() => document.querySelector('[data-testid=stMain] h1')
    && !document.querySelector('[data-testid=stStatusWidget]')
    && !document.querySelector('[data-testid=stSpinner]')
    && !document.querySelector('[data-stale=true]')
    && document.querySelector('[data-testid=stApp]').dataset.testScriptState !== 'running'"""
PATIENCE_MS = 120_000
KEPT_S = 6
"""What the dashboards keep for five seconds is then asked anew."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One page, opened twice."""

    name: str
    cold_s: float
    """The first time after the dashboards were started."""
    warm_s: float
    """The second time, when all that they keep for seconds is asked anew."""
    asked: list[Asking]
    """What the second time asked the store."""


def measure_pages(url: str) -> Iterator[Opened]:
    """Open every page twice; one that does not get ready in time took for ever."""
    with recorded(url) as (relay, recorder), _served(relay) as address, sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        browser = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        page = context.new_page()
        for name, path in ADDRESSES.items():
            cold = _open(page, address + path)
            time.sleep(KEPT_S)
            recorder.take()
            warm = _open(page, address + path)
            yield Opened(name, cold, warm, recorder.take())
        browser.close()


def _open(page: Page, address: str) -> float:
    began = time.perf_counter()
    try:
        page.goto(address, timeout=PATIENCE_MS)
        page.wait_for_function(COMPLETE, timeout=PATIENCE_MS, polling=20)
    except PlaywrightTimeout:
        return float("inf")
    return time.perf_counter() - began


@contextmanager
def _served(url: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "OUTERLOOP_STORE_URL": url, "OUTERLOOP_DASHBOARD_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboards"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _answers(f"{address}/_stcore/health"):
            if time.monotonic() > deadline:
                raise TimeoutError("the dashboards did not start within a minute")
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
