"""Traces for the tests of the calls page: an agent with tools, a session, similar texts, thousands of steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from dashboard_seed import DATASET, NOW, SERVICE, CallRow, StepRow

from monitor.records import DatasetRow, ScoreRow
from monitor.store import Store

SESSION, AGENT_TRACE, LONG_TRACE, LONG_STEPS = "s-talk", "t-agent", "t-long", 5_000
RTL, ZERO_WIDTH = "\u202egnp.exe\u202c", "pay\u200bment\u2060"
BASE64 = "data:image/png;base64," + "iVBORw0KGgo" + "A" * 3_000
MARKDOWN = "# Heading $\\frac{1}{2}$ <b>bold</b> [x](http://127.0.0.1:9/leak) :red[red]"


@dataclass(frozen=True, slots=True)
class VectorRow:
    """One row of `embeddings`."""

    timestamp: Any
    service: str
    trace_id: str
    span_id: str
    part: str
    model: str
    text_hash: int
    vector: list[float]
    sampling_probability: float = 1.0


def said(role: str, text: str) -> dict[str, Any]:
    """A message with one text."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def seed_session(store: Store, *, turns: int = 4) -> None:
    """A chat whose app sends the whole history again with every call, and `yes` twice."""
    history: list[dict[str, Any]] = [said("system", "Be brief.")]
    rows = []
    for turn in range(turns):
        question = "yes" if turn % 2 else f"question {turn}"
        history.append(said("user", question))
        answer = said("assistant", f"answer {turn}")
        rows.append(
            CallRow(
                NOW - timedelta(minutes=60 - turn), f"t-talk-{turn}", f"k-{turn}", SERVICE,
                session_id=SESSION, input_messages=json.dumps(history),
                output_messages=json.dumps([{**answer, "finish_reason": "stop"}]),
            )
        )  # fmt: skip
        history.append(answer)
    store.append("calls", rows)


def seed_agent(store: Store) -> None:
    """An agent that asks for three tools: one result in the next call, one in a step, one nowhere."""
    start = NOW - timedelta(minutes=20)
    asks = {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}},
            {"type": "tool_call", "id": "c2", "name": "rate", "arguments": {"customer": 7}},
            {"type": "tool_call", "id": "c3", "name": "lost", "arguments": "{broken"},
        ],
    }
    told = {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny, 21 degrees"}],
    }
    question = said("user", "Weather and rate?")
    one = CallRow(
        start + timedelta(milliseconds=10), AGENT_TRACE, "a-1", SERVICE, parent_span_id="a-0",
        input_messages=json.dumps([question]), output_messages=json.dumps([asks]),
        duration_ms=300, cost_usd=0.002,
    )  # fmt: skip
    two = CallRow(
        start + timedelta(milliseconds=900), AGENT_TRACE, "a-2", SERVICE, parent_span_id="a-0",
        input_messages=json.dumps([question, asks, told]),
        output_messages=json.dumps([said("assistant", '{"rate": 4.1, "city": "Rome"}')]),
        duration_ms=400, cost_usd=0.003,
    )  # fmt: skip
    store.append("calls", [one, two])
    store.append(
        "steps",
        [
            StepRow(start, AGENT_TRACE, "a-0", SERVICE, "agent", "assist", duration_ms=1400),
            StepRow(
                start + timedelta(milliseconds=400), AGENT_TRACE, "a-3", SERVICE, "tool", "rate",
                parent_span_id="a-0", input='{"customer": 7}', output='{"rate": 4.2}',
                duration_ms=200,
            ),
        ],
    )  # fmt: skip
    store.append(
        "datasets",
        [
            DatasetRow(
                created_at=NOW, dataset_version=DATASET, service=SERVICE, split="train",
                trace_id=AGENT_TRACE, span_id="a-2", call_timestamp=two.timestamp,
                input_messages="[]", output="{}", label='{"rate": 4.2}', label_author="Ada",
                reason="failed_outcome",
            )
        ],
    )  # fmt: skip
    store.append("scores", [_verdict("a-2", "human", '{"rate": 4.2, "city": "Rome"}', 0.0)])


