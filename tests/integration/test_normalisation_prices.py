"""What a call cost: the sender's word, one's own price, the list price of the day, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from normalisation_captures import insert, read, span

from monitor import vocabulary as v
from monitor.store import Store
from monitor.store.prices import load_prices

pytestmark = pytest.mark.integration

CALL = {v.OPERATION: "chat", v.INPUT_TOKENS: "1000000", v.OUTPUT_TOKENS: "1000000"}
DAY = datetime(2025, 7, 1, tzinfo=UTC)


@pytest.fixture
def store(module_store: Store) -> Store:
    """That database without calls, and without a price of one's own."""
    module_store.command("TRUNCATE TABLE calls")
    module_store.command("DELETE FROM prices WHERE own")
    return module_store


def cost(store: Store, at: datetime = DAY, **attributes: str) -> Any:
    """Cost of one call with a million tokens each way."""
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    insert(store, [span(1, {**CALL, **told}, Timestamp=int(at.timestamp()) * 1_000_000_000)])
    [row] = read(store, "SELECT cost_usd FROM calls")
    return row["cost_usd"]


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gpt-4o-mini", 0.75),
        ("gpt-4o-mini-2024-07-18", 0.75),
        ("openai/gpt-4o-mini", 0.75),
        ("azure/GPT-4o-mini", 0.75),
        ("gpt-35-turbo", 2.0),
        ("gpt-4o-2024-05-13", 20.0),
        ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", 18.0),
        ("anthropic.claude-3-haiku-20240307-v1:0", 1.5),
        ("claude-3-5-sonnet@20240620", 18.0),
        ("anthropic/claude-3.5-sonnet", 18.0),
        ("claude-3-5-sonnet-latest", 18.0),
        ("models/gemini-2.5-flash", 2.8),
        ("unheard-of", None),
        ("", None),
    ],
)
def test_a_model_costs_the_same_by_every_name(store: Store, model: str, usd: float | None) -> None:
    """Routes, regions, versions and dates in a model's name do not hide its price; an unknown one has none."""
    told = cost(store, gen_ai__response__model=model)
    assert told == (usd if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("at", "usd"),
    [
        (datetime(2024, 5, 1, tzinfo=UTC), None),
        (datetime(2024, 8, 5, 23, 59, 59, tzinfo=UTC), 20.0),
        (datetime(2024, 8, 6, tzinfo=UTC), 12.5),
    ],
)
def test_the_price_of_the_calls_day_counts(store: Store, at: datetime, usd: float | None) -> None:
    """A call of before a price change costs what it cost then, and nothing is claimed of before the model."""
    assert cost(store, at, gen_ai__request__model="gpt-4o") == usd


def test_ones_own_price_wins_also_for_a_deployments_name(store: Store) -> None:
    """A row of one's own is believed before the list, by the asked model's name too, and while it is valid."""
    store.command(
        "INSERT INTO prices (model, valid_from, valid_until, input_usd_per_million, output_usd_per_million)"
        " VALUES ('my-deployment', '2025-01-01', '2025-08-01', 1, 2)"
    )
    names = {"gen_ai__request__model": "my-deployment", "gen_ai__response__model": "gpt-4o-mini"}
    assert cost(store, **names) == 3.0
    store.command("TRUNCATE TABLE calls")
    assert cost(store, DAY + timedelta(days=60), **names) == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("reasoning", "usd"),
    [("400000", 1 + 0.6 * 2 + 0.4 * 7.5), ("2000000", 1 + 2 + 2 * 7.5), ("", 3)],
)
def test_reasoning_has_its_own_price(store: Store, reasoning: str, usd: float) -> None:
    """Reasoning is part of the output at its own price, or counted on top where it exceeds what the output shows."""
    store.command(
        "INSERT INTO prices (model, valid_from, input_usd_per_million, output_usd_per_million,"
        " reasoning_usd_per_million) VALUES ('thinker', '2025-01-01', 1, 2, 7.5)"
    )
    told = cost(
        store,
        gen_ai__request__model="thinker",
        gen_ai__usage__reasoning__output_tokens=reasoning,
    )
    assert told == pytest.approx(usd)


def test_list_prices_follow_the_file(store: Store) -> None:
    """Loading again changes nothing; a row that the file no longer has is taken back, a changed one is put right."""
    assert load_prices(store) == 0
    store.command(
        "INSERT INTO prices (model, valid_from, input_usd_per_million, output_usd_per_million, own)"
        " VALUES ('gone', '2025-01-01', 1, 2, false), ('gpt-4o-mini', '2024-07-18', 9, 9, false)"
    )
    assert load_prices(store) == 2
    assert load_prices(store) == 0
    assert cost(store, gen_ai__request__model="gpt-4o-mini") == pytest.approx(0.75)


def test_models_without_a_price_are_listed(store: Store) -> None:
    """What used tokens and has no cost is named with how often it was called."""
    assert cost(store, gen_ai__request__model="unheard-of") is None
    [(model, calls, _)] = store.rows("models_without_price", since=DAY - timedelta(days=1))
    assert (model, calls) == ("unheard-of", 1)
