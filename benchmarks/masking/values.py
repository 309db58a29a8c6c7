# ruff: noqa: E501 - one line is one kind of value
"""Values made by rule, with right check digits."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from string import ascii_letters, ascii_uppercase, digits

import phonenumbers

from collector.masking.accounts import IBAN_LENGTHS, is_card
from collector.masking.checksums import codice_fiscale, iban, luhn, verhoeff
from collector.masking.identities import DNI_LETTERS, NATIONAL_IDS
from collector.masking.recogniser import Candidate

__all__ = ["ASSIGNED", "VALUES", "random_digits", "until"]

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL")


def random_digits(rng: random.Random, number: int) -> str:
    """So many digits."""
    return "".join(rng.choices(digits, k=number))


def until(make: Callable[[], str], accept: Callable[[str], bool]) -> str:
    """The first that is accepted."""
    return next(value for value in iter(make, None) if value is not None and accept(value))


def _email(rng: random.Random) -> str:
    name = rng.choice(("ann.lee", "o'neil", "x_y", "j+tag", "MARIA", "jürgen", "li.wei88"))
    host = rng.choice(("example.com", "mail.co.uk", "sub.firma.de", "müller.de", "a-b.io"))
    return f"{name}{rng.randrange(100)}@{host}"


def _phone(rng: random.Random) -> str:
    region = rng.choice(REGIONS)
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    example = phonenumbers.example_number_for_type(region, rng.choice(kinds))
    number = phonenumbers.PhoneNumber(
        country_code=example.country_code, national_number=example.national_number
    )
    style = rng.choice((
        phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL,
        phonenumbers.PhoneNumberFormat.E164,
    ))  # fmt: skip
    return str(phonenumbers.format_number(number, style))


def _card(rng: random.Random) -> str:
    start, length = rng.choice((("4", 16), ("5", 16), ("37", 15), ("6011", 16), ("2221", 16)))
    number = until(lambda: start + random_digits(rng, length - len(start)), is_card)
    mark = rng.choice(("", " ", "-"))
    cuts = (0, 4, 10, 15) if length == 15 else (0, 4, 8, 12, 16)
    return mark.join(number[a:b] for a, b in pairwise(cuts))


def _iban(rng: random.Random) -> str:
    code = rng.choice(("DE", "GB", "FR", "NL", "ES", "IT", "CH"))
    bank = rng.choices(ascii_uppercase, k=4) if code in ("GB", "NL") else rng.choices(digits, k=4)
    body = "".join(bank) + random_digits(rng, IBAN_LENGTHS[code] - 8)
    number = next(v for n in range(100) if iban(v := f"{code}{n:02}{body}"))
    if rng.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def _steuer_id(rng: random.Random) -> str:
    rule = next(r for r in NATIONAL_IDS if r.name == "de_steuer_id")
    return until(
        lambda: str(rng.randrange(1, 10)) + random_digits(rng, 10),
        lambda v: rule.verify(Candidate(v.encode(), 0, 11, "")) is not None,
    )


def _nir(rng: random.Random) -> str:
    body = (
        f"{rng.choice('12')}{rng.randrange(100):02}{rng.randrange(1, 13):02}{random_digits(rng, 8)}"
    )
    key = f"{97 - int(body) % 97:02}"
    if rng.random() < 0.5:
        return body + key
    cuts = (0, 1, 3, 5, 7, 10, 13)
    return " ".join([body[a:b] for a, b in pairwise(cuts)] + [key])


def _codice(rng: random.Random) -> str:
    body = f"{''.join(rng.choices(ascii_uppercase, k=6))}{random_digits(rng, 2)}{rng.choice('ABCDEHLMPRST')}{random_digits(rng, 2)}A{random_digits(rng, 3)}"
    return next(v for letter in ascii_uppercase if codice_fiscale(v := body + letter))


def _dni(rng: random.Random) -> str:
    number = rng.randrange(10**8)
    return f"{number:08}{DNI_LETTERS[number % 23]}"


def _secret(rng: random.Random) -> str:
    text = "".join(rng.choices(ascii_letters + digits, k=48))
    return rng.choice((
        f"sk-proj-{text}", f"sk-ant-api03-{text}", f"ghp_{text[:36]}", f"AKIA{text[:16].upper()}",
        f"xoxb-{random_digits(rng, 11)}-{text[:24]}", f"AIza{text[:35]}",
    ))  # fmt: skip


def _assigned(rng: random.Random) -> str:
    return "".join(rng.choices(ascii_letters + digits, k=32)) + "7"


def _grouped(
    rng: random.Random, first: str, accept: Callable[[str], bool], *, size: int, mark: str
) -> str:
    """Three groups of digits with a right check digit."""
    number = until(lambda: rng.choice(first) + random_digits(rng, 3 * size - 1), accept)
    return mark.join(number[i : i + size] for i in range(0, 3 * size, size))


VALUES: dict[str, Callable[[random.Random], str]] = {
    "email": _email,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "us_ssn": lambda r: f"{r.randrange(1, 600):03}-{r.randrange(1, 99):02}-{r.randrange(1, 9999):04}".replace("666-", "667-"),
    "uk_nino": lambda r: f"{r.choice('ABCEHJ')}{r.choice('ABCEHJ')} {random_digits(r, 2)} {random_digits(r, 2)} {random_digits(r, 2)} C",
    "de_steuer_id": _steuer_id,
    "fr_nir": _nir,
    "es_dni": _dni,
    "it_codice_fiscale": _codice,
    "in_aadhaar": lambda r: _grouped(r, "23456789", verhoeff, size=4, mark=" "),
    "ca_sin": lambda r: _grouped(r, "1234567", luhn, size=3, mark="-"),
    "ip": lambda r: r.choice((f"{r.randrange(1, 224)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}".replace("127.", "128.", 1), f"2001:db8:{r.randrange(1, 65536):x}::{r.randrange(16, 65536):x}")),
    "api_key": _secret,
    "jwt": lambda r: f"eyJ{''.join(r.choices(ascii_letters, k=20))}.eyJ{''.join(r.choices(ascii_letters, k=40))}.{''.join(r.choices(ascii_letters, k=43))}",
    "assigned_secret": _assigned,
    "password": lambda r: "".join(r.choices(ascii_letters + digits + "!#", k=12)),
    "url_password": lambda r: "".join(r.choices(ascii_letters + digits, k=12)),
}  # fmt: skip
ASSIGNED = {
    "assigned_secret": ('"api_key": "{}"', "client_secret={}", "X-Auth-Token: {}", '\\"token\\": \\"{}\\"'),
    "password": ("password={}", '"passwd": "{}"', "DB_PASSWORD='{}'"),
    "url_password": ("postgres://app:{}@db.internal:5432/main", "redis://:{}@cache/0"),
}  # fmt: skip
