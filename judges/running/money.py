"""US dollars as whole nano-dollars, so that sums of money are exact."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

__all__ = ["nano", "nano_above", "nano_below", "usd"]

NANO = Decimal(10) ** 9
DIGITS = 12
"""Decimals that are looked at: what stands behind them is the noise of a sum of floats."""


def nano(amount_usd: float) -> int:
    """The nearest whole number of nano-dollars.

    >>> nano(0.1 + 0.2), nano(0.000_000_000_4)
    (300000000, 0)
    """
    return _whole(amount_usd, ROUND_HALF_EVEN)


def nano_above(amount_usd: float) -> int:
    """No less than the amount, for what is set aside.

    >>> nano_above(0.1 + 0.2), nano_above(0.000_000_000_4)
    (300000000, 1)
    """
    return _whole(amount_usd, ROUND_CEILING)


def nano_below(amount_usd: float) -> int:
    """No more than the amount, for a limit.

    >>> nano_below(0.3), nano_below(0.000_000_000_4)
    (300000000, 0)
    """
    return _whole(amount_usd, ROUND_FLOOR)


def usd(nano_usd: int) -> float:
    """US dollars again.

    >>> usd(300_000_000)
    0.3
    """
    return nano_usd / 1e9


def _whole(amount_usd: float, rounding: str) -> int:
    if not math.isfinite(amount_usd) or amount_usd < 0:
        raise ValueError(f"{amount_usd} is no amount of US dollars; give a number of 0 or more")
    return int((round(Decimal(repr(float(amount_usd))), DIGITS) * NANO).to_integral_value(rounding))
