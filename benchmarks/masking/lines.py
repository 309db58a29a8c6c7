# ruff: noqa: E501 - one line is one kind of text
"""The labelled set: values in prose, JSON, code and log lines, beside hard negatives that look like them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pydoc_data.topics import topics
from string import ascii_letters, digits, hexdigits

from benchmarks.masking.values import ASSIGNED, VALUES, random_digits, until
from collector.masking.accounts import is_card

__all__ = ["WORDS", "Line", "lines"]

WORDS = [word for page in topics.values() for word in page.split() if word.isalpha()]
FRAMES = (
    "Please note {} for the file, thanks.",
    '{{"role": "user", "content": "it is {}", "n": 3}}',
    '[{{"a": "line one\\nline two {}\\nthree"}}]',
    "value = lookup('{}')  # checked",
    "2024-01-05T12:34:56.789Z INFO worker-3 request id=7f3a got {} in 12 ms",
    "({}) and so on",
)
HINTS = {
    "phone": "call {}",
    "us_ssn": "SSN {}",
    "nl_bsn": "BSN {}",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A text with what is known about it."""

    text: str
    """The text."""
    kind: str
    """The recogniser that should find the value, or the kind of negative."""
    value: str
    """The value, empty in a negative."""


def _negatives(rng: random.Random) -> dict[str, str]:
    """Things that look like values."""
    hexa = "".join(rng.choices(hexdigits.lower(), k=32))
    return {
        "timestamp": rng.choice((f"17{random_digits(rng, 8)}", f"17{random_digits(rng, 11)}", f"17{random_digits(rng, 17)}")),
        "date": f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        "european date": f"{rng.randrange(1, 29):02}.{rng.randrange(1, 13):02}.20{rng.randrange(10, 30)}",
        "uuid": f"{hexa[:8]}-{hexa[8:12]}-4{hexa[13:16]}-a{hexa[17:20]}-{hexa[20:]}",
        "trace id": hexa,
        "order number": rng.choice((f"ORD-{random_digits(rng, 8)}", f"#{random_digits(rng, 10)}", f"{random_digits(rng, 3)}-{random_digits(rng, 7)}-{random_digits(rng, 7)}")),
        "plain number": str(rng.randrange(10 ** rng.randrange(6, 16))),
        "version": f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(99)}",
        "price": f"${rng.randrange(1, 999)},{rng.randrange(1000):03}.{rng.randrange(100):02}",
        "numbers": f"[{rng.random():.6f}, {rng.random() * 100:.4f}, {rng.randrange(10**6)}]",
        "usage": f'{{"prompt_tokens": {rng.randrange(9999)}, "max_tokens": 1024, "total_tokens": {rng.randrange(99999)}}}',
        "response id": f"chatcmpl-{''.join(rng.choices(ascii_letters + digits, k=29))}",
        "bad card": until(lambda: "4" + random_digits(rng, 15), lambda v: not is_card(v)),
        "time": f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        "code": rng.choice(("x[1::2]", "std::vector<int>", "@property", "icon@2x.png", "pip install a==1.2.3", "git@github.com:o/r.git", "a @ b", "token = next(tokens)", "password: str", "def secret(self):", "bearer of bad news")),
        "prose": " ".join(rng.choices(WORDS, k=20)),
    }  # fmt: skip


def lines(rng: random.Random, number: int) -> list[Line]:
    """The labelled set: `number` lines of each recogniser and of each kind of negative."""
    made = []
    for kind, value_of in VALUES.items():
        for _ in range(number):
            value = value_of(rng)
            if kind in ASSIGNED:
                template = rng.choice(ASSIGNED[kind])
                made.append(Line(template.replace("{}", value), kind, value))
                continue
            shown = value
            if kind in HINTS and rng.random() < 0.5:
                shown = HINTS[kind].format(value)
            made.append(Line(rng.choice(FRAMES).format(shown), kind, value))
    for _ in range(number):
        for kind, text in _negatives(rng).items():
            frame = rng.choice(FRAMES).replace("2024-01-05T12:34:56.789Z ", "")
            made.append(Line(frame.format(text) if "{" not in text else text, kind, ""))
    return made
