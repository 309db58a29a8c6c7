"""A real browser logs in through a real OpenID Connect exchange: who is let in, who is refused, who acted."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import browsers
import pytest
from conftest import free_port
from oidc_provider import CLIENT, SECRET, Provider, running_provider
from playwright.sync_api import Browser, Page

from monitor.incidents import incident
from monitor.store import Store, migrate

sys.path.append(str(Path(__file__).parents[1] / "integration"))
from dashboard_seed import INCIDENT, NOW, SERVICE, seed

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("default")]

browser = browsers.browser

PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Site:
    """A dashboard that asks for a login, its provider and its store."""

    address: str
    provider: Provider
    store: Store


@pytest.fixture(scope="module")
def site(store_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A dashboard with a login, on a seeded store, and the provider that it trusts."""
    url, port = f"{store_server}/login_{os.getpid()}", free_port()
    migrate(url, retention_days=0)
    store = Store(url)
    seed(store, calls=60)
    with (
        running_provider(free_port()) as provider,
        browsers.dashboards(
            url, tmp_path_factory.mktemp("data"), now=NOW.isoformat(), port=port,
            OUTERLOOP_PUBLIC_URL=f"http://127.0.0.1:{port}",
            OUTERLOOP_OIDC_METADATA_URL=provider.metadata_url, OUTERLOOP_OIDC_CLIENT_ID=CLIENT,
            OUTERLOOP_OIDC_CLIENT_SECRET=SECRET, OUTERLOOP_OIDC_ALLOWED="example.com,guest@other.org",
        ) as address,
    ):  # fmt: skip
        yield Site(address, provider, store)
    store.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser without cookies."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    yield tab
    context.close()


def log_in(page: Page, site: Site, **person: object) -> None:
    """Come as this person, who is logged in at the provider already."""
    site.provider.person = person
    page.goto(site.address)
    page.get_by_role("button", name="Log in").click()


def test_nothing_is_shown_before_the_login(page: Page, site: Site) -> None:
    """A stranger sees who is let in and a button, and no word of the traffic."""
    page.goto(f"{site.address}/calls?service={SERVICE}")
    page.get_by_role("button", name="Log in").wait_for()
    assert page.get_by_text(SERVICE).count() == 0
    assert page.get_by_role("textbox").count() == 0


def test_who_is_let_in_acts_under_their_address(page: Page, site: Site) -> None:
    """The provider sends an allowed person back; their acknowledgement bears their e-mail, and logging out ends it."""
    log_in(page, site, email="Ada@example.com", email_verified=True)
    page.get_by_text("Logged in as Ada@example.com").wait_for()
    assert page.get_by_role("textbox", name="Your name").count() == 0
    assert site.provider.sent_back[-1] == f"{site.address}/oauth2callback"
    cookie = next(one for one in page.context.cookies() if one["name"] == "_streamlit_user")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.goto(f"{site.address}/incidents?incident={INCIDENT}")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("acknowledged", exact=True).first.wait_for()
    after = incident(site.store, INCIDENT)
    assert after is not None
    assert (after.state, after.actor) == ("acknowledged", "Ada@example.com")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()


def test_a_link_leads_on_from_the_login(page: Page, site: Site) -> None:
    """Who opens an incident's link and has to log in is at that incident afterwards."""
    site.provider.person = {"email": "guest@other.org"}
    page.goto(f"{site.address}/incidents?incident={INCIDENT}")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**/incidents?incident={INCIDENT}**")
    page.get_by_text("Logged in as guest@other.org").wait_for()


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (
            {"email": "eve@example.com.evil.org", "email_verified": True},
            "eve@example.com.evil.org is not among those who may look",
        ),
        (
            {"email": "ada@example.com", "email_verified": False},
            "has not verified the address ada@example.com",
        ),
        ({}, "did not tell your e-mail address"),
    ],
)
def test_who_is_refused_reads_why(
    page: Page, site: Site, person: dict[str, object], expected: str
) -> None:
    """A person outside the list, or without a verified address, sees one sentence and nothing of the traffic."""
    log_in(page, site, **person)
    page.get_by_text(expected).wait_for()
    assert page.get_by_text(SERVICE).count() == 0
    page.get_by_role("button", name="Log out").wait_for()


def test_a_forged_cookie_is_no_login(page: Page, site: Site) -> None:
    """A cookie that our key has not signed lets nobody in."""
    page.context.add_cookies(
        [
            {
                "name": "_streamlit_user",
                "value": '{"email":"ada@example.com","is_logged_in":true}.x.y',
                "url": site.address,
            }
        ]
    )
    page.goto(site.address)
    page.get_by_role("button", name="Log in").wait_for()
    assert page.get_by_text(SERVICE).count() == 0
