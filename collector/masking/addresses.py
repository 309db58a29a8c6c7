"""E-mail and IP addresses."""

from __future__ import annotations

import ipaddress
import re

from collector.masking.recogniser import Candidate, Recogniser

__all__ = ["EMAIL", "IP"]

LETTER = r"(?:[\pL\pN]|\\u[0-9A-Fa-f]{4})"
"""Also as JSON that is kept to ASCII writes it."""
EMAIL_PATTERN = (
    rf"(?:{LETTER}|_)(?:(?:{LETTER}|[._%+'~-])*(?:{LETTER}|[_+~-]))?"
    rf"@(?:{LETTER}(?:(?:{LETTER}|-)*{LETTER})?\.)+(?:xn--[0-9A-Za-z-]+|\pL{{2,24}})"
)
FILE_ENDINGS = frozenset((b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"ts"))
"""`icon@2x.png` is a file, and none of these is a top-level domain."""
VERSION_BEFORE = re.compile(rb"(?i)(?:\bv|version|release|build|rev)\W{0,3}\Z")
LEAST_HEX = 5
"""Of an IPv6 address: `1::2` is rather a slice in a program."""


def _email(candidate: Candidate) -> tuple[int, int] | None:
    text = candidate.text
    if text.startswith(b"git@") and candidate.data[candidate.end : candidate.end + 1] == b":":
        return None  # a repository
    if text.rpartition(b".")[2].lower() in FILE_ENDINGS:
        return None
    return candidate.start, candidate.end


def _ip(candidate: Candidate) -> tuple[int, int] | None:
    data, end = candidate.data, candidate.end
    while end > candidate.start and data[end - 1 : end] == b".":
        end -= 1  # the end of a sentence
    found = Candidate(data, candidate.start, end, candidate.key)
    if not found.apart or (data[end : end + 1] == b":" and b":" in found.text):
        return None
    try:
        address = ipaddress.ip_address(found.text.decode("ascii"))
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    if address.version == 6:
        plausible = len(found.alnum) >= LEAST_HEX and any(c.isdigit() for c in found.alnum)
    else:
        before = data[max(0, found.start - 12) : found.start]
        plausible = not VERSION_BEFORE.search(before)
    return (found.start, found.end) if plausible else None


EMAIL = Recogniser(
    "email", "email", EMAIL_PATTERN, r"(?:[0-9A-Za-z_+~-]|[^\x00-\x7f])@(?:[0-9A-Za-z\\]|[^\x00-\x7f])",
    _email,
)  # fmt: skip
IP = Recogniser(
    "ip",
    "ip",
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}|(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4})",
    r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:(?:[0-9A-Fa-f]|:)",
    _ip,
)
