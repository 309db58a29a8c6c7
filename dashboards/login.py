"""A login by OpenID Connect: what Streamlit is told of the provider, and whom its word lets in; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.settings import Settings

__all__ = ["EVERYONE", "LASTS", "provider", "refusal"]

EVERYONE = "*"
LASTS = timedelta(hours=24)
"""How long a provider's word is taken; Streamlit's cookie alone would be taken for 30 days."""


def provider(settings: Settings) -> dict[str, dict[str, Any]]:
    """The secrets that `st.login` reads; empty where no provider is set."""
    if settings.oidc_metadata_url is None or settings.oidc_client_secret is None:
        return {}
    return {
        "auth": {
            "redirect_uri": settings.login_callback,
            "cookie_secret": settings.login_key,
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret.get_secret_value(),
            "server_metadata_url": settings.oidc_metadata_url,
        }
    }


def refusal(claims: Mapping[str, Any], allowed: Sequence[str], now: datetime) -> str:
    """Why the person of these claims may not look; '' where they may.

    A domain stands for its addresses, and not for those of domains below it.

    >>> from monitor.clock import parse_time
    >>> now = parse_time("2024-01-02T10:00")
    >>> refusal({"email": "ada@example.com", "iat": now.timestamp()}, ["example.com"], now)
    ''
    >>> refusal({"email": "eve@sub.example.com", "iat": now.timestamp()}, ["example.com"], now)
    'eve@sub.example.com is not among those who may look.'
    """
    email = str(claims.get("email") or "").strip()
    if not email:
        return "Your provider did not tell your e-mail address, by which people are let in here."
    if claims.get("email_verified") in {False, "false"}:
        return f"Your provider has not verified the address {email}."
    if _age(claims.get("iat"), now) > LASTS:
        return f"Your login is older than {LASTS.total_seconds() / 3600:.0f} hours."
    name, domain = email.lower(), email.lower().rpartition("@")[2]
    wanted = {entry.lower().removeprefix("@") for entry in allowed}
    if wanted & {EVERYONE, name, domain}:
        return ""
    return f"{email} is not among those who may look."


def _age(issued: object, now: datetime) -> timedelta:
    """How old a login is; one that does not say when it was given is too old."""
    if not isinstance(issued, int | float):
        return timedelta.max
    return now - datetime.fromtimestamp(issued, UTC)
