"""Payment cards and bank accounts."""

from __future__ import annotations

import re

from collector.masking import checksums
from collector.masking.recogniser import Candidate, Recogniser

__all__ = ["CARD", "IBAN", "is_card"]

ISSUERS: tuple[tuple[re.Pattern[str], frozenset[int]], ...] = (
    (re.compile("4"), frozenset((13, 16, 19))),  # Visa
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset((16,))),  # Mastercard
    (re.compile("3[47]"), frozenset((15,))),  # American Express
    (re.compile("6011|64[4-9]|65|62"), frozenset(range(16, 20))),  # Discover, UnionPay
    (re.compile("35(?:2[89]|[3-8])"), frozenset(range(16, 20))),  # JCB
    (re.compile("30[0-5]|3[689]"), frozenset((14, 16, 19))),  # Diners Club
    (re.compile("50[12]0|5018|5038|5893|6304|6759|676[1-3]"), frozenset(range(13, 20))),  # Maestro
)
CARD_PATTERN = (
    r"[2-6][0-9]{3}(?:[ -][0-9]{4}){3}(?:[ -][0-9]{3})?|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
    r"|[2-6][0-9]{12,18}"
)
IBAN_LENGTHS = {
    code: length
    for length, codes in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip


def is_card(digits: str) -> bool:
    """An issuer's range, one of its lengths, and the check digit.

    >>> is_card("4242424242424242"), is_card("1700000000000000006")
    (True, False)
    """
    known = any(len(digits) in lengths and iin.match(digits) for iin, lengths in ISSUERS)
    return known and checksums.luhn(digits)


def _card(candidate: Candidate) -> tuple[int, int] | None:
    if candidate.apart and is_card(candidate.alnum):
        return candidate.start, candidate.end
    if (
        len(candidate.text) == 23
    ):  # 16 digits in fours, and three more: a security code after a card
        card = Candidate(candidate.data, candidate.start, candidate.end - 4, candidate.key)
        return _card(card)
    return None


def _iban(candidate: Candidate) -> tuple[int, int] | None:
    text = candidate.text.decode("ascii")
    length = IBAN_LENGTHS.get(text[:2], 0)
    end = candidate.start
    for found in re.finditer("[0-9A-Z]", text):
        length -= 1
        if length == 0:
            end += found.end()
            break
    account = Candidate(candidate.data, candidate.start, end, candidate.key)
    if end > candidate.start and account.apart and checksums.iban(account.alnum):
        return account.start, account.end
    return None


CARD = Recogniser(
    "card", "card", CARD_PATTERN, r"[2-6][0-9]{3}[ -]?[0-9]{4}[0-9 -]{5,}[0-9]", _card
)
IBAN = Recogniser(
    "iban",
    "iban",
    r"[A-Z]{2}[0-9]{2}(?:[ -]?[0-9A-Z]{4}){2,7}(?:[ -]?[0-9A-Z]{1,3})?",
    r"[A-Z]{2}[0-9]{2}[ -]?[0-9A-Z]{4}[ -]?[0-9A-Z]{4}",
    _iban,
)
"""In capitals, with or without spaces; a small-letter IBAN would look like any hexadecimal id."""
