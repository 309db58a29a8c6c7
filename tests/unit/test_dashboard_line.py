"""The filter line: what a typed condition means, what is offered, and what is refused in one sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dashboards.filters import FACETS, moment
from dashboards.line import LONGEST, completions, items_of, read_item

NOW = datetime(2024, 1, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("service:loan-extractor", {"service": "loan-extractor"}),
        ("  release : v 1:2 ", {"release": "v 1:2"}),
        ("env:staging", {"environment": "staging"}),
        ("environment:staging", {"environment": "staging"}),
        ("model:gpt-x", {"model": "gpt-x"}),
        ("prompt:4", {"prompt_version": "4"}),
        ("tag.tenant:acme", {"tag": "tenant=acme"}),
        ("tag.a.b:c=d", {"tag": "a.b=c=d"}),
        ("time:24h", {"range": "24h"}),
        ("time:all", {"range": "all"}),
        ("since:2024-01-01", {"range": "custom", "since": "2024-01-01"}),
        ("until:-3h", {"range": "custom", "until": "-3h"}),
    ],
)
def test_a_condition_stands_in_the_address(typed: str, address: dict[str, str]) -> None:
    """A key and a value become the parameters that a link would have."""
    item = read_item(typed, NOW)
    assert (dict(item.address), item.problem) == (address, "")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("acme", "acme is no filter"),
        ("service:", "is no filter"),
        ("colour:red", "is no filter"),
        ("tag.:x", "is no filter"),
        ("", "is no filter"),
        ("time:fortnight", "is no stretch of time"),
        ("since:yesterday", "is no time"),
        ("since:0001-01-01", "is no time"),
        ("until:-99999d", "is no time"),
        (f"service:{'x' * (LONGEST + 1)}", "is longer than"),
    ],
)
def test_what_is_no_condition_is_one_sentence(typed: str, expected: str) -> None:
    """Nothing is set, and the sentence says what to write."""
    item = read_item(typed, NOW)
    assert not item.address
    assert expected in item.problem


def test_the_line_writes_what_it_reads() -> None:
    """Every facet that stands in the address comes back from the line's own words."""
    address = {name: f"some {name}" for name in FACETS} | {"tag": "tenant=a:b=c"}
    read = [read_item(text, NOW).address for text in items_of(address)]
    assert {name: value for one in read for name, value in one.items()} == address


def test_what_is_set_is_offered_too() -> None:
    """A value that no call has any more can still be seen and taken away; counts stand beside the others."""
    offered = completions({"service": {"a": 3}, "tag": {"tenant=x": 2}}, ["release:gone"])
    assert list(offered)[:3] == ["release:gone", "service:a", "tag.tenant:x"]
    assert (offered["service:a"], offered["release:gone"]) == (3, None)
    assert "time:7d" in offered


@pytest.mark.parametrize(
    "typed", ["9999-12-31", "1969-12-31", "2200-01-01", "-99999d", "0000-00-00"]
)
def test_years_that_no_store_holds_are_no_times(typed: str) -> None:
    """Neither an overflow nor a refusal of the store: it is no time."""
    assert moment(typed, NOW) is None
