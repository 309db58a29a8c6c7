"""Who is let in by a login, what the settings of one must hold, and what every answer's headers say."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from dashboards.access import MOST_WAITING, NOT_THE_TOKEN, NOT_YET, Turns
from dashboards.headers import harden
from dashboards.login import LASTS, provider, refusal
from monitor.exceptions import ConfigurationError
from monitor.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
NOW = datetime(2024, 1, 2, 10, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "oidc_metadata_url": "https://id.example/.well-known/openid-configuration",
    "oidc_client_id": "outerloop",
    "oidc_client_secret": SecretStr("secret"),
    "oidc_allowed": "example.com",
    "public_url": "https://outerloop.example",
}


def claims(email: object = "ada@example.com", **more: object) -> dict[str, object]:
    """What a provider says of a person who has just logged in."""
    return {"email": email, "iat": NOW.timestamp(), **more}


@pytest.mark.parametrize(
    ("email", "allowed"),
    [
        ("ada@example.com", ["example.com"]),
        ("Ada@Example.COM", ["@example.com"]),
        ("ada@example.com", ["grace@example.org", "ADA@example.com"]),
        ("anyone@anywhere.test", ["*"]),
    ],
)
def test_an_allowed_person_is_let_in(email: str, allowed: list[str]) -> None:
    """By address, by domain or by the star, whatever the case of the letters."""
    assert refusal(claims(email), allowed, NOW) == ""


@pytest.mark.parametrize(
    "email",
    [
        "eve@notexample.com",
        "eve@sub.example.com",
        "example.com@evil.org",
        "eve@example.com.evil.org",
        "eve@evil.org@",
        "example.co",
    ],
)
def test_a_lookalike_is_refused(email: str) -> None:
    """Only the whole part behind the last @ is a domain."""
    assert "is not among those who may look" in refusal(claims(email), ["example.com"], NOW)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"email": ""}, "did not tell your e-mail"),
        ({"email": None}, "did not tell your e-mail"),
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": "false"}, "has not verified"),
        ({"iat": None}, "older than 24 hours"),
        ({"iat": (NOW - LASTS - timedelta(minutes=1)).timestamp()}, "older than 24 hours"),
    ],
)
def test_an_unsure_word_is_refused(told: dict[str, object], expected: str) -> None:
    """Without an address, with an unverified one, or with an old login, nobody is let in."""
    assert expected in refusal({**claims(), **told}, ["*"], NOW)


@pytest.mark.parametrize("name", [*WHOLE])
def test_half_a_login_is_refused_at_start(name: str) -> None:
    """Each setting that is missing is named."""
    given = {key: value for key, value in WHOLE.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"OUTERLOOP_{name.upper()}"):
        load_settings(**given)


def test_a_login_does_not_open_the_listener() -> None:
    """Beyond loopback the token stays required: the collector has no login."""
    with pytest.raises(ConfigurationError, match="OUTERLOOP_TOKEN"):
        load_settings(host="0.0.0.0", **WHOLE)


def test_the_provider_is_told_to_streamlit_as_it_wants() -> None:
    """The callback is at the public address; the cookie's key is steady, never the client's secret, and can be set."""
    told = provider(load_settings(**WHOLE))["auth"]
    again = provider(load_settings(**WHOLE))["auth"]
    own = provider(load_settings(**WHOLE, cookie_secret=SecretStr("own")))["auth"]
    assert told["redirect_uri"] == "https://outerloop.example/oauth2callback"
    assert told["cookie_secret"] == again["cookie_secret"] != "secret"
    assert own["cookie_secret"] == "own"
    assert provider(Settings()) == {}


def test_guesses_wait_for_each_other() -> None:
    """Three wrong tokens given at once cost three waits, and the right one is let in after them."""
    turns, said = Turns(wait_s=0.05), []
    began = time.perf_counter()
    guesses = [
        threading.Thread(target=lambda: said.append(turns.judge("guess", "token")))
        for _ in range(3)
    ]
    for guess in guesses:
        guess.start()
    for guess in guesses:
        guess.join()
    assert said == [NOT_THE_TOKEN] * 3
    assert time.perf_counter() - began >= 3 * 0.05
    assert turns.judge("token", "token") == ""
    assert turns.judge("", "") == NOT_THE_TOKEN


def test_a_flood_of_guesses_is_turned_away_unread() -> None:
    """The queue is short: a guess beyond it is not even compared."""
    turns = Turns(wait_s=0.2)
    guesses = [
        threading.Thread(target=turns.judge, args=("guess", "token")) for _ in range(MOST_WAITING)
    ]
    for guess in guesses:
        guess.start()
    said = turns.judge("token", "token")
    for guess in guesses:
        guess.join()
    assert said == NOT_YET


@pytest.mark.parametrize(("secure", "ending"), [(True, b"Path=/; Secure"), (False, b"Path=/")])
def test_answers_are_hardened(secure: bool, ending: bytes) -> None:
    """Nobody frames a page, nobody guesses a type, and over HTTPS a cookie is sent over HTTPS alone."""
    sent: list[MutableMapping[str, Any]] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"set-cookie", b"a=b; Path=/")],
            }
        )

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(harden(app, secure=secure)({"type": "http"}, receive, send))
    headers = dict(sent[0]["headers"])
    assert headers[b"set-cookie"].endswith(ending)
    assert headers[b"x-frame-options"] == b"SAMEORIGIN"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-security-policy"] == b"frame-ancestors 'self'"


def test_compose_hands_every_part_of_a_login_over() -> None:
    """What `docker compose` is started with reaches the dashboard, and no secret of it the collector."""
    parts = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    wanted = {f"OUTERLOOP_{name.upper()}" for name in {*WHOLE, "cookie_secret"}}
    assert wanted <= set(parts["dashboard"]["environment"])
    assert "OUTERLOOP_OIDC_CLIENT_SECRET" not in parts["collector"]["environment"]
