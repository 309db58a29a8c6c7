"""What tokens cost: the project's one price list, dated. A model that is not listed has an unknown price, not none.

A price change is one more line of `prices.csv` with its day. What is not listed, a model of one's own
among them, is priced by its user (`parse_prices`).
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LAST_DAY", "ListedPrice", "Price", "listed_prices", "parse_prices", "price_of"]

LAST_DAY = date(2149, 6, 6)
"""A price without an end: the last day that the database's column can hold."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input_usd: float
    output_usd: float
    cached_input_usd: float | None = None
    """None bills cached input as any other input."""
    reasoning_usd: float | None = None
    """None bills reasoning tokens, which are counted in the output, as any other output."""

    def cost(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        cached_tokens: int = 0,
        reasoning_tokens: int = 0,
    ) -> float:
        """USD for one call; `cached_tokens` are among the input's, `reasoning_tokens` the output's.

        >>> Price(0.25, 2.0).cost(1_000_000, 100_000)
        0.45
        """
        cached_usd = self.input_usd if self.cached_input_usd is None else self.cached_input_usd
        thought_usd = self.output_usd if self.reasoning_usd is None else self.reasoning_usd
        read = (input_tokens - cached_tokens) * self.input_usd + cached_tokens * cached_usd
        said = (output_tokens - reasoning_tokens) * self.output_usd + reasoning_tokens * thought_usd
        return (read + said) / 1e6


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One line of the list."""

    model: str
    valid_from: date
    valid_until: date
    """The first day on which it is no longer valid."""
    price: Price
    source: str


@cache
def listed_prices() -> tuple[ListedPrice, ...]:
    """Every line of the list.

    >>> listed_prices()[0].model, listed_prices()[0].price.input_usd
    ('gpt-3.5-turbo', 0.5)
    """
    text = files("judges.asking").joinpath("prices.csv").read_text("utf-8")
    return tuple(_row(line) for line in csv.DictReader(text.splitlines()))


def parse_prices(text: str) -> dict[str, Price]:
    """Prices of one's own: `model=input/output` in USD per million tokens, by comma or one a line.

    Raises:
        ValueError: an entry is something else; says which.

    >>> parse_prices("my-model=0.10/0.40, other:7b=0/0")["my-model"]
    Price(input_usd=0.1, output_usd=0.4, cached_input_usd=None, reasoning_usd=None)
    >>> parse_prices("my-model=0.10")
    Traceback (most recent call last):
    ValueError: 'my-model=0.10' is no price: write model=input/output in USD per million tokens, e.g. my-model=0.10/0.40
    """
    found: dict[str, Price] = {}
    for entry in filter(None, (one.strip() for one in re.split(r"[,\n]", text))):
        model, _, price = (part.strip() for part in entry.rpartition("="))
        if model in found:
            raise ValueError(f"{model!r} is priced twice; leave one of its prices out")
        try:
            read, said = (float(part) for part in price.split("/"))
        except ValueError:
            read = said = math.nan
        if not model or not all(math.isfinite(one) and one >= 0 for one in (read, said)):
            raise ValueError(
                f"{entry!r} is no price: write model=input/output in USD per million tokens,"
                " e.g. my-model=0.10/0.40"
            )
        found[model] = Price(read, said)
    return found


def price_of(
    model: str, on: date | None = None, *, own: Mapping[str, Price] | None = None
) -> Price | None:
    """The listed price of a model by any of its names; None when it is unknown.

    Routes (`openai/…`), regions, dates and versions in a model's name do not hide its price.

    Args:
        model: the model's name.
        on: the day of the call; None takes the newest price.
        own: by exact names; they come before the list.

    >>> price_of("openai/gpt-5-mini-2025-08-07") == price_of("gpt-5-mini"), price_of("my-llama")
    (True, None)
    >>> price_of("gpt-4o", date(2024, 6, 1)).input_usd, price_of("gpt-4o").input_usd
    (5.0, 2.5)
    """
    if own and model in own:
        return own[model]
    by_model = _by_model()
    for name in _names(model):
        if name in by_model:
            lines = by_model[name]
            if on is None:
                return lines[-1].price
            valid = [one for one in lines if one.valid_from <= on < one.valid_until]
            return valid[-1].price if valid else None
    return None


@cache
def _by_model() -> Mapping[str, list[ListedPrice]]:
    found: dict[str, list[ListedPrice]] = {}
    for one in sorted(listed_prices(), key=lambda one: one.valid_from):
        found.setdefault(one.model, []).append(one)
    return found


ROUTE = re.compile(r"^.*/")
DRESS = re.compile(
    r"^(?:[a-z-]+\.)?(?:anthropic|amazon|meta|mistral|cohere|deepseek|openai)\."
    r"|(?:-\d{4}-?\d{2}-?\d{2})?(?:-v\d+(?::\d+)?|@\w+|-latest)?$"
)
"""Region and vendor, date and version; as the `calls` of the store are priced."""
DOTTED = re.compile(r"^(claude-(?:[a-z]+-)?\d)\.(\d)")


@cache
def _names(model: str) -> tuple[str, str]:
    """The names under which it may be listed, the more exact first."""
    bare = ROUTE.sub("", model.strip().lower())
    plain = DRESS.sub("", bare).replace("gpt-35-", "gpt-3.5-")
    return bare, DOTTED.sub(r"\1-\2", plain)


def _row(line: Mapping[str, str]) -> ListedPrice:
    def usd(name: str) -> float | None:
        return float(line[f"{name}_usd_per_million"]) if line[f"{name}_usd_per_million"] else None

    return ListedPrice(
        model=line["model"],
        valid_from=date.fromisoformat(line["valid_from"]),
        valid_until=date.fromisoformat(line["valid_until"]) if line["valid_until"] else LAST_DAY,
        price=Price(
            usd("input") or 0.0, usd("output") or 0.0, usd("cached_input"), usd("reasoning")
        ),
        source=line["source"],
    )
