"""The keyboard in a real browser: palette, keys under `?`, filter line, pause; and nothing is stolen from who types."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import browsers
import pytest
from playwright.sync_api import Browser, Page

from monitor.store import Store, migrate

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from dashboard_seed import BAD_TRACE, INCIDENT, NOW, seed

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("default")]

browser = browsers.browser

PATIENCE_MS = 60_000
TRACE = BAD_TRACE.replace("900", "050")


@pytest.fixture(scope="module")
def address(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboards on a small seeded store."""
    url = f"{store_server}/keys_{os.getpid()}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=120)
    store.close()
    with browsers.dashboards(url, tmp_path_factory.mktemp("data"), now=NOW.isoformat()) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A tab at Health, a page without fields of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(f"{address}/health?service=loan-extractor")
    tab.get_by_text("account balances").first.wait_for()
    tab.get_by_role("button", name="Go to…").wait_for()
    tab.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    yield tab
    context.close()


def test_the_palette_opens_what_is_typed(page: Page) -> None:
    """A part of a page's name, an incident by its title, a trace by its id; the filters stay."""
    page.keyboard.press("Control+k")
    page.get_by_role("textbox", name="Where to").fill(TRACE)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/calls?**trace_id={TRACE}**")
    assert "service=loan-extractor" in page.url
    page.get_by_role("button", name="Go to…").click()
    page.get_by_role("textbox", name="Where to").fill(INCIDENT)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incidents?**incident={INCIDENT}**")
    page.keyboard.press("Control+k")
    page.get_by_role("textbox", name="Where to").fill("no-such-id")
    page.keyboard.press("Enter")
    page.get_by_text("has the id no-such-id").wait_for()


def test_keys_go_to_pages_and_are_listed(page: Page) -> None:
    """`?` lists them, Escape closes the list, `g` and a letter lead to a page."""
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidents?**service=loan-extractor**")


def test_nothing_is_taken_from_who_types(page: Page) -> None:
    """In a field `g`, `i`, `?`, `/` and `.` are letters."""
    field = page.get_by_role("textbox", name="Your name")
    field.click()
    page.keyboard.type("gi?/.")
    assert field.input_value() == "gi?/."
    assert "/health" in page.url
    assert page.get_by_role("dialog").count() == 0


def test_the_slash_leads_to_the_filter_line(page: Page) -> None:
    """What is typed there is completed with values of the store, and chosen by Enter."""
    page.keyboard.press("/")
    page.keyboard.type("support")
    page.get_by_role("option", name="service:support-chat").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**service=support-chat**")


def test_pausing_stands_in_the_address(page: Page) -> None:
    """The dot pauses and resumes; the strip says which, and how old the figures are."""
    strip = page.get_by_role("button", name="read")
    page.keyboard.press(".")
    page.wait_for_url("**live=paused**")
    page.get_by_role("button", name="Paused, ").wait_for()
    page.keyboard.press(".")
    page.get_by_role("button", name="Live, ").wait_for()
    assert "live=" not in page.url
    assert "read" in strip.first.inner_text()
