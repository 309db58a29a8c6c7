"""What a judge's tokens cost. A model that is not listed has an unknown price, not none."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AS_OF", "PRICES", "Price", "price_of"]

AS_OF = "2026-03"
"""When the list was made; pass a `Price` of your own where yours differs."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input_usd: float
    output_usd: float
    """Reasoning tokens are billed as output, and counted in it."""
    cached_input_usd: float | None = None
    """None bills cached input as any other input."""

    def cost(self, input_tokens: int, output_tokens: int, *, cached_tokens: int = 0) -> float:
        """USD for one call; `cached_tokens` are among `input_tokens`.

        >>> Price(0.25, 2.0).cost(1_000_000, 100_000)
        0.45
        """
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        fresh = (input_tokens - cached_tokens) * self.input_usd + cached_tokens * cached_usd
        return (fresh + output_tokens * self.output_usd) / 1e6


PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "gpt-4.1": Price(2.0, 8.0, 0.5),
        "gpt-4.1-mini": Price(0.4, 1.6, 0.1),
        "gpt-4.1-nano": Price(0.1, 0.4, 0.025),
        "gpt-4o": Price(2.5, 10.0, 1.25),
        "gpt-4o-mini": Price(0.15, 0.6, 0.075),
        "gpt-5": Price(1.25, 10.0, 0.125),
        "gpt-5-mini": Price(0.25, 2.0, 0.025),
        "gpt-5-nano": Price(0.05, 0.4, 0.005),
        "judge-stand-in": Price(0.0, 0.0),  # the simulation of monitor.standins.llm
    }
)


def price_of(model: str) -> Price | None:
    """The listed price of a model, dated snapshots of it included; None when it is unknown.

    >>> price_of("gpt-5-mini-2025-08-07") == PRICES["gpt-5-mini"], price_of("my-own-llama")
    (True, None)
    """
    name = model.rpartition("/")[2]
    stem = name[:-11] if len(name) > 11 and name[-11:].replace("-", "").isdecimal() else name
    return PRICES.get(name) or PRICES.get(stem)
