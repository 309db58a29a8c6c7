"""What stands in the place of a value: `[email]`, or `[email:kdtmbnrw]` where values must stay apart."""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

__all__ = ["Placeholders", "normal"]

LETTERS = bytes.maketrans(b"0123456789abcdef", b"bcdfghjkmnpqrstv")
"""No digits: no recogniser can take a placeholder for a number."""
DIGEST_LETTERS = 8
SPACING = re.compile(rb"[ .()/-]+")


def normal(name: str, value: bytes) -> bytes:
    """The spelling that all spellings of a value have in common.

    >>> normal("email", b"Ann@Example.com"), normal("card", b"4111 1111 1111 1111")
    (b'ann@example.com', b'4111111111111111')
    """
    if name == "email":
        return value.lower()
    return value if name == "ip" else SPACING.sub(b"", value)


class Placeholders:
    """Makes placeholders.

    Args:
        secret: key of the hash; without it nobody can find the value of a placeholder by trying.
        keyed: every value gets its own placeholder, not only those that are ids.
    """

    def __init__(self, secret: bytes, *, keyed: bool) -> None:
        self._secret, self.keyed = secret, keyed

    def __call__(self, name: str, value: bytes, *, tenant: str, keyed: bool) -> bytes:
        """The placeholder of a value."""
        if not (keyed or self.keyed):
            return b"[%s]" % name.encode()
        message = b"\0".join((tenant.encode(), name.encode(), normal(name, value)))
        digest = hmac.new(self._secret, message, sha256).hexdigest()[:DIGEST_LETTERS]
        return b"[%s:%s]" % (name.encode(), digest.encode().translate(LETTERS))
