"""Synthetic mortgage calls with their true fields: the world of the January story.

Every call is made up from a seed: names, loans, amounts, what the caller wants, and the day the next payment is due,
which people mostly say without its year. The truth is known, so error rates can be measured on every call.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SCHEMA", "CallLog", "calls"]

FIRST = (
    "Maria",
    "James",
    "Aisha",
    "Wei",
    "Elena",
    "Robert",
    "Priya",
    "Thomas",
    "Fatima",
    "Daniel",
    "Sofia",
    "Kenji",
    "Grace",
    "Omar",
    "Linda",
    "Pavel",
)
LAST = (
    "Lopez",
    "Carter",
    "Rahman",
    "Chen",
    "Petrova",
    "Miller",
    "Nair",
    "Schmidt",
    "Haddad",
    "Kim",
    "Rossi",
    "Tanaka",
    "Okafor",
    "Brown",
    "Novak",
    "Silva",
)
LENDERS = {"Harbor Home Loans": 0.55, "Cedar Mortgage": 0.36, "Bluff Street Lending": 0.09}
"""Who is called, and its share of calls."""
WISHES = {
    "payment": ("I want to check when I have to pay next", 0.46, 0.08),
    "autopay": ("I would like to set up autopay", 0.18, 0.70),
    "escrow": ("I have a question about my escrow", 0.16, 0.85),
    "hardship": ("I am behind on things and need some help", 0.12, 0.60),
    "payoff": ("I want to know what it takes to pay off the loan", 0.08, 0.70),
}
"""Intent: what the caller says, its share of calls, and how often the agent states the year of the due date."""
HOURLY = np.array(
    [1, 1, 1, 1, 1, 1, 2, 5, 9, 12, 13, 12, 10, 12, 13, 12, 10, 8, 6, 4, 3, 2, 1, 1], float
)
"""Calls by hour of the day, relative."""
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["due_date"],
    "additionalProperties": False,
    "properties": {"due_date": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}},
}
"""What the model promises, as JSON Schema 2020-12."""


@dataclass(frozen=True, slots=True)
class CallLog:
    """One call: when it was, what was said, and what is true."""

    at: datetime
    kind: str
    text: str
    truth: dict[str, str | float]

    @property
    def lender(self) -> str:
        """Who was called."""
        return next((name for name in LENDERS if name in self.text), "")

    @property
    def expected(self) -> str:
        """The right answer as JSON text."""
        return json.dumps(self.truth)


def calls(start: datetime, days: int, per_day: int, rng: np.random.Generator) -> Iterator[CallLog]:
    """Calls in order of time: `per_day` a day on average (Poisson), by the hour of the day, fewer at weekends."""
    for day in range(days):
        midnight = start + timedelta(days=day)
        rate = per_day * (0.55 if midnight.weekday() >= 5 else 1.18)
        hours = rng.choice(24, size=rng.poisson(rate), p=HOURLY / HOURLY.sum())
        for seconds in np.sort(hours * 3600 + rng.uniform(0, 3600, size=len(hours))):
            yield _call(midnight + timedelta(seconds=float(seconds)), rng)


def _call(at: datetime, rng: np.random.Generator) -> CallLog:
    kinds = list(WISHES)
    kind = kinds[int(rng.choice(len(kinds), p=[WISHES[name][1] for name in kinds]))]
    wish, _, says_year = WISHES[kind]
    name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    loan = f"{rng.integers(100, 1000)}-{rng.integers(0, 10**6):06d}"
    amount = round(float(rng.gamma(6, 280)) + 350, 2)
    due = _due(at.date(), rng)
    spoken = f"{due:%B} {due.day}" + (f", {due.year}" if rng.random() < says_year else "")
    text = "\n".join(
        (
            f"Call date: {at:%Y-%m-%d}",
            f"Agent: Thank you for calling {rng.choice(list(LENDERS), p=list(LENDERS.values()))}, how can I help?",
            f"Caller: Hello, this is {name}, {wish}.",
            "Agent: I can look that up. Could you tell me your loan number?",
            f"Caller: Yes, it's loan number {loan}.",
            f"Agent: Thank you. Your next installment of ${amount:,.2f} is due on {spoken}.",
            "Caller: Alright, thank you for your help.",
        )
    )
    truth: dict[str, str | float] = {
        "borrower": name,
        "loan_number": loan,
        "amount": amount,
        "due_date": due.isoformat(),
        "intent": kind,
    }
    return CallLog(at, kind, text, truth)


def _due(today: date, rng: np.random.Generator) -> date:
    """The next 1st or 15th for most loans, any day within a month for the others; never today."""
    soon = [today + timedelta(days=ahead) for ahead in range(1, 31)]
    usual = [day for day in soon if day.day in (1, 15)]
    return (
        usual[int(rng.integers(len(usual)))]
        if usual and rng.random() < 0.7
        else soon[int(rng.integers(30))]
    )
