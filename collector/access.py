"""Who may send: the token as Bearer, or as the password of Basic, which is all that some SDKs can."""

from __future__ import annotations

import hmac
from base64 import b64decode

from collector.answers import Refusal

__all__ = ["authorize"]


def authorize(header: str, token: str | None) -> None:
    """Let the sender in, whose `Authorization` is `header`.

    Raises:
        Refusal: there is a token and this is not it.
    """
    if token is not None and not hmac.compare_digest(_given(header).encode(), token.encode()):
        raise Refusal(
            401, "unauthorized", "send the header Authorization: Bearer <OUTERLOOP_TOKEN>"
        )


def _given(header: str) -> str:
    """The token in the header, or the empty text.

    >>> _given("bearer sesame"), _given("Basic cGs6c2VzYW1l"), _given("Digest sesame")
    ('sesame', 'sesame', '')
    """
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
