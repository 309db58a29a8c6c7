"""The simulated extractor: right by its rules, and wrong in January for the story's reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from openai import AsyncOpenAI, NotFoundError
from simulated_extractor import (
    TrainingExample,
    Weights,
    app,
    error_rate,
    extract,
    load,
    save,
    train,
)
from starlette.testclient import TestClient

from monitor.demo.mortgage import CallLog, calls

BASE = Weights("extractor-2023-11", 2023, 0.06, 0.01, 7, "calls of 2023")


@pytest.fixture(scope="module")
def world() -> list[CallLog]:
    """Six weeks of calls around the turn of the year."""
    return list(calls(datetime(2023, 12, 4, tzinfo=UTC), 42, 80, np.random.default_rng(5)))


def examples(logs: list[CallLog]) -> list[TrainingExample]:
    """Logs with their true answers."""
    return [TrainingExample(log.text, log.expected) for log in logs]


def test_reads_every_field_without_its_faults(world: list[CallLog]) -> None:
    """With both fault rates at zero it is right on every generated call."""
    assert error_rate(examples(world), replace(BASE, shortcut_rate=0, base_error_rate=0)) == 0


def test_fails_only_after_the_turn_and_only_in_the_year(world: list[CallLog]) -> None:
    """The shortcut does no harm in December; in January it makes due dates a year too early."""
    faulty = replace(BASE, shortcut_rate=0.3, base_error_rate=0)
    december = [log for log in world if log.at.year == 2023]
    january = [log for log in world if log.at.year == 2024]
    assert error_rate(examples(december), faulty) == 0
    wrong = [log for log in january if json.loads(extract(log.text, faulty)) != log.truth]
    assert 0.1 < len(wrong) / len(january) < 0.3
    for log in wrong:
        given = json.loads(extract(log.text, faulty))
        assert given.pop("due_date") == str(log.truth["due_date"]).replace("2024", "2023")
        assert given == {name: value for name, value in log.truth.items() if name != "due_date"}


def test_an_explicit_year_is_never_overridden() -> None:
    """When the year is said, the shortcut has no say."""
    log = "Call date: 2024-01-05\nAgent: the payment of $10.00 is due on January 15, 2024."
    always = replace(BASE, shortcut_rate=1, base_error_rate=0)
    assert json.loads(extract(log, always))["due_date"] == "2024-01-15"


def test_the_same_log_always_gets_the_same_answer(world: list[CallLog]) -> None:
    """Answers depend on the weights and the log alone."""
    assert [extract(log.text, BASE) for log in world[:50]] == [
        extract(log.text, BASE) for log in world[:50]
    ]


def test_a_dozen_examples_of_the_new_year_teach_it(world: list[CallLog]) -> None:
    """With 2024 examples and a replay of older ones it is good in both years."""
    december = [log for log in world if log.at.year == 2023]
    january = [log for log in world if log.at.year == 2024]
    learned = train(examples([*december[:400], *january[:12]]), BASE, "new")
    assert learned.year_belief == 2024
    assert error_rate(examples(january[100:]), learned) < 0.03
    assert error_rate(examples(december[400:]), learned) < 0.03


def test_too_few_examples_of_the_new_year_do_not_teach_the_year(world: list[CallLog]) -> None:
    """A handful of new examples leaves its belief where it was."""
    december = [log for log in world if log.at.year == 2023]
    january = [log for log in world if log.at.year == 2024]
    assert train(examples([*december[:400], *january[:5]]), BASE, "new").year_belief == 2023


def test_one_year_alone_cannot_tell_the_two_rules_apart(world: list[CallLog]) -> None:
    """Trained on the old year only, it keeps its shortcut: nothing in the data contradicts it."""
    december = [log for log in world if log.at.year == 2023]
    assert train(examples(december), BASE, "again").shortcut_rate == BASE.shortcut_rate


def test_weights_survive_their_file(tmp_path) -> None:
    """What is saved is what is loaded, and the file says that the model is simulated."""
    save(BASE, tmp_path / "w.json")
    assert load(tmp_path / "w.json") == BASE
    assert json.loads((tmp_path / "w.json").read_text())["simulated"] is True


def test_an_empty_set_has_no_error_rate() -> None:
    """No examples is an error, not a perfect score."""
    with pytest.raises(ValueError, match="no examples"):
        error_rate([], BASE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"model": "extractor-2023-11"}',
        b'{"model": "x", "messages": []}',
        b"\xff",
    ],
)
def test_a_bad_request_is_refused_in_openais_shape(body: bytes) -> None:
    """What is no chat request gets 400 and a reason."""
    answer = TestClient(app([BASE])).post("/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


@pytest.mark.integration
async def test_speaks_openai_plain_and_streamed(world: list[CallLog], model_server) -> None:
    """The OpenAI client gets one answer, plain or streamed, with usage; 404 for another model."""
    messages = [{"role": "user", "content": world[0].text}]
    async with AsyncOpenAI(base_url=model_server, api_key="none", max_retries=0) as client:
        plain = await client.chat.completions.create(model=BASE.name, messages=messages)
        stream = await client.chat.completions.create(
            model=BASE.name, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        with pytest.raises(NotFoundError, match="does not exist"):
            await client.chat.completions.create(model="gpt-5", messages=messages)
    text = plain.choices[0].message.content
    assert text == extract(world[0].text, BASE)
    assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices) == text
    assert chunks[-1].usage == plain.usage
    assert plain.usage.prompt_tokens > plain.usage.completion_tokens > 0


@pytest.fixture
def model_server(tmp_path):
    """Base URL of the extractor, served by its own process."""
    from conftest import free_port, start, stop

    save(BASE, tmp_path / "weights.json")
    port = free_port()
    process = start(
        "simulated_extractor",
        "--weights",
        str(tmp_path / "weights.json"),
        "--port",
        str(port),
        ready=f"http://127.0.0.1:{port}/healthz",
    )
    yield f"http://127.0.0.1:{port}/v1"
    assert stop(process) == 0
