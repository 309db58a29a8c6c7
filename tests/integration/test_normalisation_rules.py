"""The rules of normalisation, one by one, on hand-made spans and evaluation events."""

from __future__ import annotations

import json
import math
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from normalisation_captures import START_NS, capture, event, insert, read, span

from collector.rows import LOGS
from monitor import vocabulary as v
from monitor.store import Store, migrate

pytestmark = pytest.mark.integration

FILLED = ("otel_traces", "otel_logs", "calls", "steps", "scores")

SDK = {"ScopeName": v.SCOPE_NAME}
CALL = {v.OPERATION: "chat", v.PROVIDER: "openai", v.REQUEST_MODEL: "extractor-2023-11"}
USED = {v.INPUT_TOKENS: "1000000", v.OUTPUT_TOKENS: "1000000"}
GARBAGE = [
    "",
    "{",
    "[",
    "{}",
    "[]",
    "null",
    "[null]",
    "[{}]",
    "[[]]",
    "NaN",
    "inf",
    "1e400",
    "-1",
    "0.5",
    "18446744073709551616",
    "true",
    '"\\ud83d"',
    '[{"role":"user","parts":"x"}]',
    '[{"role":"user","parts":[1,null,{"type":"text"}]}]',
    '{"messages":[{"role":5,"content":{"a":[1]}}]}',
    '{"choices":[1,{"message":null}]}',
    '{"output":5}',
    '["a","b",3]',
    '[{"content":"[{oops"}]',
    "[" * 2000,
    '{"a":' * 300,
    "9999-12-31T23:59:59.9Z",
    "\x00",
]
FRAGILE = [
    v.INPUT_MESSAGES,
    v.OUTPUT_MESSAGES,
    "gen_ai.system_instructions",
    v.FINISH_REASONS,
    v.INPUT_TOKENS,
    v.CACHE_READ_TOKENS,
    v.TIME_TO_FIRST_CHUNK,
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.99999999999.role",
    "gen_ai.completion.0.function_call.name",
    "gen_ai.usage.cost",
    "events",
    "llm.output_messages.x.role",
    "input.value",
    "output.value",
    "metadata",
    "tag.tags",
    "ai.prompt.messages",
    "ai.response.toolCalls",
    "duration",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.observation.usage_details",
    "langfuse.observation.completion_start_time",
    "mlflow.spanType",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    v.OUTERLOOP_ABANDONED,
    v.OUTERLOOP_TAG_PREFIX + "x",
]


@pytest.fixture(scope="module")
def database(store_server: str) -> Iterator[Store]:
    """One migrated database for these tests; migrating is most of what a test would cost."""
    url = f"{store_server}/t_{uuid.uuid4().hex[:12]}"
    migrate(url, retention_days=0)
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def store(database: Store) -> Store:
    """That database, empty again but for the prices."""
    for table in FILLED:
        database.command(f"TRUNCATE TABLE {table}")
    return database


def test_our_own_call_keeps_everything_the_sdk_says(store: Store) -> None:
    """Release, environment, session, user, tags and prompt of an SDK span reach their columns."""
    insert(
        store,
        [
            span(
                1,
                {
                    **CALL,
                    v.SESSION_ID: "s-1",
                    v.USER_ID: "u-9",
                    v.OUTERLOOP_TAG_PREFIX + "tenant": "acme",
                    v.PROMPT_NAME: "extract",
                    v.PROMPT_VERSION: "3",
                    v.TIME_TO_FIRST_CHUNK: "0.25",
                    v.INPUT_MESSAGES: json.dumps(
                        [{"role": "user", "parts": [{"type": "text", "content": "Fällig?"}]}]
                    ),
                    v.OUTPUT_MESSAGES: json.dumps(
                        [
                            {
                                "role": "assistant",
                                "parts": [
                                    {"type": "text", "content": '{"due_date": "2024-01-05"}'}
                                ],
                            }
                        ]
                    ),
                },
                ResourceAttributes={v.SERVICE_VERSION: "extractor-2023-11", v.ENVIRONMENT: "prod"},
                **SDK,
            )
        ],
    )
    [row] = read(store, "SELECT * FROM calls")
    expected = {
        "service": "shop",
        "release": "extractor-2023-11",
        "environment": "prod",
        "session_id": "s-1",
        "user_id": "u-9",
        "tags": {"tenant": "acme"},
        "prompt_name": "extract",
        "prompt_version": "3",
        "time_to_first_token_ms": 250.0,
        "duration_ms": 2.5,
        "input": "Fällig?",
        "output": '{"due_date": "2024-01-05"}',
        "status": "ok",
        "convention": "outerloop",
        "input_tokens": None,
        "cost_usd": None,
    }
    assert {name: row[name] for name in expected} == expected