def _verdict(span: str, source: str, expected: str, value: float) -> ScoreRow:
    return ScoreRow(
        timestamp=NOW, score_id=f"{source}:{span}", target="call", trace_id=AGENT_TRACE,
        span_id=span, session_id="", service=SERVICE, name="right", source=source, value=value,
        label="", explanation="the rate is 4.2", expected=expected, author="Ada",
        observed_at=NOW, sampling_probability=1.0,
    )  # fmt: skip


def seed_long(store: Store) -> None:
    """A trace of thousands of steps, one of which failed, three levels deep."""
    start = NOW - timedelta(minutes=25)
    steps = [StepRow(start, LONG_TRACE, "l-0", SERVICE, "agent", "loop", duration_ms=60_000)]
    steps += [
        StepRow(
            start + timedelta(milliseconds=10 * number), LONG_TRACE, f"l-{number}", SERVICE,
            "function", f"step {number}",
            parent_span_id=f"l-{number - 1}" if number % 10 == 5 else "l-0",
            input="x" * 200, duration_ms=9.0,
            status="error" if number == 4_205 else "ok",
            error_type="ValueError" if number == 4_205 else "",
        )
        for number in range(1, LONG_STEPS)
    ]  # fmt: skip
    store.append("steps", steps)


def seed_vectors(store: Store, *, calls: int = 30) -> None:
    """Vectors of the inputs of some calls: each lies nearest to the one of the next number."""
    rows = store.client.query(
        "SELECT timestamp, trace_id, span_id, cityHash64(input) FROM calls FINAL"
        " WHERE trace_id LIKE 't-005%' ORDER BY trace_id LIMIT {n:UInt32}",
        parameters={"n": calls},
    ).result_rows
    angles = np.linspace(0, 1.2, num=len(rows))
    store.append(
        "embeddings",
        [
            VectorRow(
                at, SERVICE, trace, span, "input", "test-model", text_hash,
                [float(np.cos(angle)), float(np.sin(angle)), 0.0],
            )
            for (at, trace, span, text_hash), angle in zip(rows, angles, strict=True)
        ],
    )  # fmt: skip


def hostile_calls(store: Store) -> dict[str, str]:
    """Traces whose texts try to be more than texts, by what they try."""
    texts = {
        "markdown": MARKDOWN,
        "direction": RTL,
        "zero-width": ZERO_WIDTH,
        "nul": "before\x00after",
        "ansi": "\x1b[31mred\x1b[0m \x1b]0;owned\x07",
        "base64": BASE64,
        "broken-json": '{"due_date": "2024-01-15", "amount": ',
        "deep-json": "[" * 5_000 + "]" * 5_000,
        "empty": "",
        "surrogate": '{"a": "\\ud800"}',
    }
    store.append(
        "calls",
        [
            CallRow(
                NOW - timedelta(minutes=40), f"t-hostile-{name}", f"x-{name}", SERVICE,
                input_messages=json.dumps([said("user", text)]),
                output_messages=json.dumps([said("assistant", text)]),
                operation=text[:40] or "chat", session_id=text[:200], error_type=text[:80],
                error_message=text[:500], status="error", user_id=text[:80],
                tags={text[:40] or "tag": text[:80]},
            )
            for name, text in texts.items()
        ]
        + [
            CallRow(
                NOW - timedelta(minutes=41), "t-hostile-messages", "x-messages", SERVICE,
                input_messages='[{"role": "user", "parts": "no list"}, 5, null, {"parts": [{}]}]',
                output_messages='[{"role": ["a"], "parts": [{"type": 7, "content": {"b": 1}}]}]',
            )
        ],
    )  # fmt: skip
    return {name: f"t-hostile-{name}" for name in [*texts, "messages"]}
