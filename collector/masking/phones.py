"""Telephone numbers, decided by Google's numbering plans (`phonenumbers`)."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from collector.masking.recogniser import Candidate, Recogniser, Verify

__all__ = ["phone", "regions_known"]

PHONE_WORDS = re.compile(
    rb"(?i)phone|\bcall|mobile|\bcell|\btel\b|telefon|t\xc3\xa9l|handy|\bfax|\bsms|whatsapp|msisdn|dial|\bring\b|reach"
)
SEPARATOR = re.compile(rb"[ .()/-]")
TRAILING_GROUP = re.compile(rb"[ .()/-]+[0-9]+\Z")
DATE = re.compile(rb"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{2,4}(?:[ T][0-9]{1,2})?")
NORTH_AMERICAN = re.compile(
    rb"(?:1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]{0,2}[2-9][0-9]{2}[ .-]?[0-9]{4}"
)
PATTERN = (
    r"(?:\+|00)[1-9][0-9]{0,2}(?:[ ./-]{0,2}\(?[0-9]{1,12}\)?){1,7}"
    r"|(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}"
    r"|(?:\(0[1-9][0-9]{0,4}\)|0[1-9][0-9]{0,4})(?:[ ./-]{1,2}[0-9]{2,8}){1,5}"
    r"|[0-9]{2,4}(?:[ .-][0-9]{2,4}){2,4}|[0-9]{9,11}"
)
MOST_TRIMS = 3


def regions_known() -> frozenset[str]:
    """Region codes that numbers without a country code can be read in."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


@lru_cache(maxsize=4096)
def _valid(number: str, region: str | None) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    if region is None:
        return phonenumbers.is_possible_number(parsed)
    return phonenumbers.is_valid_number_for_region(parsed, region)


def _international(candidate: Candidate) -> tuple[int, int] | None:
    """The longest run of groups that a country's plan could hold: what follows may be another number."""
    text = candidate.text
    for _ in range(MOST_TRIMS):
        number = text.decode("ascii")
        if number.startswith("00"):
            number = f"+{number[2:]}"
        if _valid(number, None):
            return candidate.start, candidate.start + len(text)
        shorter = TRAILING_GROUP.sub(b"", text)
        if shorter == text:
            break
        text = shorter
    return None


def phone(regions: tuple[str, ...]) -> Recogniser:
    """The recogniser that reads numbers without a country code as those of these regions."""

    def verify(candidate: Candidate) -> tuple[int, int] | None:
        text = candidate.text
        before = candidate.data[candidate.start - 1 : candidate.start]
        if text.startswith(b"+"):
            return _international(candidate)
        if not candidate.apart or before in (b"$", b"+", b"#", b":", b"/") or DATE.fullmatch(text):
            return None
        if text.startswith(b"00"):
            return _international(candidate)
        announced = candidate.after(PHONE_WORDS)
        dialled = NORTH_AMERICAN.fullmatch(text) or text.startswith((b"0", b"(0"))
        if not announced and not (dialled and SEPARATOR.search(text)):
            return None
        number = text.decode("ascii")
        fits = any(_valid(number, region) for region in regions)
        return (candidate.start, candidate.end) if fits else None

    checked: Verify = verify
    return Recogniser("phone", "phone", PATTERN, r"[0-9][0-9 ()./-]{6,}[0-9]", checked)
