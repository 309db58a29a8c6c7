"""Check digits: what tells a card or an identity number from any other number of its length."""

from __future__ import annotations

from string import ascii_uppercase, digits

__all__ = [
    "codice_fiscale",
    "iban",
    "iso7064_mod11_10",
    "luhn",
    "mod97_key",
    "verhoeff",
    "weighted",
]

DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
"""Multiplication in the dihedral group of order ten."""
PERMUTATION = "1576283094"
ODD_PLACE = dict(
    zip(
        digits + ascii_uppercase,
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
         1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
EVEN_PLACE = dict(
    zip(digits + ascii_uppercase, (*range(10), *range(26)), strict=True),
)
DOUBLED = str.maketrans(digits, "0246813579")


def luhn(number: str) -> bool:
    """Payment cards, and the Canadian and Swedish personal numbers.

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = number[-2::-2].translate(DOUBLED)
    return (sum(map(int, number[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def iban(account: str) -> bool:
    """ISO 7064 mod 97-10 over an IBAN without spaces, in capitals.

    >>> iban("DE89370400440532013000"), iban("DE89370400440532013001")
    (True, False)
    """
    return int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1


def mod97_key(number: int, key: int) -> bool:
    """A key that makes up 97 with the number's remainder (French NIR, Belgian national number).

    >>> mod97_key(2550814168025, 38)
    True
    """
    return 97 - number % 97 == key


def iso7064_mod11_10(number: str) -> bool:
    """The German tax id's last digit.

    >>> iso7064_mod11_10("86095742719"), iso7064_mod11_10("86095742718")
    (True, False)
    """
    product = 10
    for digit in number[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(number[-1])


def weighted(number: str, weights: tuple[int, ...], modulus: int) -> int:
    """The remainder of the digits' weighted sum.

    >>> weighted("44051401359", (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10)
    0
    """
    return sum(int(d) * w for d, w in zip(number, weights, strict=False)) % modulus


def verhoeff(number: str) -> bool:
    """The Indian Aadhaar number's last digit.

    >>> verhoeff("2363"), verhoeff("2364")
    (True, False)
    """
    check = 0
    for place, digit in enumerate(reversed(number)):
        permuted = int(digit)
        for _ in range(place % 8):
            permuted = int(PERMUTATION[permuted])
        check = int(DIHEDRAL[check][permuted])
    return check == 0


def codice_fiscale(code: str) -> bool:
    """The Italian tax code's last letter.

    >>> codice_fiscale("RSSMRA85T10A562S"), codice_fiscale("RSSMRA85T10A562T")
    (True, False)
    """
    total = sum(ODD_PLACE[c] for c in code[:15:2]) + sum(EVEN_PLACE[c] for c in code[1:15:2])
    return ascii_uppercase[total % 26] == code[15]
