"""National identity, tax and social security numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from collector.masking.checksums import (
    codice_fiscale,
    iso7064_mod11_10,
    luhn,
    mod97_key,
    verhoeff,
    weighted,
)
from collector.masking.recogniser import Candidate, Recogniser

__all__ = ["NATIONAL_IDS"]

SSN_WORDS = re.compile(rb"(?i)\bssn|social.?sec")
BSN_WORDS = re.compile(rb"(?i)\bbsn|burgerservice|sofinummer")
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
NINO_NEVER = frozenset(("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"))
PESEL = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
CPF_FIRST = (10, 9, 8, 7, 6, 5, 4, 3, 2)
CPF_SECOND = (11, *CPF_FIRST)
BSN = (9, 8, 7, 6, 5, 4, 3, 2, -1)
EAN13 = (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)


def _ssn(number: str) -> bool:
    area, middle, serial = number[:3], number[3:5], number[5:]
    return not (area in ("000", "666") or area[0] == "9" or middle == "00" or serial == "0000")


def _nino(number: str) -> bool:
    return number[:2] not in NINO_NEVER


def _steuer_id(number: str) -> bool:
    counts = sorted(number[:10].count(d) for d in set(number[:10]))
    repeated = counts[-1] in (2, 3) and (len(counts) == 1 or counts[-2] == 1)
    return repeated and iso7064_mod11_10(number)


def _nir(number: str) -> bool:
    month = int(number[3:5])
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    body = number[:13]
    corsica = 1_000_000 * ("A" in body) + 2_000_000 * ("B" in body)
    plain = int(body.replace("A", "0").replace("B", "0")) - corsica
    return mod97_key(plain, int(number[13:]))


def _dni(number: str) -> bool:
    digits = number[:-1].translate(str.maketrans("XYZ", "012"))
    return DNI_LETTERS[int(digits) % 23] == number[-1]


def _pesel(number: str) -> bool:
    century, month = divmod(int(number[2:4]), 20)
    year = (1900, 2000, 2100, 2200, 1800)[century] + int(number[:2])
    return _is_date(year, month, int(number[4:6])) and weighted(number, PESEL, 10) == 0


def _national_number(number: str) -> bool:
    body, key = number[:9], int(number[9:])
    if not (int(number[2:4]) <= 12 and int(number[4:6]) <= 31):
        return False
    return mod97_key(int(body), key) or mod97_key(int("2" + body), key)


def _cpf(number: str) -> bool:
    if len(set(number)) == 1:
        return False
    first = weighted(number, CPF_FIRST, 11) * -1 % 11 % 10
    second = weighted(number, CPF_SECOND, 11) * -1 % 11 % 10
    return number[9:] == f"{first}{second}"


def _personnummer(number: str) -> bool:
    ten = number[-10:]
    day = int(ten[4:6])
    return 1 <= int(ten[2:4]) <= 12 and 1 <= (day - 60 if day > 60 else day) <= 31 and luhn(ten)


def _ahv(number: str) -> bool:
    return weighted(number, EAN13, 10) == 0


def _bsn(number: str) -> bool:
    return weighted(number, BSN, 11) == 0


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _numbered(
    name: str,
    pattern: str,
    accept: Callable[[str], bool],
    *,
    announced_by: re.Pattern[bytes] | None = None,
) -> Recogniser:
    def verify(candidate: Candidate) -> tuple[int, int] | None:
        announced = announced_by is None or candidate.after(announced_by)
        if announced and candidate.apart and accept(candidate.alnum):
            return candidate.start, candidate.end
        return None

    return Recogniser(name, "national_id", pattern, pattern, verify)


NATIONAL_IDS = (
    _numbered("us_ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4}", _ssn),
    _numbered("us_ssn", r"[0-9]{9}", _ssn, announced_by=SSN_WORDS),
    _numbered(
        "uk_nino",
        r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        _nino,
    ),
    _numbered(
        "de_steuer_id",
        r"[1-9][0-9]{10}|[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",
        _steuer_id,
    ),
    _numbered(
        "fr_nir",
        r"[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        _nir,
    ),
    _numbered("es_dni", r"(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z]", _dni),
    _numbered(
        "it_codice_fiscale",
        r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        codice_fiscale,
    ),
    _numbered("pl_pesel", r"[0-9]{11}", _pesel),
    _numbered("be_rrn", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", _national_number),
    _numbered("in_aadhaar", r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", verhoeff),
    _numbered("br_cpf", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", _cpf),
    _numbered("ca_sin", r"[1-79][0-9]{2}-[0-9]{3}-[0-9]{3}|[1-79][0-9]{2} [0-9]{3} [0-9]{3}", luhn),
    _numbered("se_personnummer", r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", _personnummer),
    _numbered("ch_ahv", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", _ahv),
    _numbered("nl_bsn", r"[0-9]{9}", _bsn, announced_by=BSN_WORDS),
)
"""US SSN, UK NINO have no check digit, only ranges; all others are verified by theirs. The Dutch BSN
and an SSN without dashes are taken only after a word that announces them."""
