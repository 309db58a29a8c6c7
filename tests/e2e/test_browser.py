"""A real browser walks every view of the dashboards on a seeded store."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import browsers
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from monitor.incidents import incident
from monitor.store import Store, migrate

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from dashboard_seed import (
    BAD_TRACE,
    DEEP_TRACE,
    HOSTILE_TRACE,
    INCIDENT,
    NOW,
    RETRAIN,
    SERVICE,
    seed,
)
from evals_seed import NEW_RUN, OLD_RUN, seed_evaluations, seed_verdicts

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("default")]

browser = browsers.browser

ADDRESSES = {
    "/": "loan-extractor",
    "/calls": "723 calls",
    f"/calls?trace_id={DEEP_TRACE}": "TimeoutError: no answer in 300 ms",
    f"/calls?trace_id={HOSTILE_TRACE}": "characters are shown",
    "/calls?trace_id=no-such-trace": "There is no trace no-such-trace",
    "/incidents": "1 incident not resolved",
    f"/incidents?incident={INCIDENT}": "The calendar turned",
    "/retrains": f"{RETRAIN} · proposed",
    f"/retrains?retrain={RETRAIN}": "Candidate against production",
    "/health": "the account balances",
    "/judges": "Place of the answers",
    "/evals": "3 runs, newest first",
    f"/evals?run={NEW_RUN}&against={OLD_RUN}": "Only what failed",
}

IN_THE_DARK = ("/", f"/incidents?incident={INCIDENT}")


@dataclass(frozen=True, slots=True)
class Site:
    """A running dashboard and the store behind it."""

    address: str
    store: Store


@pytest.fixture(scope="module")
def site(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The dashboards as a process of their own, in the seeded January."""
    url = f"{store_server}/browsed_{os.getpid()}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    seed_evaluations(store, NOW)
    seed_verdicts(store, SERVICE)
    with browsers.dashboards(url, tmp_path_factory.mktemp("data"), now=NOW.isoformat()) as address:
        yield Site(address, store)
    store.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complained about."""
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A fresh tab that collects console errors and requests that leave this machine."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    tab = context.new_page()

    def note(message: ConsoleMessage) -> None:
        # Streamlit's own start-up probes `<page>/_stcore/…` before it finds its base path
        if message.type == "error" and "/_stcore/" not in message.location.get("url", ""):
            complaints.append(f"{message.text} {message.location}")

    tab.on("console", note)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "request",
        lambda request: (
            complaints.append(f"left the machine: {request.url}")
            if not request.url.startswith(("http://127.0.0.1", "data:", "blob:"))
            else None
        ),
    )
    yield tab
    context.close()


def arrive(page: Page, address: str, text: str) -> None:
    """Open an address and wait until its text is there and nothing runs any more."""
    page.goto(address)
    page.get_by_text(text).first.wait_for(timeout=30_000)
    page.wait_for_function(
        "!document.querySelector('[data-testid=stStatusWidget]')", timeout=30_000
    )


@pytest.mark.parametrize(
    ("address", "text", "scheme"),
    [
        *((address, text, "light") for address, text in ADDRESSES.items()),
        *((address, ADDRESSES[address], "dark") for address in IN_THE_DARK),
    ],
)
def test_every_address_opens_cleanly(
    page: Page, site: Site, complaints: list[str], address: str, text: str, scheme: str
) -> None:
    """Every deep link lands on its matter: no exception, no console error, nothing from outside."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two it knows
    arrive(page, site.address + address, text)
    assert page.locator("[data-testid='stException']").count() == 0
    assert page.title() != "owned"
    assert complaints == []


@pytest.mark.parametrize(
    "address",
    [
        "/",
        f"/incidents?incident={INCIDENT}",
        f"/calls?trace_id={BAD_TRACE.replace('900', '500')}",
        "/judges",
        f"/evals?run={NEW_RUN}&against={OLD_RUN}",
    ],
)
def test_a_narrow_window_needs_no_sideways_scrolling(page: Page, site: Site, address: str) -> None:
    """At 800 pixels the page itself fits; wide tables scroll inside themselves."""
    page.set_viewport_size({"width": 800, "height": 1000})
    page.goto(site.address + address)
    page.locator("h1").wait_for(timeout=30_000)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_navigation_keeps_the_filters(page: Page, site: Site) -> None:
    """A service chosen in the address is still chosen on the next page."""
    arrive(page, f"{site.address}/?service=support-chat", "120 calls of 1 service")
    page.get_by_role("link", name="Calls").first.click()
    page.get_by_text("120 calls", exact=False).first.wait_for(timeout=30_000)
    assert "service=support-chat" in page.url


def test_a_range_chosen_on_the_page_is_read_back_from_its_address(page: Page, site: Site) -> None:
    """The address says `30d` and not what is shown, keeps it on the next page and after a reload."""

    def shown(words: str) -> None:
        page.locator(f'.st-key-range input[value="{words}"]').wait_for(timeout=30_000)

    page.goto(f"{site.address}/?range=24h")
    shown("24 hours")
    page.locator(".st-key-range").get_by_role("button", name="Open").click()
    page.get_by_role("option", name="30 days").click()
    page.wait_for_url("**range=30d**")
    page.get_by_role("link", name="Calls").first.click()
    page.wait_for_url("**/calls?**range=30d**")
    page.reload()
    shown("30 days")
    assert "range=30d" in page.url


def test_steps_of_a_trace_are_walked(page: Page, site: Site) -> None:
    """It opens at the step that went wrong, and the buttons go on from there."""
    arrive(page, f"{site.address}/calls?trace_id={DEEP_TRACE}", "tool: look_up_rate")
    page.get_by_role("button", name="Next step").click()
    page.get_by_text("function: format_reply").wait_for(timeout=30_000)
    page.wait_for_url("**step=4**")


def test_an_incident_acknowledged_in_the_page_is_acknowledged_in_the_store(
    page: Page, site: Site
) -> None:
    """The button writes the event, with the name of the person."""
    arrive(page, f"{site.address}/incidents?incident={INCIDENT}", "The calendar turned")
    page.get_by_role("textbox", name="Your name").fill("Ada")
    page.get_by_role("textbox", name="Your name").press("Enter")
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("acknowledged", exact=True).first.wait_for(timeout=30_000)
    after = incident(site.store, INCIDENT)
    assert after is not None
    assert (after.state, after.actor) == ("acknowledged", "Ada")
