"""What every answer tells a browser: stand in nobody's frame, guess no types, tell nobody our addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from starlette.datastructures import MutableHeaders

__all__ = ["harden"]

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    # a button that approves must not be pressed through somebody else's page
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    # addresses hold ids of users and sessions
    "Referrer-Policy": "same-origin",
}


def harden(app: App, *, secure: bool) -> App:
    """Add the headers to every answer; over HTTPS make every cookie one that is only sent over HTTPS."""

    async def hardened(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                message = {
                    **message,
                    "headers": [_secured(pair) if secure else pair for pair in headers.raw],
                }
            await send(message)

        await app(scope, receive, sent if scope["type"] == "http" else send)

    return hardened


def _secured(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = pair
    if name.lower() == b"set-cookie" and b"; secure" not in value.lower():
        return name, value + b"; Secure"
    return pair
