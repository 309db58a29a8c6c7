"""The rules of normalisation, one by one, on hand-made spans and evaluation events."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
from normalisation_captures import START_NS, capture, captures, event, insert, read, span

from collector.rows import LOGS
from monitor import vocabulary as v
from monitor.store import Store, migrations

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
READ = sorted(
    set(
        re.findall(
            r"\b(?:a|exception)\['([\w.]+)'\]",
            resources.files(migrations).joinpath("0005_normalise.sql").read_text("utf-8"),
        )
    )
    | {
        "gen_ai.prompt.0.content",
        "gen_ai.prompt.99999999999.role",
        "gen_ai.completion.0.function_call.name",
        "gen_ai.completion.0.tool_calls.9.arguments",
        "llm.input_messages.1.message.contents.0.message_content.type",
        "llm.output_messages.x.role",
        "embedding.embeddings.0.embedding.text",
        "traceloop.association.properties.x",
        v.OUTERLOOP_TAG_PREFIX + "x",
    }
)
"""Every attribute that the views name, and one of each kind that they recognise by its beginning."""
SCOPES = ["", "logfire", "ai", "gen_ai", "litellm", "langsmith", "openlit.instrumentation.openai"]
EVENTS = ["exception", "gen_ai.choice", "gen_ai.user.message", "gen_ai.content.prompt", "x"]


@pytest.fixture
def store(module_store: Store) -> Store:
    """That database, empty again but for the prices."""
    for table in FILLED:
        module_store.command(f"TRUNCATE TABLE {table}")
    return module_store


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
    [row] = read(store, "SELECT *, input, output FROM calls")
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


@pytest.mark.parametrize(
    ("told", "operation"),
    [
        ("acompletion", "chat"),
        ("aresponses", "chat"),
        ("anthropic_messages", "chat"),
        ("atext_completion", "text_completion"),
        ("aembedding", "embeddings"),
        ("agenerate_content", "generate_content"),
    ],
)
def test_litellms_own_names_of_operations_are_calls(
    store: Store, told: str, operation: str
) -> None:
    """What is awaited is a call like any other."""
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Due?"}]}])
    said = {**CALL, **USED, v.OPERATION: told, v.INPUT_MESSAGES: asked}
    insert(store, [span(1, said, ScopeName="litellm")])
    (call,) = read(store, "SELECT operation, convention, input FROM calls FINAL")
    assert (call["operation"], call["convention"], call["input"]) == (operation, "litellm", "Due?")


def test_estimated_usage_and_the_senders_share_have_columns(store: Store) -> None:
    """Guessed tokens are marked; the probability is read from wherever `ot` stands in the state."""
    states = {1: "", 2: "ot=th:c", 3: "x=1,ot=rv:00000000000001;th:8", 4: "ot=th:0", 5: "y=th:c"}
    guessed = {v.OUTERLOOP_USAGE_ESTIMATED: "true"}
    rows = [
        span(number, {**CALL, **USED, **(guessed if number == 2 else {})}, TraceState=state, **SDK)
        for number, state in states.items()
    ]
    insert(store, rows)
    columns = "usage_estimated, sampling_probability"
    calls = read(store, f"SELECT {columns} FROM calls FINAL ORDER BY timestamp")
    told = [tuple(call.values()) for call in calls]
    assert told == [(False, 1), (True, 0.25), (False, 0.5), (False, 1), (False, 1)]


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
        ({v.ERROR_TYPE: "GeneratorExit"}, {"StatusCode": "Error"}, "abandoned", ""),
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


@pytest.mark.parametrize(
    ("scope", "attributes", "tokens"),
    [
        ("x", {v.INPUT_TOKENS: "29", v.CACHE_READ_TOKENS: "8"}, (29, 8)),
        (
            "openlit.instrumentation.anthropic",
            {
                v.INPUT_TOKENS: "21",
                v.CACHE_READ_TOKENS: "8",
                "gen_ai.usage.cache_creation.input_tokens": "3",
            },
            (32, 8),
        ),
        (
            "ai",
            {
                "ai.model.provider": "anthropic.messages",
                v.INPUT_TOKENS: "21",
                "ai.usage.cachedInputTokens": "8",
            },
            (29, 8),
        ),
        (
            "ai",
            {
                "ai.model.provider": "anthropic.messages",
                v.INPUT_TOKENS: "29",
                "ai.usage.cachedInputTokens": "8",
                "ai.usage.inputTokenDetails.noCacheTokens": "21",
            },
            (29, 8),
        ),
        (
            "langfuse-sdk",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": '{"input": 21, "cache_read_input_tokens": 8, "output": 5}',
            },
            (29, 8),
        ),
        (
            "langfuse-sdk",
            {
                "langfuse.observation.type": "generation",
                "langfuse.observation.usage_details": '{"input": 21, "input_cached_tokens": 8, "output": 5}',
            },
            (29, 8),
        ),
        (
            "mlflow.tracing.provider",
            {
                "mlflow.spanType": '"LLM"',
                "mlflow.chat.tokenUsage": '{"input_tokens": 29, "cache_read_input_tokens": 8}',
            },
            (29, 8),
        ),
        (
            "x",
            {
                "openinference.span.kind": "LLM",
                "llm.token_count.prompt": "29",
                "llm.token_count.prompt_details.cache_read": "8",
            },
            (29, 8),
        ),
    ],
)
def test_input_tokens_include_the_cached_ones_whoever_counts(
    store: Store, scope: str, attributes: dict[str, str], tokens: tuple[int, int]
) -> None:
    """Where a sender passes Anthropic's count on, which leaves the cached tokens out, they are added."""
    insert(store, [span(1, {**CALL, **attributes}, ScopeName=scope)])
    [row] = read(store, "SELECT input_tokens, cached_input_tokens FROM calls")
    assert tuple(row.values()) == tokens


