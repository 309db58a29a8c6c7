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

from playwright.sync_api import Page, sync_playwright

__all__ = ["LIMIT_S", "measure_pages"]

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


def measure_pages(url: str) -> Iterator[tuple[str, float]]:
    """Each page's seconds, the second time it is opened after the first has warmed the process."""
    with _served(url) as address, sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
        browser = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 1000})
        page = context.new_page()
        _open(page, address)  # the imports of the first visit, and the browser's cache
        for name, path in ADDRESSES.items():
            time.sleep(6)  # what the dashboards keep for five seconds is asked anew
            yield name, _open(page, address + path)
        browser.close()


def _open(page: Page, address: str) -> float:
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_function(COMPLETE, timeout=PATIENCE_MS, polling=20)
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
