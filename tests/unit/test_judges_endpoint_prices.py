"""Prices of one's own: how they are written, and that they come before the list."""

from __future__ import annotations

import pytest

from judges.asking.prices import Price, parse_prices, price_of
from monitor.exceptions import ConfigurationError
from monitor.settings import Settings, load_settings


def test_own_prices_come_before_the_list_and_free_ones_are_known():
    """A local model costs nothing, which is not the same as unknown."""
    own = parse_prices("gpt-4o=1/2, vendor/my-model=0.10/0.40\nllama:7b=0/0,")
    assert price_of("gpt-4o", own=own) == Price(1.0, 2.0)
    assert price_of("vendor/my-model", own=own) == Price(0.1, 0.4)
    assert price_of("llama:7b", own=own) == Price(0.0, 0.0)
    assert price_of("gpt-5-mini", own=own) == price_of("gpt-5-mini")
    assert price_of("another", own=own) is None


@pytest.mark.parametrize(
    "text", ["m", "m=", "m=1", "m=1/2/3", "m=-1/2", "m=nan/1", "m=1/inf", "=1/2", "m=a/b"]
)
def test_what_is_no_price_is_refused_with_an_example(text: str):
    """The message names the entry."""
    with pytest.raises(ValueError, match="is no price: write model=input/output"):
        parse_prices(text)


def test_a_model_has_one_price():
    """Two are a mistake that nobody should have to guess about."""
    with pytest.raises(ValueError, match="'m' is priced twice"):
        parse_prices("m=1/2,m=1/3")


def test_the_setting_is_text_or_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """By environment as text; in `outerloop.toml` also as a table."""
    monkeypatch.chdir(tmp_path)
    wanted = {"my-model": Price(0.1, 0.4), "other": Price(0.0, 0.0)}
    assert Settings(judge_prices="my-model=0.10/0.40,other=0/0").judge_prices == wanted
    (tmp_path / "outerloop.toml").write_text(
        '[judge_prices]\nmy-model = "0.10/0.40"\nother = "0/0"\n', "utf-8"
    )
    assert load_settings().judge_prices == wanted
    monkeypatch.setenv("OUTERLOOP_JUDGE_PRICES", "my-model")
    with pytest.raises(ConfigurationError, match=r"OUTERLOOP_JUDGE_PRICES.*is no price"):
        load_settings()
