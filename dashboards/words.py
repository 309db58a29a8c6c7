"""How figures, times and strangers' texts are written; pure.

No number stands alone: a rate comes with its interval and its n, a time with its zone, a sum with its
unit. A text that came with the traffic is never markup: `plain` makes it harmless where Streamlit
would read Markdown.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from math import isnan
from typing import Any, Literal, TypeAlias

from monitor.drift.intervals import wilson

__all__ = [
    "Colour",
    "ago",
    "count",
    "cut",
    "duration",
    "money",
    "noun",
    "percent",
    "plain",
    "rate",
    "short",
    "span",
    "visible",
    "when",
]

Colour: TypeAlias = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]
"""Of a badge, as Streamlit names them: what tables of states say a state is shown in."""
MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&:^=])")


def count(number: float) -> str:
    """A whole number with thousands separated.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{int(number):,}"


def short(number: float) -> str:
    """A number to be glanced at: three digits and a unit.

    >>> short(999), short(12_345), short(9_999_960)
    ('999', '12.3 k', '10.0 M')
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"


def noun(number: float, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> noun(1, "call"), noun(1200, "call"), noun(0, "reply", "replies")
    ('1 call', '1,200 calls', '0 replies')
    """
    return f"{count(number)} {one if int(number) == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share as a percentage, with the digits that matter for faults.

    >>> percent(0.05), percent(0.0012), percent(0), percent(1), percent(0.4567)
    ('5.0 %', '0.12 %', '0 %', '100 %', '46 %')
    """
    value = share * 100
    if value in {0, 100}:
        return f"{value:.0f} %"
    digits = 2 if value < 1 else 1 if value < 10 else 0
    if value > 99:
        digits = 1
    return f"{value:.{digits}f} %"


def rate(failures: int, n: int) -> str:
    """A rate with its 95 % Wilson interval and its n, or the sentence that there is none.

    >>> rate(5, 100)
    '5.0 % (2.2 % to 11 %, n = 100)'
    >>> rate(0, 0)
    'none yet'
    """
    if not n:
        return "none yet"
    interval = wilson(int(failures), int(n))
    between = f"{percent(interval.low)} to {percent(interval.high)}"
    return f"{percent(failures / n)} ({between}, n = {count(n)})"


def money(usd: float) -> str:
    """US dollars, with as many digits as the sum needs.

    >>> money(1234.5), money(0.0123), money(0.00001), money(0)
    ('$1,234.50', '$0.0123', '$0.00001', '$0')
    """
    if usd == 0:
        return "$0"
    if usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.5f}" if usd < 0.001 else f"${usd:.4f}"


def duration(milliseconds: float | None) -> str:
    """A duration in the unit that suits it.

    >>> duration(12.34), duration(2345), duration(95_000), duration(None)
    ('12 ms', '2.3 s', '1.6 min', 'unknown')
    """
    if milliseconds is None or isnan(milliseconds):  # NaN is how a frame says unknown
        return "unknown"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
    return (
        f"{milliseconds / 1000:.1f} s"
        if milliseconds < 60_000
        else f"{milliseconds / 60_000:.1f} min"
    )


def span(length: timedelta) -> str:
    """A length of time in words.

    >>> span(timedelta(minutes=5)), span(timedelta(hours=30)), span(timedelta(days=12))
    ('5 minutes', '30 hours', '12 days')
    """
    seconds = max(0, int(length.total_seconds()))
    for size, name in ((172_800, "day"), (5400, "hour"), (60, "minute")):
        if seconds >= size:
            unit = {"day": 86_400, "hour": 3600, "minute": 60}[name]
            return noun(round(seconds / unit), name)
    return noun(seconds, "second")


def ago(moment: datetime, now: datetime) -> str:
    """How long ago that was.

    >>> from monitor.clock import parse_time
    >>> ago(parse_time("2024-01-01T00:00"), parse_time("2024-01-01T05:00"))
    '5 hours ago'
    """
    return f"{span(now - moment)} ago" if moment <= now else when(moment)


def when(moment: datetime | None) -> str:
    """A time, to the minute, with its zone.

    >>> from monitor.clock import parse_time
    >>> when(parse_time("2024-01-01T06:07:08Z")), when(None)
    ('2024-01-01 06:07 UTC', 'never')
    """
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def visible(text: str) -> str:
    r"""A text whose control characters are seen instead of acting: escapes, direction overrides.

    >>> visible("a\x1b[31mred\u202eevil")
    'a␛[31mred⟦U+202E⟧evil'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in "\u200c\u200d":
        return f"⟦U+{code:04X}⟧"
    return character


def plain(text: Any) -> str:
    r"""A text that Streamlit's Markdown shows as it is, on one line.

    >>> plain("<b>*due_date*</b> ![x](http://evil)")
    '\\<b\\>\\*due\\_date\\*\\</b\\> \\!\\[x\\]\\(http\\://evil\\)'
    """
    return MARKUP.sub(r"\\\1", " ".join(visible(str(text)).split()))


def cut(text: str, longest: int) -> str:
    """A text up to a length, with a sign that there is more.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"
