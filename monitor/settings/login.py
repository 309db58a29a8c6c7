"""Who may open the dashboard beyond loopback: people whom an OpenID Connect provider vouches for."""

from __future__ import annotations

import hmac
from typing import Self

from pydantic import Field, SecretStr, model_validator

from monitor.settings.kinds import Names, Url
from monitor.settings.serving import Serving

__all__ = ["CALLBACK", "Login"]

CALLBACK = "oauth2callback"
"""Path to which the provider sends people back; Streamlit's."""


class Login(Serving):
    """The provider, what it knows the dashboard by, and whom to let in."""

    oidc_metadata_url: Url = Field(
        None,
        description="OpenID Connect provider's discovery document; with it the dashboard asks people to log in"
        " there, on loopback too, and what they do is recorded under their e-mail",
        examples=["https://accounts.google.com/.well-known/openid-configuration"],
    )
    oidc_client_id: str | None = Field(
        None, description="what the provider calls this dashboard", examples=["outerloop"]
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="the provider's secret for it", examples=["a-long-random-text"]
    )
    oidc_allowed: Names = Field(
        default_factory=list,
        description="who may look: e-mail addresses and whole domains, by comma; `*` for everyone whom the provider"
        " lets in",
        examples=["ada@example.com,example.org"],
    )
    cookie_secret: SecretStr | None = Field(
        None,
        description="signs the login's cookie; without it a key is derived from `OUTERLOOP_OIDC_CLIENT_SECRET`",
        examples=["a-long-random-text"],
    )

    @model_validator(mode="after")
    def _login_is_whole(self) -> Self:
        given = {
            "OUTERLOOP_OIDC_METADATA_URL": self.oidc_metadata_url,
            "OUTERLOOP_OIDC_CLIENT_ID": self.oidc_client_id,
            "OUTERLOOP_OIDC_CLIENT_SECRET": self.oidc_client_secret,
            "OUTERLOOP_OIDC_ALLOWED": self.oidc_allowed,
            "OUTERLOOP_PUBLIC_URL": self.public_url,
        }
        missing = [name for name, value in given.items() if not value]
        asked = [name for name in given if name.startswith("OUTERLOOP_OIDC") and given[name]]
        if asked and missing:
            raise ValueError(
                f"{asked[0]} is set, and {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not; a login"
                " needs all of them, e.g. OUTERLOOP_PUBLIC_URL=https://outerloop.example and"
                " OUTERLOOP_OIDC_ALLOWED=example.com"
            )
        return self

    @property
    def login_callback(self) -> str:
        """The address to register with the provider."""
        return f"{self.public_url}/{CALLBACK}"

    @property
    def login_key(self) -> str:
        """What signs the login's cookie: the same after a restart and on every replica."""
        if self.cookie_secret is not None:
            return self.cookie_secret.get_secret_value()
        secret = self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else ""
        return hmac.digest(secret.encode(), b"outerloop dashboard login", "sha256").hex()
