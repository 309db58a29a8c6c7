"""Candidate against production on the reserved calls, over real sockets, however it misbehaves."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from candidate_seed import (
    NOW,
    SERVICE,
    TURN,
    Candidate,
    candidate_endpoint,
    put_calls,
    ready,
)  # fmt: skip
from click.testing import CliRunner
from conftest import free_port
from judge_server import JudgeServer

from monitor.cli.commands import cli
from monitor.retrain.trial import compare
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration
BY = {"now": NOW, "actor": "ann"}


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar without judges, with a key that always reserves the same calls."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reserve.key").write_text("5e" * 32, "ascii")
    return Settings(store_url=store_url, data_dir=tmp_path / "data")


@pytest.fixture
def candidate() -> Iterator[Candidate]:
    """The candidate's endpoint."""
    with candidate_endpoint() as running:
        yield running


@pytest.fixture
def january(store: Store) -> None:
    """December was right; in January each third answer is a year early."""
    put_calls(
        store, 2400, start=TURN - timedelta(days=12), step=timedelta(minutes=7), prefix="december"
    )
    put_calls(store, 1800, start=TURN, step=timedelta(minutes=7), wrong_every=3, prefix="january")


@pytest.mark.usefixtures("january")
def test_a_cure_is_better_gate_by_gate(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """The reserved calls of both periods say so, with durations and tokens beside; and a person can read it."""
    ready(store, candidate.base_url)
    one = compare(store, settings, "rt-1", **BY)
    told = one.details["comparison"]
    gates = {gate["name"]: gate["state"] for gate in told["gates"]}
    assert told["advice"] == "better", told["sentence"]
    assert gates["better where it failed"] == gates["not worse elsewhere"] == "passed"
    assert gates["valid answers"] == gates["latency"] == gates["cost"] == "passed"
    assert told["asked"] == told["n"] == len(candidate.requests)
    measures = {each["name"]: each for each in told["measures"]}
    assert measures["median duration"]["n"] == 30
    assert measures["mean tokens"]["ratio"] == pytest.approx(70 / 80)
    shown = CliRunner().invoke(
        cli, ["retrain", "show", "rt-1"], env={"OUTERLOOP_STORE_URL": settings.store_url}
    )
    assert shown.exit_code == 0, shown.output
    for words in ("BETTER", "ok   better where it failed", "period: since", "median duration"):
        assert words in shown.output
    document = CliRunner().invoke(
        cli, ["retrain", "show", "rt-1", "--json"], env={"OUTERLOOP_STORE_URL": settings.store_url}
    )
    assert json.loads(document.output)["details"]["comparison"]["n"] == told["n"]


@pytest.mark.usefixtures("january")
@pytest.mark.parametrize(
    ("model", "advice", "said"),
    [
        ("prose", "worse", "100.0% wrong"),
        ("wrong", "worse", "100.0% wrong"),
        ("same", "not_worse", "neither better nor worse"),
    ],
)
def test_a_candidate_that_is_no_cure_is_not_called_one(
    store: Store, settings: Settings, candidate: Candidate, model: str, advice: str, said: str
) -> None:
    """Answers in prose, answers without the fields, and the same fault again are told for what they are."""
    ready(store, candidate.base_url, model)
    if model == "same":  # last year's date in every January answer that production got wrong
        candidate.answer = _as_production  # type: ignore[method-assign]  # a stand-in told how to answer
    told = compare(store, settings, "rt-1", **BY).details["comparison"]
    assert told["advice"] == advice, told["sentence"]
    assert said in told["sentence"]


def _as_production(model: str, question: str) -> tuple[int, str | None]:
    """What production answered to a question of `put_calls`."""
    del model
    year, day, number = (
        question[:4],
        question.split("due ", 1)[1][:5],
        int(question.rsplit(maxsplit=1)[-1]),
    )
    wrong = "january" in question and number % 3 == 0
    due = f"{int(year) - wrong}-{day}"
    return 200, json.dumps({"due_date": due, "payer": "Zoë 日本"})


@pytest.mark.usefixtures("january")
@pytest.mark.parametrize(
    ("model", "problem"),
    [("down-60", "failed on .* last with: .*503"), ("fat", "answer of 200,000 characters")],
)
def test_a_candidate_that_goes_down_fails_the_comparison_soon(
    store: Store, settings: Settings, candidate: Candidate, model: str, problem: str
) -> None:
    """Half-way is noticed after a few failures in a row; the retrain says why and may be compared again."""
    ready(store, candidate.base_url, model)
    began = time.monotonic()
    one = compare(store, settings, "rt-1", **BY)
    assert time.monotonic() - began < 60
    assert (one.state, one.history[-1].event) == ("finished", "comparison_failed")
    assert "compare again" in one.trouble
    assert re.search(problem, one.trouble)
    assert len(candidate.requests) < 60 + 2 * (25 + 16)


def test_nobody_listens(store: Store, settings: Settings) -> None:
    """An endpoint that refuses connections is a reason on the retrain."""
    put_calls(store, 300, start=TURN)
    ready(store, f"http://127.0.0.1:{free_port()}/v1")
    one = compare(store, settings, "rt-1", **BY)
    assert one.state == "finished"
    assert "Connection error" in one.trouble


def test_without_a_call_nothing_is_decided(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """No traffic, and traffic without labels, are too few, not an error."""
    ready(store, candidate.base_url)
    one = compare(store, settings, "rt-1", **BY)
    assert one.details["comparison"]["advice"] == "too_few"
    put_calls(store, 400, start=TURN, labelled=False)
    told = compare(store, settings, "rt-1", **BY).details["comparison"]
    assert (told["advice"], told["n"]) == ("too_few", 0)
    assert told["asked"] == len(candidate.requests) > 20
    assert {gate["name"]: gate["state"] for gate in told["gates"]}["valid answers"] == "passed"


def test_other_releases_and_other_models_labels_stay_out(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """With two releases in the window only the base's calls are compared; a model's word is no label."""
    put_calls(store, 400, start=TURN, prefix="base", fields=("due_date",))
    put_calls(store, 400, start=TURN, prefix="new", release="extractor-2023-12")
    ready(store, candidate.base_url)
    told = compare(store, settings, "rt-1", **BY).details["comparison"]
    assert told["other_releases"] > 10
    assert told["n"] + told["other_releases"] + told["unlabelled"] > 50
    assert {part["value"] for part in told["slices"] if part["attribute"] == "field"} == {
        "due_date"
    }
    assert not any("new" in question for question in candidate.requests)


@pytest.mark.usefixtures("january")
def test_a_schema_counts_as_validity(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """What the service's schema refuses is invalid; a schema that is none fails the comparison in words."""
    folder = settings.data_dir / "schemas"
    folder.mkdir(parents=True)
    path = folder / f"{SERVICE}.json"
    path.write_text(json.dumps({"type": "object", "required": ["due_date", "payer"]}), "utf-8")
    ready(store, candidate.base_url, "wrong")
    told = compare(store, settings, "rt-1", **BY).details["comparison"]
    [invalid] = [part for part in told["slices"] if part["value"] == "invalid"]
    assert (invalid["candidate"]["value"], invalid["production"]["value"]) == (1.0, 0.0)
    path.write_text('{"type": 7}', "utf-8")
    one = compare(store, settings, "rt-1", **BY)
    assert "is no JSON Schema" in one.trouble


@pytest.mark.usefixtures("january")
def test_judges_hear_both_and_never_the_candidate_itself(
    store: Store, settings: Settings, candidate: Candidate
) -> None:
    """A judge of pairs sees both orders, checks see every call, and the candidate's own word is refused."""
    folder = settings.data_dir / "judges"
    folder.mkdir(parents=True)
    (folder / "short.toml").write_text(
        f'kind = "length"\nmost = 50\nservices = ["{SERVICE}"]\n', "utf-8"
    )
    (folder / "own.toml").write_text(
        f'kind = "question"\nquestion = "Is the date right?"\nmodel = "good"\nservices = ["{SERVICE}"]\n',
        "utf-8",
    )
    ready(store, candidate.base_url)
    with JudgeServer() as judge:
        asking = settings.model_copy(
            update={"judge_base_url": judge.base_url, "judge_models": ["judge-test"]}
        )
        told = compare(store, asking, "rt-1", **BY).details["comparison"]
    assert told["judges_refused"] == ""
    found = {one["judge"]: one for one in told["judges"]}
    assert found["short"]["n"] == told["n"]
    assert found["preferred"]["kind"] == "pairwise"
    assert found["preferred"]["n"] > 20
    assert "candidate itself" in found["own"]["refused"]
