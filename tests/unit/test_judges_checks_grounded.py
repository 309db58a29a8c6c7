"""Groundedness: which values of an answer occur in the input, in whatever spelling."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from judges.checks.grounded import Grounded
from judges.checks.mentions import Day, as_days, days, numbers
from judges.interaction import Interaction, Judgement, NotApplicable, Step

LOG = """Call date: 2024-01-05
Agent: Your next installment of $1,432.50 is due on January 15{year}.
Caller: I am Ann O'Neil, loan number 123-004567."""


def asked(answer: Any, text: str, **more: Any) -> Interaction:
    """An interaction with this input and this answer."""
    output = answer if isinstance(answer, str) else json.dumps(answer)
    return Interaction("t", "s", datetime(2024, 1, 5, tzinfo=UTC), text, output, **more)


@pytest.mark.parametrize(
    ("said", "mode", "grounded"),
    [
        (", 2024", "where_said", False),
        ("", "where_said", True),
        ("", "derivable", False),
        ("", "required", False),
    ],
)
async def test_the_january_storys_wrong_year(said: str, mode: Any, grounded: bool):
    """2023 for a date that the log spells with 2024 is seen; without a year in the log, on demand only."""
    check = Grounded(("due_date",), year=mode)
    verdict = await check(asked({"due_date": "2023-01-15"}, LOG.format(year=said)))
    assert isinstance(verdict, Judgement)
    assert verdict.value is grounded
    if not grounded:
        assert verdict.reason == 'not in the input: due_date "2023-01-15"'


@pytest.mark.parametrize("mode", ["where_said", "derivable"])
async def test_the_right_year_is_grounded_in_every_log(mode: Any):
    """The call's own date is enough to derive it from."""
    for year in ("", ", 2024", "th"):
        verdict = await Grounded(("due_date",), year=mode)(
            asked({"due_date": "2024-01-15"}, LOG.format(year=year))
        )
        assert verdict.value is True


@pytest.mark.parametrize(
    ("answer", "grounded"),
    [
        ({"amount": 1432.5}, True),
        ({"amount": 1432.05}, False),
        ({"amount": "1.432,50 €"}, True),
        ({"borrower": "ann o'neil"}, True),
        ({"borrower": "Ann Neil"}, False),
        ({"loan_number": "123-004567"}, True),
        ({"loan_number": "123-004568"}, False),
        ({"due_date": "15/01/2024"}, True),
        ({"due_date": "January the 15th"}, True),
        ({"due_date": "2024-01-16"}, False),
        ({"items": [{"price": 15}, {"price": 16}]}, False),
    ],
)
async def test_values_are_found_in_any_usual_spelling(answer: dict, grounded: bool):
    """Grouping, currency, case, punctuation and the order of a date do not matter; the value does."""
    check = Grounded(("amount", "borrower", "loan_number", "due_date", "items.*.price"))
    verdict = await check(asked(answer, LOG.format(year=", 2024")))
    assert isinstance(verdict, Judgement)
    assert verdict.value is grounded


@pytest.mark.parametrize(
    ("prose", "missing"),
    [
        ("It is due on 15 January 2024 and costs 1,432.50 dollars.", ""),
        ("It is due on 15 January 2023.", 'date "15 January 2023"'),
        ("The agent said \u201cYour next installment\u201d.", ""),
        ('The agent said "you owe nothing at all".', 'quote "you owe nothing at all"'),
        ("1. It is due soon.\n2. It costs 99 dollars.", 'number "99"'),
    ],
)
async def test_prose_is_searched_for_numbers_dates_and_quotations(prose: str, missing: str):
    """Without JSON these are what an answer copies; a list's own numbers are none."""
    verdict = await Grounded()(asked(prose, LOG.format(year=", 2024")))
    assert verdict.reason == (f"not in the input: {missing}" if missing else "")


async def test_nothing_to_look_for_is_not_applicable():
    """An answer without values, and one whose paths are not there, leave the denominator."""
    for answer in ("No idea.", {"due_date": None}, {"ok": True}, {"intent": "payment"}):
        assert isinstance(await Grounded()(asked(answer, "…")), NotApplicable)
    assert isinstance(await Grounded(("a",))(asked({"b": 3}, "…")), NotApplicable)


async def test_what_a_tool_brought_counts_when_asked_for():
    """A retriever's output is input too, on demand."""
    steps = (Step("search", "retriever", "rate?", "The rate is 4.25 %."),)
    call = asked({"rate": 4.25}, "What is the rate?", steps=steps)
    assert (await Grounded()(call)).value is False
    assert (await Grounded(steps=True)(call)).value is True


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15", "2024-01-15T09:00:00Z", "20240115", "01/15/2024", "15.01.2024", "15/1/24",
        "January 15, 2024", "Jan. 15th 2024", "the 15th of January 2024", "15-Jan-2024",
        "fifteenth of January, 2024", "15. Januar 2024", "15 janvier 2024", "15 de enero de 2024",
        "15 gennaio 2024", "15 de janeiro de 2024", "2024年1月15日", "2024년 1월 15일",
    ],
)  # fmt: skip
def test_one_day_in_many_spellings(text: str):
    """Each of them mentions the same day."""
    assert Day(1, 15, 2024) in days(f"due {text}.")


@pytest.mark.parametrize(
    "text", ["31 February 2024", "13/13/2024", "version 1.2.3", "call 555-1234"]
)
def test_what_is_no_date(text: str):
    """Impossible days and other numbers are not taken for one."""
    assert days(text) == set()
    assert as_days(text) == set()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("$1,432,500.25", "1432500.25"), ("1.432.500,25 €", "1432500.25"),
        ("1 432 500,5", "1432500.5"), ("CHF 1'432.50", "1432.5"), ("4k", "4000"),
        ("2 million", "2000000"), ("5 %", "0.05"), ("5 %", "5"), ("1,23,456", "123456"),
        ("fourteen hundred and thirty-two", "1432"), ("twenty twenty-four", "2024"),
        ("one hundred and five thousand two hundred", "105200"), ("1.2.3", "3"),
    ],
)  # fmt: skip
def test_one_number_in_many_spellings(text: str, number: str):
    """Grouping of several countries, magnitudes, percentages and English words."""
    assert Decimal(number) in numbers(text)
