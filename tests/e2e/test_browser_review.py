"""A real browser labels calls with the keyboard alone, and walks the drift page."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import browsers
import pytest
import test_browser as walk
from playwright.sync_api import Page

from monitor.records import ScoreRow
from monitor.store import Store, migrate

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from dashboard_seed import NOW, SERVICE, seed
from drift_seed import ERROR_SERIES, seed_drift

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("default")]

browser = browsers.browser

complaints, page = walk.complaints, walk.page
ADDRESSES = {
    "/drift": "2 drift",
    "/drift?part=Texts": "What moved",
    "/drift?part=Fields": "moved by more than chance",
    "/drift?part=Dates": "Dates that slipped",
    "/drift?part=Report": "Evidently",
    f"/drift?series={ERROR_SERIES}&detector=rate": "needs 4,321 more samples",
    "/drift?series=input text": "Surprise",
    "/drift?series=no-such-series": "There is no series no-such-series",
    "/review": "Type your name in the side bar",
}
IN_THE_DARK = ("/drift?part=Texts", "/drift?part=Dates")


@pytest.fixture(scope="module")
def site(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[walk.Site]:
    """The dashboards as a process of their own, in the seeded January."""
    url = f"{store_server}/reviewed_{os.getpid()}"
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=600)
    seed_drift(store)
    with browsers.dashboards(url, tmp_path_factory.mktemp("data"), now=NOW.isoformat()) as address:
        yield walk.Site(address, store)
    store.close()


def labels(store: Store, reviewer: str) -> list[ScoreRow]:
    """What this person has said, the oldest first."""
    columns = ", ".join(ScoreRow.__dataclass_fields__)
    rows = store.client.query(
        f"SELECT {columns} FROM scores FINAL WHERE source = 'human' AND author = {{who:String}}"
        " AND label != 'withdrawn' ORDER BY observed_at",
        parameters={"who": reviewer},
    ).result_rows
    return [ScoreRow(*row) for row in rows]


def sit_down(page: Page, site: walk.Site, reviewer: str) -> None:
    """Open the queue under this name."""
    walk.arrive(page, f"{site.address}/review?service={SERVICE}", "Type your name")
    name = page.get_by_role("textbox", name="Your name")
    name.fill(reviewer)
    name.press("Enter")
    page.get_by_text("Is this answer right?").wait_for(timeout=30_000)
    page.locator("h1").click()  # leaves the field: keys are keys again


def press(page: Page, key: str, then: str) -> None:
    """Press a key and wait for what it shows."""
    page.keyboard.press(key)
    page.get_by_text(then).first.wait_for(timeout=30_000)


@pytest.mark.parametrize(
    ("address", "scheme"),
    [
        *((address, "light") for address in ADDRESSES),
        *((address, "dark") for address in IN_THE_DARK),
    ],
)
def test_every_address_opens_cleanly(
    page: Page, site: walk.Site, complaints: list[str], address: str, scheme: str
) -> None:
    """Every deep link lands on its matter: no exception, no console error, nothing from outside."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two it knows
    walk.arrive(page, site.address + address, ADDRESSES[address])
    assert page.locator("[data-testid='stException']").count() == 0
    assert complaints == []


@pytest.mark.parametrize("address", ["/drift", "/drift?part=Texts", "/drift?part=Dates", "/review"])
def test_a_narrow_window_needs_no_sideways_scrolling(
    page: Page, site: walk.Site, address: str
) -> None:
    """At 800 pixels the page itself fits; wide tables scroll inside themselves."""
    page.set_viewport_size({"width": 800, "height": 1000})
    walk.arrive(page, site.address + address, ADDRESSES[address])
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_labels_given_with_keys_are_in_the_store(
    page: Page, site: walk.Site, complaints: list[str]
) -> None:
    """Right, wrong, unclear, later and undo are one key each; what is kept carries the person's name."""
    sit_down(page, site, "Ada")
    press(page, "1", "1 call answered now")
    press(page, "2", "2 calls answered now")
    press(page, "n", "2 calls answered now")
    press(page, "4", "3 calls answered now")
    assert [row.label for row in labels(site.store, "Ada")] == ["right", "wrong", "unclear"]
    press(page, "z", "2 calls answered now")
    assert [row.label for row in labels(site.store, "Ada")] == ["right", "wrong"]
    assert complaints == []


def test_a_reload_ends_nothing(page: Page, site: walk.Site) -> None:
    """The browser remembers the name, and the sitting goes on with the same call and count."""
    sit_down(page, site, "Hedy")
    press(page, "1", "1 call answered now")
    page.reload()
    page.get_by_text("1 call answered now").wait_for(timeout=30_000)
    assert page.get_by_role("textbox", name="Your name").input_value() == "Hedy"


def test_an_answer_is_corrected_without_the_mouse(page: Page, site: walk.Site) -> None:
    """A key opens the form with the cursor in its first field; Enter keeps the right answer."""
    sit_down(page, site, "Grace")
    press(page, "3", "Keep as the right answer")
    page.wait_for_function("document.activeElement.matches('[class*=correction] input')")
    page.keyboard.press("Control+A")
    page.keyboard.type("Customer 4711")
    press(page, "Enter", "1 call answered now")
    [row] = labels(site.store, "Grace")
    assert (row.label, row.value) == ("wrong", 0.0)
    assert json.loads(row.expected)["borrower"] == "Customer 4711"
    press(page, "1", "2 calls answered now")


def test_what_judges_said_is_shown_after_the_answer_only(page: Page, site: walk.Site) -> None:
    """The page is blind while it asks, and tells what else is known of the call once it was answered."""
    sit_down(page, site, "Mary")
    assert page.get_by_text("The call before").count() == 0
    assert page.get_by_text("outcome extraction_right").count() == 0
    press(page, "1", "It was asked about because")