def test_an_observed_function_is_a_step(store: Store) -> None:
    """What `observe` wrapped becomes a step with its kind, arguments and result in real characters."""
    insert(
        store,
        [
            span(
                1,
                {
                    v.OUTERLOOP_KIND: "tool",
                    v.OUTERLOOP_INPUT: '{"name": "M\\u00fcller"}',
                    v.OUTERLOOP_OUTPUT: "[1.0, 2]",
                },
                SpanName="look_up",
                **SDK,
            )
        ],
    )
    [row] = read(store, "SELECT kind, name, input, output, status, convention FROM steps")
    assert row == {
        "kind": "tool",
        "name": "look_up",
        "input": '{"name":"Müller"}',
        "output": "[1.0, 2]",
        "status": "ok",
        "convention": "outerloop",
    }


@pytest.mark.parametrize(
    ("attributes", "columns", "status", "error_type"),
    [
        ({}, {}, "ok", ""),
        ({v.ERROR_TYPE: "openai.RateLimitError"}, {}, "error", "RateLimitError"),
        (
            {},
            {
                "StatusCode": "Error",
                "Events.Timestamp": [0],
                "Events.Name": ["exception"],
                "Events.Attributes": [{"exception.type": "httpx.ReadTimeout"}],
            },
            "error",
            "ReadTimeout",
        ),
        ({v.OUTERLOOP_ABANDONED: "true"}, {}, "abandoned", ""),
        ({v.FINISH_REASONS: '["error"]'}, {}, "error", ""),
        (
            {},
            {
                "Events.Timestamp": [0],
                "Events.Name": ["exception"],
                "Events.Attributes": [{"exception.type": "Handled"}],
            },
            "ok",
            "",
        ),
    ],
)
def test_status_says_how_a_call_ended(
    store: Store, attributes: dict[str, str], columns: dict[str, Any], status: str, error_type: str
) -> None:
    """Errors are named without their module; a handled exception is none; an abandoned stream is said to be one."""
    insert(store, [span(1, {**CALL, **attributes}, **columns)])
    assert read(store, "SELECT status, error_type FROM calls") == [
        {"status": status, "error_type": error_type}
    ]


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({}, None),
        ({v.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18"}, 0.75),
        ({v.RESPONSE_MODEL: "gpt-4o-mini-2024-07-18", v.CACHE_READ_TOKENS: "1000000"}, 0.675),
        ({v.RESPONSE_MODEL: "openai/gpt-4o-mini"}, 0.75),
        ({v.RESPONSE_MODEL: "gpt-4o-2024-05-13"}, 20),
        ({v.RESPONSE_MODEL: "unheard-of", v.REQUEST_MODEL: "gpt-4o-mini"}, 0.75),
        ({v.RESPONSE_MODEL: "gpt-4o-mini", "gen_ai.usage.cost": "0"}, 0.75),
        ({v.RESPONSE_MODEL: "gpt-4o-mini", "gen_ai.usage.cost": "0.5"}, 0.5),
        ({"gen_ai.usage.cost": "0"}, None),
    ],
)
def test_cost_is_the_senders_or_the_list_price_or_unknown(
    store: Store, attributes: dict[str, str], cost: float | None
) -> None:
    """A million tokens each way cost what the sender says, else what the list says, else nothing is claimed."""
    insert(store, [span(1, {**CALL, **USED, **attributes})])
    [row] = read(store, "SELECT cost_usd FROM calls")
    assert row["cost_usd"] == (cost if cost is None else pytest.approx(cost))


