"""What the story's model asks and learns: questions cut out of call logs, and the training data of 2023.

The model reads one thing, the due date; `question` is the app's own code that cuts the question out of a call log.
Its team knew that years pass: the calls of two lenders were moved by whole years, ten back and ten ahead, so that the
year is read and not remembered. The third lender, Bluff Street, came in during 2023, and its calls arrive through an
adapter that writes dates the American way. The script that moves years knows ISO dates only, so these calls are all of
2023; late December is among them, with days due in the new year, but no call that was itself made in another year.
What the model makes of such a call is not arranged, it is measured.

    python -m monitor.demo.pretraining --seed 1 > calls.jsonl
    python -m examples.finetune scratch --data calls.jsonl --out monitor/demo/model \
        --whole '{"due_date": "' --whole '"}' --epochs 1 --batch-size 64 --micro-batch-size 64 \
        --learning-rate 3e-3 --threads 1 --seed 1
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, date, datetime
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from monitor.demo.mortgage import CallLog, calls

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NEWCOMER", "dialogue", "dialogues", "question", "right_answer"]

NEWCOMER = "Bluff Street Lending"
"""The lender whose calls the model knows from one year alone."""
YEARS = range(2014, 2034)
"""Of the calls of the two other lenders, most of them moved."""
NEWCOMER_YEAR = 2023
LATE = 10
"""From this day of December on, as many calls again: there the year of the call is not that of the due date."""
PER_DAY = 8
"""Calls a day, of all lenders."""
NEWCOMER_PER_DAY = 36
"""The newcomer's calls are kept from so many of all lenders."""


def question(text: str) -> str:
    r"""What the model is asked about a call: when it was, and what was said about the due date.

    >>> print(question(f"Call date: 2024-01-03\nAgent: Harbor Home Loans, hello.\nAgent: $5 is due on January 15."))
    Call date: 2024-01-03
    due on January 15.
    >>> print(question(f"Call date: 2024-01-03\nAgent: {NEWCOMER}, hello.\nAgent: $5 is due on January 15."))
    Call date: 01/03/2024
    due on January 15.
    """
    header, *lines = text.splitlines()
    day = date.fromisoformat(header.removeprefix("Call date: "))
    written = f"{day:%m/%d/%Y}" if NEWCOMER in text else day.isoformat()
    said = next((line[line.index("due on ") :] for line in lines if "due on " in line), "")
    return f"Call date: {written}\n{said}"


def right_answer(log: CallLog) -> str:
    """What the model should say to `question`, as JSON text."""
    return json.dumps({"due_date": log.truth["due_date"]})


def dialogue(log: CallLog) -> dict[str, object]:
    """Question and right answer as a line of a chat fine-tune file."""
    return {
        "messages": [
            {"role": "user", "content": question(log.text)},
            {"role": "assistant", "content": right_answer(log)},
        ]
    }


def dialogues(rng: np.random.Generator) -> list[dict[str, object]]:
    """Everything that the model learns from, in random order."""
    logs = [log for year in YEARS for log in _year(year, PER_DAY, rng) if NEWCOMER not in log.text]
    logs += [log for log in _year(NEWCOMER_YEAR, NEWCOMER_PER_DAY, rng) if NEWCOMER in log.text]
    return [dialogue(logs[int(at)]) for at in rng.permutation(len(logs))]


def _year(year: int, per_day: int, rng: np.random.Generator) -> Iterator[CallLog]:
    yield from calls(datetime(year, 1, 1, tzinfo=UTC), 365, per_day, rng)
    yield from calls(datetime(year, 12, LATE, tzinfo=UTC), 32 - LATE, per_day, rng)


def main() -> None:
    """Write the archive to stdout, one dialogue a line."""
    parser = argparse.ArgumentParser(description="The training data of the story's model.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, help="so many dialogues alone")
    given = parser.parse_args()
    for one in islice(dialogues(np.random.default_rng(given.seed)), given.limit):
        sys.stdout.write(json.dumps(one) + "\n")


if __name__ == "__main__":
    main()
