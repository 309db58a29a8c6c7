"""Traffic with one planted fault, and the alarm that a watching job would have written, for tests of incidents."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

import numpy as np
from traffic import messages

from monitor.records import CheckRow, ScoreRow
from monitor.store import Store

CHANGE = datetime(2024, 3, 13, 14, 20, tzinfo=UTC)
SERVICE = "intake"


@dataclass(frozen=True, slots=True)
class Traced:
    """One call with everything that a cause may hang on."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str = SERVICE
    release: str = "r1"
    request_model: str = "gpt-x"
    response_model: str = "gpt-x-0101"
    prompt_name: str = "extract"
    prompt_version: str = "p7"
    tags: dict[str, str] = field(default_factory=dict)
    input: str = ""
    output: str = "{}"
    operation: str = "chat"
    status: str = "ok"


SAID = "loan rate payment branch mortgage interest escrow transfer account balance letter clerk deposit signature"
WORDS = SAID.split()


def calls(
    make: Callable[[datetime, np.random.Generator, str], Traced],
    *,
    seed: int,
    days_before: int = 10,
    hours_after: float = 30,
    per_day: int = 600,
    change: datetime = CHANGE,
) -> list[Traced]:
    """Calls before and after the change, made one by one."""
    rng = np.random.default_rng(seed)
    start = change - timedelta(days=days_before)
    many = int((days_before + hours_after / 24) * per_day)
    return [
        make(start + timedelta(days=number / per_day), rng, f"{seed}-{number:06d}")
        for number in range(many)
    ]


def said(rng: np.random.Generator, **more: object) -> str:
    """An input as an upstream service would build it."""
    body: dict[str, object] = {
        "caller": int(rng.integers(1000, 9999)),
        "due": f"2024-{rng.integers(1, 13):02d}-{rng.integers(1, 28):02d}",
        "text": " ".join(rng.choice(WORDS, 12)),
        **more,
    }
    return json.dumps({name: value for name, value in body.items() if value is not None})


def send(store: Store, rows: Sequence[Traced]) -> None:
    """Write the calls."""
    names = [one.name for one in fields(Traced)]
    roles = {"input": ("input_messages", "user"), "output": ("output_messages", "assistant")}
    store.client.insert(
        "calls",
        [
            [
                messages(roles[name][1], getattr(row, name))
                if name in roles
                else getattr(row, name)
                for name in names
            ]
            for row in rows
        ],
        column_names=[roles[name][0] if name in roles else name for name in names],
    )


def judge(
    store: Store,
    rows: Sequence[Traced],
    bad: Sequence[bool],
    *,
    series: str = "check/valid",
    author: Callable[[Traced], str] = lambda _: "v1",
) -> None:
    """One score for each call, 0 where it is bad."""
    source, name = series.split("/")
    store.append("scores", [
        ScoreRow(
            row.timestamp + timedelta(seconds=30), f"{series}-{row.span_id}", "call", row.trace_id, row.span_id, "",
            SERVICE, name, source, float(not wrong), "", "it is wrong" if wrong else "", "", author(row),
            row.timestamp,
        )
        for row, wrong in zip(rows, bad, strict=True)
    ])  # fmt: skip


def alarm(
    store: Store,
    series: str,
    *,
    now: datetime,
    baseline: float = 0.01,
    started: datetime = CHANGE,
    detector: str = "rate",
    field: str = "",
    status: str = "drift",
    since: datetime | None = None,
    **evidence: object,
) -> CheckRow:
    """The row that a watching job writes when a series alarms."""
    row = CheckRow(
        timestamp=now, check_id=f"{series}-{now.isoformat()}", detector=detector, detector_version=1,
        series=series, service=SERVICE, release="", field=field, window_start=now - timedelta(hours=1),
        window_end=now, status=status, count=10, n=100, effect=0.1, low=0.05, high=0.17, baseline=baseline,
        baseline_n=6000, e_value=1e6, threshold=1e5,
        state=json.dumps({"since": since.isoformat() if since else None}),
        evidence=json.dumps({"started_at": started.isoformat(), "tier": "page", "direction": "worse", **evidence}),
    )  # fmt: skip
    store.append("checks", [row])
    return row
