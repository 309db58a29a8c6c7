"""List prices: the dated list of `judges.asking.prices`, brought into the database by `migrate`.

A price change is one more line of `judges/asking/prices.csv` with its day; `migrate` stores what is new or
changed and takes back what is gone, and leaves a user's own rows (`own = 1`, the default of an
INSERT) alone: these are believed first.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from judges.asking.prices import ListedPrice, listed_prices
from monitor.clock import wall_now

if TYPE_CHECKING:
    from monitor.store.client import Store

__all__ = ["insert_list_prices", "load_prices"]

KEY = ("model", "valid_from")
PRICES = (
    "input_usd_per_million",
    "cached_input_usd_per_million",
    "output_usd_per_million",
    "reasoning_usd_per_million",
)
COLUMNS = (*KEY, "valid_until", *PRICES, "source")
Row = tuple[str, date, date, float, float, float, float | None, str]


def load_prices(store: Store) -> int:
    """Make the list prices in the database those of this version; returns how many rows changed.

    >>> _listed()[0][:4]
    ('gpt-3.5-turbo', datetime.date(2024, 1, 25), datetime.date(2149, 6, 6), 0.5)
    """
    told = {row[:2]: row for row in _listed()}
    there = {row[:2]: row for row in store.rows("list_prices")}
    version = int(wall_now().timestamp() * 1e6)
    changed = [[*row, False, version, False] for key, row in told.items() if there.get(key) != row]
    gone = [[*row, False, version, True] for key, row in there.items() if key not in told]
    if changed or gone:
        names = [*COLUMNS, "own", "version", "is_deleted"]
        store.client.insert("prices", changed + gone, column_names=names)
    return len(changed) + len(gone)


def insert_list_prices() -> str:
    """The list prices as one statement, for those who send the schema by hand."""
    rows = ",\n    ".join(f"({', '.join(map(_literal, row))}, false, 1)" for row in _listed())
    return f"INSERT INTO prices ({', '.join(COLUMNS)}, own, version) VALUES\n    {rows}"


def _listed() -> list[Row]:
    return [_row(line) for line in listed_prices()]


def _row(line: ListedPrice) -> Row:
    price = line.price
    cached_usd = price.input_usd if price.cached_input_usd is None else price.cached_input_usd
    return (
        line.model,
        line.valid_from,
        line.valid_until,
        price.input_usd,
        cached_usd,
        price.output_usd,
        price.reasoning_usd,
        line.source,
    )


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, float) else f"'{value}'"
