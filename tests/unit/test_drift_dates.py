"""Fields, dates, their profiles and their slips: also on what models really write."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest

from monitor.drift import (
    DateProfile,
    date_order,
    flatten,
    parse_date,
    profile_fields,
    year_is_written,
    year_slip,
)

DUE = DateProfile.fit([*range(1, 31)] * 20)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "null",
        "[1, 2]",
        "3",
        "{",
        '{"a": }',
        "{" * 5000,
        "[" * 100000,
        '{"a":' * 5000,
        '{"a": ' + "9" * 10000 + "}",
        '{"a": "' + "x" * 1100000 + '"}',
        "\x00�",
        "{}",
    ],
)
def test_flatten_survives_garbage(garbage: str) -> None:
    """Whatever a model writes, there is an answer: no fields."""
    assert flatten(garbage) == {}


def test_flatten_bounds_depth_and_width() -> None:
    """Very deep and very wide objects are cut, not followed."""
    deep = '{"a":' * 50 + "1" + "}" * 50
    assert flatten(deep) == {}
    assert len(flatten(json.dumps({f"k{i}": i for i in range(5_000)}))) == 500


def test_flatten_takes_off_a_markdown_fence() -> None:
    """A fenced object is an object."""
    assert flatten('```json\n{"due": {"date": "2024-01-05"}}\n```') == {"due.date": "2024-01-05"}


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05",
        "2024/1/5",
        "2024.01.05",
        "2024-01-05T23:59:59.123+02:00",
        "2024-01-05 10:00",
        "January 5, 2024",
        "Jan. 5 2024",
        "5 January 2024",
        "5th of January, 2024",
        "05-Jan-2024",
        " 2024-01-05 ",
    ],
)
def test_parse_date_understands_the_usual_forms(text: str) -> None:
    """One day, written in many ways."""
    assert parse_date(text) == date(2024, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "20240105",
        "2024-13-01",
        "2024-02-30",
        "05/06/2024",
        "next Friday",
        "12.5",
        "1999999-1-1",
        "0001-01-01",
        "call 5 may 2024 b",
        "x" * 1000,
        "ma 5 2024",
        "2024-01",
        None,
        20240105,
        True,
        "1 Jan 2 Feb 2024",
        "Jan 5 Feb 2024",
    ],
)
def test_parse_date_leaves_the_rest_alone(text: object) -> None:
    """Numbers, identifiers, impossible and ambiguous dates are no dates."""
    assert parse_date(text) is None


def test_slashed_dates_are_read_by_their_fields_own_order() -> None:
    """What some values make clear holds for the ambiguous ones of the field."""
    outputs = [json.dumps({"due": text}) for text in ("01/25/2024", "02/03/2024", "02/04/2024")]
    profile = profile_fields(outputs, [date(2024, 1, 20)] * 3)["due"]
    assert (profile.kind, profile.day_first, profile.lags_days) == ("date", False, (5, 14, 15))
    assert date_order(["25/12/2023", "12/25/2023"]) is None


def test_profile_fields_describes_a_mixed_stream() -> None:
    """Presence, nulls, kinds and lags are counted over the structured outputs only."""
    outputs = ['{"due": "2024-01-05", "vip": true, "n": 3}', '{"due": null, "n": 4}', "no JSON"]
    times = [datetime(2024, 1, 2, 9, tzinfo=UTC)] * 3
    fields = profile_fields(outputs, times)
    assert (fields["due"].kind, fields["vip"].kind, fields["n"].kind) == (
        "date",
        "boolean",
        "number",
    )
    assert (fields["due"].null_share, fields["vip"].present_share) == (0.5, 0.5)
    assert fields["due"].lags_days == (3,)


def test_profile_round_trip_and_sampling() -> None:
    """A profile goes through JSON; a field with very many lags is sampled by the given rng."""
    assert DateProfile.from_state(json.loads(json.dumps(DUE.state()))) == DUE
    wide = np.random.default_rng(1).integers(-30_000, -5_000, size=20_000)
    one, two = (DateProfile.fit(wide, np.random.default_rng(2)) for _ in range(2))
    assert one == two
    assert one.n == 2_000
    assert not one.anchored
    with pytest.raises(ValueError, match="version 1"):
        DateProfile.from_state({**DUE.state(), "version": 2})


def test_profile_knows_when_it_knows_too_little() -> None:
    """Below 200 values nothing is anchored, hence nothing slips."""
    small = DateProfile.fit([1, 2, 3] * 50)
    assert not small.anchored
    assert DateProfile.fit([]).share_below(0) == 0
    assert year_slip(date(2023, 1, 5), date(2024, 1, 2), small) is None


@pytest.mark.parametrize(
    ("value", "years"),
    [
        ("2023-01-15", -1),
        ("2025-01-15", 1),
        ("2022-01-15", -2),
        ("2026-01-15", 2),
        ("2024-01-15", None),
        ("2021-01-15", None),
        ("2024-06-15", None),
    ],
)
def test_year_slip_tells_years_from_other_oddities(value: str, years: int | None) -> None:
    """One or two years beside the usual place is a slip; elsewhere is not."""
    slip = year_slip(date.fromisoformat(value), date(2024, 1, 2), DUE)
    assert (slip.years if slip else None) == years
    assert slip is None or slip.expected == date(2024, 1, 15)


def test_year_slip_on_leap_days_and_the_calendars_edge() -> None:
    """29 February and the year 1 are dates like others."""
    slip = year_slip(date(2024, 2, 29), date(2023, 2, 20), DUE)
    assert slip is not None
    assert slip.expected == date(2023, 2, 28)
    assert year_slip(date(1, 1, 1), date(2, 1, 1), DUE) is not None
    assert year_slip(date(9999, 12, 31), date(2024, 1, 1), DUE) is None


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("back in 2023", True),
        ("in '23", True),
        ("on 12/05/23", True),
        ("twenty twenty-three", True),
        ("two thousand and twenty three", True),
        ("2023-12-05", True),
        ("$20,233", False),
        ("12023", False),
        ("twenty-three dollars", False),
        ("", False),
        ("at 10-12-2340", False),
    ],
)
def test_year_is_written(text: str, written: bool) -> None:
    """A year counts as written however people write or say it, and not inside other numbers."""
    assert year_is_written(2023, text) is written
