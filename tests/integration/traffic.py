"""Calls of an extractor, written straight into `calls`, for tests of the jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.store import Store

START = datetime(2023, 12, 1, tzinfo=UTC)
TURN = datetime(2024, 1, 1, tzinfo=UTC)
SERVICE = "extractor"


@dataclass(frozen=True, slots=True)
class CallRow:
    """What the jobs read of `calls`; the other columns keep their defaults."""

    timestamp: datetime
    trace_id: str
    span_id: str
    session_id: str
    service: str
    release: str
    request_model: str
    operation: str
    input: str
    output: str
    status: str = "ok"
    tags: dict[str, str] = field(default_factory=dict)


def extractions(
    *,
    days: int,
    per_day: int,
    wrong_year: float,
    seed: int,
    release: str = "2023-11",
    start: datetime = START,
) -> list[CallRow]:
    """Calls that extract a due date within a month; from `TURN` on a share of them is a year behind."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(days * per_day):
        at = start + timedelta(days=number / per_day)
        due = at.date() + timedelta(days=int(rng.integers(1, 31)))
        if at >= TURN and rng.random() < wrong_year:
            due = due.replace(year=due.year - 1, day=min(due.day, 28))
        answer = json.dumps({"due_date": due.isoformat(), "amount": float(rng.integers(100, 900))})
        identity = f"{seed}-{release}-{number:06d}"
        rows.append(
            CallRow(
                at, f"t-{identity}", f"s-{identity}", f"c-{identity}", SERVICE, release, "m", "chat",
                "when is my payment due", answer, tags={"channel": "phone" if number % 2 else "branch"},
            )
        )  # fmt: skip
    return rows


def send(store: Store, rows: list[CallRow]) -> None:
    """Write them, the texts as the messages that the table keeps."""
    columns = [one.name for one in fields(CallRow)]
    texts = {"input": ("input_messages", "user"), "output": ("output_messages", "assistant")}
    store.client.insert(
        "calls",
        [
            [
                messages(texts[name][1], getattr(row, name))
                if name in texts
                else getattr(row, name)
                for name in columns
            ]
            for row in rows
        ],
        column_names=[texts[name][0] if name in texts else name for name in columns],
    )


def messages(role: str, text: str) -> str:
    """One message in the GenAI convention's JSON; none for no text."""
    if not text:
        return ""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])