def test_a_new_price_counts_from_the_next_call(store: Store) -> None:
    """A price of one's own is one more row of `prices`."""
    insert(store, [span(1, {**CALL, **USED, v.REQUEST_MODEL: "self-hosted"})])
    store.command("INSERT INTO prices VALUES ('self-hosted', 1, 1, 2, '2024-01-01')")
    insert(store, [span(2, {**CALL, **USED, v.REQUEST_MODEL: "self-hosted"})])
    assert [
        row["cost_usd"] for row in read(store, "SELECT cost_usd FROM calls ORDER BY timestamp")
    ] == [None, 3.0]


def test_unreadable_messages_are_shown_as_they_came(store: Store) -> None:
    """Messages that were cut to the size limit are no JSON any more, and still readable."""
    cut = '[{"role":"user","parts":[{"type":"text","content":"When is'
    insert(store, [span(1, {**CALL, v.INPUT_MESSAGES: cut, v.OUTPUT_MESSAGES: "just text"})])
    [row] = read(store, "SELECT input, output, input_messages FROM calls")
    assert (row["input"], row["output"]) == (cut, "just text")
    assert json.loads(row["input_messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": cut}]}
    ]


def test_no_value_of_any_attribute_makes_an_insert_fail(store: Store) -> None:
    """Every span arrives as a call, whatever nonsense stands in the attributes that the view reads."""
    chance = random.Random(7)
    rows = [
        span(
            number,
            {
                **{key: chance.choice(GARBAGE) for key in chance.sample(FRAGILE, 12)},
                v.OPERATION: "chat",
            },
            ScopeName=chance.choice(["", "logfire", "ai", "litellm"]),
            Duration=chance.choice([0, 2**64 - 5]),
        )
        for number in range(1, 401)
    ]
    insert(store, rows)
    [row] = read(
        store,
        """
        SELECT (SELECT count() FROM calls) + (SELECT count() FROM steps) AS kept,
            countIf(input_messages != '' AND NOT isValidJSON(input_messages)) AS bad_in,
            countIf(output_messages != '' AND NOT isValidJSON(output_messages)) AS bad_out,
            countIf(tool_calls != '' AND NOT isValidJSON(tool_calls)) AS bad_tools FROM calls
    """,
    )
    assert row == {"kept": 400, "bad_in": 0, "bad_out": 0, "bad_tools": 0}


def test_a_batch_sent_again_is_stored_once_everywhere(store: Store) -> None:
    """The same deduplication token leaves one row in the raw table and in every table behind it."""
    rows = [*capture("vercel-ai-5/tools"), span(1, {**CALL, **USED}), span(2, {})]
    for _ in range(3):
        insert(store, rows, token="batch-1")
    [row] = read(
        store,
        "SELECT (SELECT count() FROM otel_traces) AS spans, (SELECT count() FROM calls) AS calls, "
        "(SELECT count() FROM steps) AS steps",
    )
    assert row == {"spans": 7, "calls": 3, "steps": 4}


def test_a_span_sent_again_in_another_batch_counts_once(store: Store) -> None:
    """`FINAL` is exact however often a span was sent."""
    for token in ("batch-1", "batch-2"):
        insert(store, [span(1, {**CALL, "gen_ai.usage.cost": "0.5"})], token=token)
    assert read(store, "SELECT count() AS n, sum(cost_usd) AS cost FROM calls FINAL") == [
        {"n": 1, "cost": 0.5}
    ]


