"""Pieces of calls that arrive apart: captured log records, hand-made nested spans, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from normalisation_captures import DATA, START_NS, event, read, span

from collector.otlp import message
from collector.rows import LOGS, log_rows
from monitor.store import Store
from monitor.store.completion import complete_calls

SINCE, UNTIL = datetime(2025, 6, 30, tzinfo=UTC), datetime(2025, 6, 30, 1, tzinfo=UTC)
"""The hour in which hand-made spans lie."""
CAPTURED = datetime(2026, 11, 21, tzinfo=UTC)
"""The day of the captures."""
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
}
ASKED = '[{"role":"user","parts":[{"type":"text","content":"how much?"}]}]'
ANSWERED = (
    '[{"role":"assistant","parts":[{"type":"text","content":"nine"}],"finish_reason":"stop"}]'
)
CONTENT = {"gen_ai.input.messages": ASKED, "gen_ai.output.messages": ANSWERED}
DETAILS = "gen_ai.client.inference.operation.details"


def usage(input_tokens: int, output_tokens: int) -> dict[str, str]:
    """Token counts as a span's attributes."""
    return {
        "gen_ai.usage.input_tokens": str(input_tokens),
        "gen_ai.usage.output_tokens": str(output_tokens),
    }


def captured_logs(name: str) -> list[dict[str, Any]]:
    """Log records of one captured request."""
    request = message("logs", (DATA / f"{name}.logs.pb").read_bytes())
    return [dict(zip(LOGS.columns, row, strict=True)) for row in log_rows(request)]


def told(
    number: int, name: str, attributes: dict[str, str], *, body: str = "", at_s: float = 0
) -> dict[str, Any]:
    """A log record of the hand-made span of that number."""
    return event(
        number, attributes, EventName=name, Body=body, Timestamp=START_NS + int(at_s * 1e9) + number,
        TraceId=f"{number:032x}", SpanId=f"{number:016x}",
    )  # fmt: skip


def within(
    number: int,
    parent: int,
    milliseconds: tuple[int, int],
    attributes: dict[str, str],
    **columns: Any,
) -> dict[str, Any]:
    """A span of the one hand-made trace, from and to the given milliseconds after its start."""
    began, ended = milliseconds
    return span(
        number, attributes, TraceId="a" * 32, ParentSpanId=f"{parent:016x}" if parent else "",
        Timestamp=START_NS + began * 1_000_000, Duration=(ended - began) * 1_000_000, **columns,
    )  # fmt: skip


def calls(store: Store) -> list[dict[str, Any]]:
    """Every call that counts, as it reads."""
    return read(
        store, "SELECT *, input, output, tool_calls FROM calls FINAL ORDER BY timestamp, span_id"
    )


def complete(store: Store, since: datetime = SINCE, until: datetime = UNTIL) -> int:
    """Complete the hour of the hand-made spans."""
    return complete_calls(store, since, until)


def complete_captured(store: Store) -> int:
    """Complete the day of the captures."""
    return complete_calls(store, CAPTURED, CAPTURED + timedelta(days=1))
