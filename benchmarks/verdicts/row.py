"""One compared number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Row", "absent", "at_least", "exact", "near", "same"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    section: str
    quantity: str
    expected: str
    ours: str
    met: bool | None
    """None where nothing is expected, or the data is not in the folder: neither a hit nor a miss."""
    why: str = ""
    """What is known about a miss."""

    @property
    def verdict(self) -> str:
        """`ok`, `MISS`, or that there was nothing to compare."""
        if self.met is None:
            return "" if self.ours else "not in the folder"
        return "ok" if self.met else "MISS"


def exact(section: str, quantity: str, expected: str, ours: float | None) -> Row:
    """Equal as far as the expected number is printed: ±1e-6, or half a unit of its last digit."""
    exponent = Decimal(expected).as_tuple().exponent
    assert isinstance(exponent, int)
    allowed = max(1e-6, 0.5 * 10.0**exponent) if exponent < 0 else 0.0
    return near(section, quantity, float(expected), ours, allowed, told=expected)


def near(
    section: str,
    quantity: str,
    expected: float,
    ours: float | None,
    allowed: float,
    *,
    told: str = "",
) -> Row:
    """Within `allowed` of the expected number."""
    met = ours is not None and math.fabs(ours - expected) <= allowed * (1 + 1e-9)
    text = told or f"{expected:g} ±{allowed:.2g}"
    return Row(section, quantity, text, "-" if ours is None else f"{ours:.6f}", met)


def same(section: str, quantity: str, expected: object, ours: object) -> Row:
    """Equal, as counts and words are."""
    return Row(section, quantity, str(expected), str(ours), expected == ours)


def at_least(section: str, quantity: str, bound: float, ours: float) -> Row:
    """At or above the bound."""
    return Row(section, quantity, f">= {bound:g}", f"{ours:.6f}", ours >= bound)


def absent(section: str, what: str) -> Row:
    """A set that is held out, or whose file is of another form than is known here."""
    return Row(section, what, "", "", None)
