"""Calls with labels and verdicts, written straight into the store, for the tests of curation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from traffic import messages

from monitor.incidents import Example, Incident, IncidentDetails, tell
from monitor.records import ScoreRow
from monitor.store import Store

SERVICE = "loan-extractor"
TURN = datetime(2024, 1, 1, tzinfo=UTC)
NOW = datetime(2024, 1, 10, tzinfo=UTC)
CALLS = (
    "timestamp", "trace_id", "span_id", "session_id", "service", "release", "request_model",
    "operation", "input_messages", "output_messages", "status", "tags",
)  # fmt: skip


def trace_of(text: str) -> str:
    """The trace id of a call with this input, or under any other name."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def put_call(
    store: Store,
    text: str,
    output: str = '{"due_date": "2024-01-15"}',
    *,
    trace: str = "",
    at: datetime = TURN + timedelta(days=1),
    session: str = "",
    release: str = "r1",
    tags: dict[str, str] | None = None,
    service: str = SERVICE,
    asked: str = "",
    answered: str = "",
) -> str:
    """Write one call; returns its trace id."""
    trace = trace or trace_of(text)
    put_calls(
        store,
        [
            [
                at, trace, trace[:16], session, service, release, "m", "chat",
                asked or messages("user", text), answered or messages("assistant", output),
                "ok", tags or {},
            ]
        ],
    )  # fmt: skip
    return trace


def put_calls(store: Store, rows: list[list[object]]) -> None:
    """Write rows of `CALLS`."""
    store.client.insert("calls", rows, column_names=list(CALLS))


def score(
    trace: str,
    source: str,
    value: float,
    *,
    expected: object = None,
    name: str = "correct",
    author: str = "app",
    at: datetime = NOW - timedelta(days=1),
    service: str = SERVICE,
) -> ScoreRow:
    """A verdict on the call of a trace."""
    right = expected if isinstance(expected, str) else json.dumps(expected)
    return ScoreRow(
        timestamp=at,
        score_id=f"{source}:{name}:{author}:{trace}",
        target="call",
        trace_id=trace,
        span_id=trace[:16],
        session_id="",
        service=service,
        name=name,
        source=source,
        value=value,
        label="",
        explanation="",
        expected="" if expected is None else right,
        author=author,
        observed_at=at,
    )


def open_incident(store: Store, *, traces: tuple[str, ...] = (), **details: object) -> Incident:
    """An open incident since the turn that shows these traces."""
    shown = [
        Example(trace_id=one, span_id=one[:16], timestamp=TURN, value="", why="") for one in traces
    ]
    fresh = Incident(
        "inc-1", SERVICE, "due_date is a year early", "page", "calendar", "due_date", "year_slip",
        "s", TURN, NOW, NOW, None, "open", "job", IncidentDetails(examples=shown, **details),
    )  # fmt: skip
    return tell(store, fresh, "opened", now=NOW, actor="job", via="job")
