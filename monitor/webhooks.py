"""Signed webhooks, as Standard Webhooks lays them down: sign, deliver, verify.

Alerts and retrain requests go out this way. The HMAC is the `standardwebhooks` library's. Only its
`verify` is not used, because it reads the clock itself and answers a mangled signature with
whatever error its decoder happens to raise.

A secret may be several, separated by commas or white space: then every message carries one signature
for each, as Standard Webhooks lays down for a rotation, and a receiver that knows any one of them is
content. So a secret is changed without a lost message: add the new one, change the receiver, take the
old one away.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from standardwebhooks import Webhook

from monitor.exceptions import ConfigurationError, DeliveryError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ID",
    "SIGNATURE",
    "TIMESTAMP",
    "Delivered",
    "deliver",
    "encode",
    "keys",
    "sign",
    "verify",
]

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
PREFIX = "whsec_"
VERSION = "v1"
EXCERPT = 300
"""Characters of the other end's answer that an error quotes."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other end's yes."""

    message_id: str
    status: int
    """HTTP status, 200 to 299."""
    duration_ms: float
    answer: bytes
    """Body of the answer."""


def encode(payload: Mapping[str, Any]) -> bytes:
    """The payload as the exact JSON bytes that are signed and sent; times become RFC 3339 with `Z`.

    >>> encode({"type": "incident.opened", "timestamp": datetime(2024, 1, 1, tzinfo=UTC)})
    b'{"type":"incident.opened","timestamp":"2024-01-01T00:00:00Z"}'
    """
    return orjson.dumps(dict(payload), option=orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY)


def sign(secret: str, message_id: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """The three Standard Webhooks headers for `body`, signed at the real time `at` with every secret.

    A secret starting with `whsec_` is base64 after that prefix; any other text is the key itself.

    Raises:
        ConfigurationError: there is no secret, or one is no base64 after `whsec_`.

    >>> headers = sign("whsec_c2VjcmV0", "msg_1", b"{}", at=datetime(2024, 1, 1, tzinfo=UTC))
    >>> headers["webhook-timestamp"]
    '1704067200'
    >>> both = sign("whsec_bmV3 whsec_b2xk", "m", b"{}", at=datetime(2024, 1, 1, tzinfo=UTC))
    >>> [one[:3] for one in both["webhook-signature"].split()]
    ['v1,', 'v1,']
    """
    signatures = (f"{VERSION},{_signature(key, message_id, body, at)}" for key in keys(secret))
    stamp = str(int(at.timestamp()))
    return {ID: message_id, TIMESTAMP: stamp, SIGNATURE: " ".join(signatures)}


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: datetime,
    tolerance_s: float = 300,
) -> str:
    """The message id of a webhook whose signature and age are right.

    One good signature of several is enough, so that a secret can be rotated. The id is there to be
    remembered: a message told again carries the same one.

    Args:
        secret: shared secret, or several of which any one will do.
        headers: the request's headers, in any letter case.
        body: the request's body, byte for byte.
        now: real time.
        tolerance_s: how far, in seconds, its timestamp may lie from `now` in either direction.

    Raises:
        SignatureError: a header is missing or mangled, the time is off, or no signature matches.
        ConfigurationError: the secret itself is unusable.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not given.get(name)]
    if missing:
        raise SignatureError(
            f"header {', '.join(missing)} is missing; sign the request as Standard Webhooks says"
        )
    at = _sent_at(given[TIMESTAMP])
    age_s = (now - at).total_seconds()
    if abs(age_s) > tolerance_s:
        side = "old" if age_s > 0 else "in the future"
        raise SignatureError(
            f"the message is {abs(age_s):.0f} s {side}, more than the {tolerance_s:.0f} s allowed;"
            " check both machines' clocks and sign anew for every attempt"
        )
    expected = [_signature(key, given[ID], body, at).encode() for key in keys(secret)]
    offered = [part.partition(",") for part in given[SIGNATURE].split()]
    # A set of all matches, not a short-circuit: the time it takes must not tell which one matched.
    matches = [
        hmac.compare_digest(right, text.encode())
        for version, _, text in offered
        if version == VERSION
        for right in expected
    ]
    if not any(matches):
        raise SignatureError(
            "no v1 signature matches; check that both ends use the same secret"
            " and that the body arrives unchanged"
        )
    return given[ID]


def deliver(
    url: str,
    secret: str,
    message_id: str,
    payload: Mapping[str, Any],
    *,
    now: datetime,
    timeout_s: float = 10,
) -> Delivered:
    """Post a signed payload once; `now` is real time, the id stays the same when it is told again.

    Redirects are not followed: the answer must come from the address that was configured.

    Raises:
        DeliveryError: the other end was not reached, was too slow, or did not answer 2xx.
        ConfigurationError: the secret is unusable.
    """
    body = encode(payload)
    headers = {"content-type": "application/json", **sign(secret, message_id, body, at=now)}
    began = time.perf_counter()
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=timeout_s)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise DeliveryError(
            f"{url} was not reached within {timeout_s:g} s ({reason}); is it running?"
        ) from error
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{url} is no address to deliver to: {error}") from error
    if not answer.is_success:
        raise DeliveryError(
            f"{url} answered {answer.status_code}: {answer.text[:EXCERPT] or 'nothing'}",
            retry_after_s=_retry_after_s(answer.headers.get("retry-after", ""), now),
            final=answer.status_code == HTTPStatus.GONE,
        )
    duration_ms = (time.perf_counter() - began) * 1000
    return Delivered(message_id, answer.status_code, duration_ms, answer.content)


def keys(secret: str) -> list[bytes]:
    """The HMAC keys of a secret, or of several separated by commas or white space.

    Raises:
        ConfigurationError: there is none, or one is unusable.

    >>> keys("whsec_c2VjcmV0, plain")
    [b'secret', b'plain']
    """
    return [_key(one) for one in re.split(r"[\s,]+", secret.strip(" \t\r\n,"))]


def _retry_after_s(told: str, now: datetime) -> float | None:
    """What `Retry-After` says, in seconds from `now`: a number, or an HTTP date; None for nothing usable.

    >>> _retry_after_s("120", datetime(2024, 1, 1, tzinfo=UTC))
    120.0
    >>> _retry_after_s("Mon, 01 Jan 2024 00:01:00 GMT", datetime(2024, 1, 1, tzinfo=UTC))
    60.0
    >>> _retry_after_s("soon", datetime(2024, 1, 1, tzinfo=UTC))
    """
    try:
        if re.fullmatch(r"[0-9]{1,9}", told.strip()):
            return float(told)
        moment = parsedate_to_datetime(told)
    except ValueError:
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return float(math.ceil(max(0.0, (aware - now).total_seconds())))


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        key = secret.encode()
    else:
        text = secret.removeprefix(PREFIX)
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except binascii.Error as error:
            raise ConfigurationError(
                f"the webhook secret is no base64 after {PREFIX}; make one with"
                f' echo "{PREFIX}$(openssl rand -base64 24)"'
            ) from error
    if not key:
        raise ConfigurationError(
            f'the webhook secret is empty; make one with echo "{PREFIX}$(openssl rand -base64 24)"'
        )
    return key


def _signature(key: bytes, message_id: str, body: bytes, at: datetime) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise SignatureError("the body is no UTF-8; send JSON") from error
    signed: str = Webhook(key).sign(message_id, at.astimezone(UTC), text)
    return signed.partition(",")[2]


def _sent_at(stamp: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(stamp), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureError(
            f"{TIMESTAMP} is {stamp[:40]!r}; it must be whole seconds since 1970"
        ) from error