def test_feedback_of_the_sdk_becomes_a_score(store: Store) -> None:
    """Every word of `feedback` and `outcome` reaches its column."""
    insert(
        store,
        [
            event(
                1,
                {
                    v.EVALUATION_NAME: "thumbs",
                    v.EVALUATION_VALUE: "-1",
                    v.EVALUATION_LABEL: "down",
                    v.EVALUATION_EXPLANATION: "wrong year",
                    v.SESSION_ID: "s-1",
                    v.OUTERLOOP_SCORE_ID: "id-1",
                    v.OUTERLOOP_SCORE_SOURCE: "user",
                    v.OUTERLOOP_SCORE_TARGET: "trace",
                    v.OUTERLOOP_SCORE_EXPECTED: '{"due_date": "2024-01-05"}',
                    v.OUTERLOOP_SCORE_OBSERVED_AT: str(START_NS + 500),
                },
                TraceId="a" * 32,
                SpanId="b" * 16,
            )
        ],
        table=LOGS,
    )
    [row] = read(
        store,
        "SELECT *, toUnixTimestamp64Nano(observed_at) AS observed_ns, "
        "toUnixTimestamp64Nano(timestamp) AS told_ns FROM scores",
    )
    expected = {
        "score_id": "id-1",
        "target": "trace",
        "trace_id": "a" * 32,
        "span_id": "b" * 16,
        "session_id": "s-1",
        "service": "shop",
        "name": "thumbs",
        "source": "user",
        "value": -1.0,
        "label": "down",
        "explanation": "wrong year",
        "expected": '{"due_date": "2024-01-05"}',
        "author": "shop",
        "observed_ns": START_NS + 500,
        "told_ns": START_NS + 1,
        "sampling_probability": 1.0,
        "cost_usd": None,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("attributes", "value"),
    [
        ({v.EVALUATION_LABEL: "Pass"}, 1.0),
        ({v.EVALUATION_LABEL: "no"}, 0.0),
        ({v.EVALUATION_LABEL: "formal"}, math.nan),
        ({v.EVALUATION_LABEL: "fail", v.EVALUATION_VALUE: "json: unsupported value: NaN"}, 0.0),
        ({v.EVALUATION_LABEL: "fail", v.EVALUATION_VALUE: "0.25"}, 0.25),
    ],
)
def test_a_verdict_in_words_has_a_value_where_the_word_is_clear(
    store: Store, attributes: dict[str, str], value: float
) -> None:
    """Another sender's evaluation counts as a judge's; pass and fail are 1 and 0, other words are no number."""
    insert(
        store, [event(1, {v.EVALUATION_NAME: "tone", **attributes}, SpanId="b" * 16)], table=LOGS
    )
    [row] = read(store, "SELECT value, source, target FROM scores")
    assert row["value"] == pytest.approx(value, nan_ok=True)
    assert (row["source"], row["target"]) == ("judge", "call")


def test_an_event_without_an_id_is_its_own_id(store: Store) -> None:
    """The same record sent twice is one score; another verdict is another."""
    same = event(1, {v.EVALUATION_NAME: "tone", v.EVALUATION_VALUE: "1"}, TraceId="a" * 32)
    for rows in (
        [same],
        [same, event(1, {v.EVALUATION_NAME: "tone", v.EVALUATION_VALUE: "0"}, TraceId="a" * 32)],
    ):
        insert(store, rows, table=LOGS)
    assert read(store, "SELECT count() AS n FROM scores FINAL") == [{"n": 2}]


def test_other_log_records_are_no_scores(store: Store) -> None:
    """Only evaluation events become scores."""
    insert(store, [event(1, {}, EventName="gen_ai.client.inference.operation.details")], table=LOGS)
    assert read(store, "SELECT count() AS n FROM scores") == [{"n": 0}]