@pytest.mark.parametrize(
    ("scope", "attributes", "provider"),
    [
        ("x", {v.PROVIDER: "anthropic"}, "anthropic"),
        ("x", {"gen_ai.system": "AWS"}, "aws.bedrock"),
        ("x", {"gen_ai.system": "Google"}, "gcp.gen_ai"),
        ("x", {"gen_ai.system": "vertex_ai"}, "gcp.vertex_ai"),
        ("x", {"openinference.span.kind": "LLM", "llm.provider": "azure"}, "azure.ai.openai"),
        ("ai", {"gen_ai.system": "google.generative-ai"}, "gcp.gen_ai"),
        ("ai", {"gen_ai.system": "google.vertex.chat"}, "gcp.vertex_ai"),
        ("ai", {"gen_ai.system": "amazon-bedrock"}, "aws.bedrock"),
        ("langsmith", {"langsmith.metadata.ls_provider": "google_genai"}, "gcp.gemini"),
        ("litellm", {"litellm.provider.model": "mistral/mistral-small"}, "mistral_ai"),
    ],
)
def test_a_provider_has_one_name_whoever_calls_it(
    store: Store, scope: str, attributes: dict[str, str], provider: str
) -> None:
    """The GenAI convention's names are the names."""
    insert(store, [span(1, {v.OPERATION: "chat", **attributes}, ScopeName=scope)])
    assert read(store, "SELECT provider FROM calls") == [{"provider": provider}]


def test_a_new_price_counts_from_the_next_call(store: Store) -> None:
    """A price of one's own is one more row of `prices`."""
    insert(store, [span(1, {**CALL, **USED, v.REQUEST_MODEL: "self-hosted"})])
    store.command(
        "INSERT INTO prices (model, valid_from, input_usd_per_million, output_usd_per_million)"
        " VALUES ('self-hosted', '2023-01-01', 1, 2)"
    )
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


def spoiled(text: str, chance: random.Random) -> str:
    """A real value cut off, torn apart or doubled somewhere."""
    cut = chance.randrange(len(text) + 1)
    return chance.choice(
        [text[:cut], text[cut:], text[:cut] + chance.choice(GARBAGE) + text[cut:], text * 2]
    )


def hostile_spans() -> Iterator[dict[str, Any]]:
    """Each attribute with each kind of nonsense, then real calls with a few attributes spoiled."""
    chance, number = random.Random(7), 0
    for key in READ:
        for value in GARBAGE:
            number += 1
            yield span(number, {v.OPERATION: "chat", key: value}, ScopeName=chance.choice(SCOPES))
    real = [row for name in captures()[::5] for row in capture(name)]
    for _ in range(600):
        number += 1
        told = dict(chance.choice(real)["SpanAttributes"])
        for key in chance.sample(sorted(told), min(3, len(told))):
            told[key] = spoiled(told[key], chance)
        told.update({key: chance.choice(GARBAGE) for key in chance.sample(READ, 6)})
        yield span(
            number,
            told,
            ScopeName=chance.choice(SCOPES),
            Duration=chance.choice([0, 1, 2**64 - 5]),
            StatusCode=chance.choice(["Unset", "Ok", "Error", "STATUS_CODE_ERROR", "?"]),
            **{
                "Events.Timestamp": [0, START_NS],
                "Events.Name": chance.choices(EVENTS, k=2),
                "Events.Attributes": [
                    {chance.choice(READ): chance.choice(GARBAGE)},
                    {"gen_ai.event.content": chance.choice(GARBAGE), "content": "[{"},
                ],
            },
        )


def test_no_value_of_any_attribute_makes_an_insert_fail(store: Store) -> None:
    """Every span arrives as a call or a step, whatever nonsense stands in the attributes that the views read."""
    rows = list(hostile_spans())
    insert(store, rows)
    [row] = read(
        store,
        """
        SELECT (SELECT count() FROM calls) + (SELECT count() FROM steps) AS kept,
            (SELECT count() FROM otel_traces WHERE SpanAttributes['logfire.span_type'] = 'pending_span') AS shadows,
            countIf(input_messages != '' AND NOT isValidJSON(input_messages)) AS bad_in,
            countIf(output_messages != '' AND NOT isValidJSON(output_messages)) AS bad_out,
            countIf(tool_calls != '' AND NOT isValidJSON(tool_calls)) AS bad_tools,
            max(length(input) + length(output)) < 1000000 AS bounded FROM calls
    """,
    )
    assert row == {
        "kept": len(rows),
        "shadows": 0,
        "bad_in": 0,
        "bad_out": 0,
        "bad_tools": 0,
        "bounded": 1,
    }


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
