"""`outerloop eval` as a real command: files, store, endpoint, gate, resume, and one line for wrong use."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from conftest import free_port
from dashboard_seed import CallRow
from judge_server import JudgeServer

from judges.statistics.power import judgements_needed
from monitor.cli.commands import cli
from monitor.evaluation.rows import EvaluationRow
from monitor.records import DatasetRow, ScoreRow
from monitor.store import Store

pytestmark = pytest.mark.integration

QUESTION = """
kind = "question"
model = "judge-test"
question = "Is the date right?"
"""


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """A judging endpoint with an account of its own."""
    with JudgeServer() as running:
        yield running


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A hundred samples, every tenth of them no JSON."""
    path = tmp_path / "cases.jsonl"
    write(path, lambda n: "{" if n % 10 == 0 else '{"due_date": "2024-01-15"}')
    return path


def write(path: Path, output: Any, *, how_many: int = 100) -> None:
    """A file of samples whose outputs a function of their number gives."""
    told = [
        {"id": f"c{n}", "input": f"Payment {n} is due on 15 January.", "output": output(n),
         "expected": '{"due_date": "2024-01-15"}'}
        for n in range(how_many)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(one) + "\n" for one in told), "utf-8")


def define(tmp_path: Path, name: str = "right_date", text: str = QUESTION) -> None:
    """A judge's definition in the data directory."""
    folder = tmp_path / "data" / "judges"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text, "utf-8")


def outerloop(tmp_path: Path, *arguments: str, **environment: str) -> Result:
    """`outerloop eval …`, in this process: starting one takes longer than judging."""
    told = {"OUTERLOOP_DATA_DIR": str(tmp_path / "data"), **environment}
    told.setdefault("OUTERLOOP_STORE_URL", f"http://127.0.0.1:{free_port()}/none")
    done = CliRunner().invoke(cli, ["eval", *arguments], env=told)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def process(
    tmp_path: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    told = {"OUTERLOOP_DATA_DIR": str(tmp_path / "data"), **environment}
    return subprocess.run(
        [sys.executable, "-m", "monitor.cli", "eval", *arguments],
        env={**os.environ, **told}, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip


def answered(done: Result) -> dict[str, Any]:
    """The one JSON document on stdout."""
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def judged_by(server: JudgeServer, **more: str) -> dict[str, str]:
    """The environment that points at the endpoint."""
    return {"OUTERLOOP_JUDGE_BASE_URL": server.base_url, "OUTERLOOP_JUDGE_API_KEY": "k", **more}


def test_checks_are_a_gate(tmp_path: Path, cases: Path) -> None:
    """Nine of ten are JSON: 0.85 passes with 0, 0.95 fails with 1 and says why; failures come first."""
    passed = process(
        tmp_path, "cases.jsonl", "--judge", "json_valid", "--gate", "json_valid>=0.85", "--no-store"
    )
    assert passed.returncode == 0, passed.stderr
    assert "90.0 % (82.6 to 94.5)" in passed.stdout
    assert passed.stdout.index("c90") < passed.stdout.index("c1 ")
    failed = outerloop(tmp_path, "cases.jsonl", "--judge", "json_valid", "--fail-under", "0.95")
    assert failed.exit_code == 1
    assert "its mean 0.900 is under 0.95 (n = 100)" in failed.stdout


def test_rows_reach_the_store_and_a_file(tmp_path: Path, cases: Path, store: Store) -> None:
    """One row per sample and judge, in both places, with what a person needs to look at it."""
    done = outerloop(
        tmp_path, "cases.jsonl", "--judge", "json_valid", "--judge", "length:1-5", "--json",
        "--candidate", "v2", OUTERLOOP_STORE_URL=store.url,
    )  # fmt: skip
    document = answered(done)
    run = document["run"]
    rows = store.read("evaluation_run", EvaluationRow, run_id=run)
    assert len(rows) == 200 == len(document["rows"])
    [one] = [row for row in rows if row.sample_id == "c10" and row.judge == "json_valid"]
    assert (one.status, one.value, one.label, one.candidate) == ("ok", 0.0, "invalid", "v2")
    assert one.output == "{"
    lines = (tmp_path / "data" / "evals" / f"{run}.jsonl").read_text().splitlines()
    assert len(lines) == 200
    assert not list((tmp_path / "data" / "evals").glob("*.waiting"))


def test_a_run_without_a_store_is_brought_along_later(
    tmp_path: Path, cases: Path, store: Store
) -> None:
    """Results are not lost: the run is kept, one line says so, and the next run takes it to the store."""
    alone = outerloop(tmp_path, "cases.jsonl", "--judge", "json_valid", "--limit", "10")
    assert alone.exit_code == 0
    assert "no store answers; the run is kept in" in alone.stderr
    outerloop(
        tmp_path, "cases.jsonl", "--judge", "json_valid", "--limit", "20",
        OUTERLOOP_STORE_URL=store.url,
    )  # fmt: skip
    counts = store.client.query(
        "SELECT count() FROM evaluations GROUP BY run_id ORDER BY 1"
    ).result_rows
    assert [row[0] for row in counts] == [10, 20]


def test_two_versions_are_judged_and_compared(tmp_path: Path, cases: Path) -> None:
    """A significantly worse version exits 1 and names what got worse; the other way round it passes."""
    write(tmp_path / "old.jsonl", lambda n: "{" if n % 3 == 0 else "{}")
    better = outerloop(tmp_path, "cases.jsonl", "--judge", "json_valid", "--baseline", "old.jsonl")
    assert better.exit_code == 0, better.stderr
    assert "better" in better.stdout
    worse = outerloop(
        tmp_path, "old.jsonl", "--judge", "json_valid", "--baseline", "cases.jsonl", "--json"
    )
    assert worse.exit_code == 1
    document = answered(worse)
    [compared] = document["comparisons"]
    assert compared["verdict"] == "worse"
    assert compared["test"] == "exact McNemar"
    assert len(compared["worse"]) == 30
    assert document["problems"][0].startswith("json_valid: worse than the baseline by 0.240")


def test_an_earlier_run_is_a_baseline(tmp_path: Path, cases: Path) -> None:
    """By its id; a version of the judge that has changed since is refused before anything is judged."""
    first = answered(outerloop(tmp_path, "cases.jsonl", "--judge", "json_valid", "--json"))
    write(tmp_path / "new.jsonl", lambda _: "{}")
    arguments = ("new.jsonl", "--judge", "json_valid", "--baseline", first["run"], "--json")
    assert answered(outerloop(tmp_path, *arguments))["comparisons"][0]["verdict"] == "better"
    kept = tmp_path / "data" / "evals" / f"{first['run']}.jsonl"
    told = kept.read_text().replace(first["judges"][0]["version"], "another")
    kept.write_text(told)
    changed = outerloop(tmp_path, *arguments)
    assert changed.exit_code == 2
    assert "verdicts of two versions do not compare" in changed.stderr


def test_a_model_judges_and_nothing_is_paid_twice(
    tmp_path: Path, cases: Path, server: JudgeServer
) -> None:
    """Every sample has a verdict; the second run takes all of them from the cache."""
    define(tmp_path)
    arguments = ("cases.jsonl", "--judge", "right_date", "--limit", "30", "--json")
    first = answered(outerloop(tmp_path, *arguments, **judged_by(server)))
    billed = server.account.billed
    assert first["judges"][0]["n"] + first["judges"][0]["not_applicable"] == 30
    assert billed >= 30
    again = answered(outerloop(tmp_path, *arguments, **judged_by(server)))
    assert server.account.billed == billed
    assert again["cache_hits"] == 30
    assert again["judges"][0]["value"] == first["judges"][0]["value"]


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path, cases: Path, server: JudgeServer) -> None:
    """A deadline stops it with a uniform part; `--resume` asks only about the rest."""
    define(tmp_path)
    server.latency_s = 0.25
    arguments = ("cases.jsonl", "--judge", "right_date", "--concurrency", "8", "--json")
    first = answered(outerloop(tmp_path, *arguments, "--deadline", "1.2", **judged_by(server)))
    assert first["stopped"] == "deadline"
    assert 0 < len(first["rows"]) < 100
    assert first["unjudged"] == 100 - len(first["rows"])
    server.latency_s = 0.0
    before = server.account.billed
    rest = answered(outerloop(tmp_path, *arguments, "--resume", first["run"], **judged_by(server)))
    assert len(rest["rows"]) == 100
    assert server.account.billed - before <= first["unjudged"] + 10


def test_failures_are_no_numbers(tmp_path: Path, cases: Path, server: JudgeServer) -> None:
    """An endpoint that refuses every request leaves failures with bounds, and the run does not pass."""
    define(tmp_path)
    server.fault = lambda _number, _body: "refusal"
    done = outerloop(
        tmp_path, "cases.jsonl", "--judge", "right_date", "--limit", "5", "--json",
        **judged_by(server),
    )  # fmt: skip
    document = answered(done)
    assert done.exit_code == 1
    assert document["judges"][0]["n"] == 0
    assert document["judges"][0]["value"] is None
    assert document["judges"][0]["failures"] == {"refused": 5}
    assert document["problems"] == ["right_date: nothing could be judged (5 refused)"]


def test_a_text_that_utf8_cannot_write_loses_no_run(tmp_path: Path, store: Store) -> None:
    """Half a surrogate pair and a NUL, which JSON allows, reach file and store as something readable."""
    (tmp_path / "odd.jsonl").write_text(
        '{"id": "\\ud800", "input": "\\ud800\\u0000", "output": "{\\ud83d"}\n'
    )
    done = outerloop(tmp_path, "odd.jsonl", "--judge", "json_valid", OUTERLOOP_STORE_URL=store.url)
    assert done.exit_code == 0, done.stderr
    assert store.client.query("SELECT input FROM evaluations").result_rows == [("?\x00",)]


def test_a_budget_is_never_passed(tmp_path: Path, cases: Path, server: JudgeServer) -> None:
    """The server's own account agrees to the cent; what was judged is a part, and that is said."""
    define(tmp_path, text=QUESTION.replace("judge-test", "gpt-5-mini"))
    server.models = ("gpt-5-mini",)
    arguments = ("cases.jsonl", "--judge", "right_date", "--budget", "0.02", "--json")
    done = answered(outerloop(tmp_path, *arguments, **judged_by(server)))
    assert done["stopped"] == "budget"
    assert 0 < len(done["rows"]) < 100
    assert server.account.usd <= 0.02
    assert done["cost_usd"] == pytest.approx(server.account.usd, abs=1e-9)


def test_a_gate_is_for_all_samples(tmp_path: Path, cases: Path, server: JudgeServer) -> None:
    """A run that its budget stopped says how far it came, and reaches no gate; without a gate it is no error."""
    define(tmp_path, text=QUESTION.replace("judge-test", "gpt-5-mini"))
    server.models = ("gpt-5-mini",)
    arguments = ("cases.jsonl", "--judge", "right_date", "--budget", "0.02")
    cut = outerloop(tmp_path, *arguments, "--gate", "right_date>=0", **judged_by(server))
    assert cut.exit_code == 1
    said = re.search(r"stopped by budget: (\d+) of 100 judged", cut.stdout)
    assert said is not None
    assert 0 < int(said[1]) < 100
    assert "and a gate is for all of them" in cut.stdout
    (tmp_path / "data" / "judging.sqlite").unlink()
    assert outerloop(tmp_path, *arguments, **judged_by(server)).exit_code == 0
    none = outerloop(
        tmp_path, *arguments[:3], "--budget", "0", "--gate", "right_date>=0", **judged_by(server)
    )
    assert none.exit_code == 1, none.stderr
    assert "0 of 100 judged" in none.stdout


def test_a_service_has_a_budget_of_its_own(
    tmp_path: Path, cases: Path, server: JudgeServer
) -> None:
    """It holds for samples of that service alone, over several runs, and wants a price."""
    define(tmp_path)
    told = [
        json.loads(line) | {"service": "loans"} for line in cases.read_text("utf-8").splitlines()
    ]
    cases.write_text("".join(json.dumps(one) + "\n" for one in told), "utf-8")
    arguments = ("cases.jsonl", "--judge", "right_date", "--json")
    limits = judged_by(server, OUTERLOOP_JUDGE_SERVICE_BUDGETS_USD="loans=0.02")
    refused = outerloop(tmp_path, *arguments, **limits)
    assert refused.exit_code == 2
    assert "OUTERLOOP_JUDGE_PRICES=judge-test=0.10/0.40" in refused.stderr
    limits["OUTERLOOP_JUDGE_PRICES"] = "judge-test=0.25/2"
    first = answered(outerloop(tmp_path, *arguments, **limits))
    assert first["stopped"] == "budget"
    assert 0 < len(first["rows"]) < 100
    assert 0 < first["cost_usd"] <= 0.02
    again = answered(outerloop(tmp_path, *arguments, "--limit", "90", **limits))
    assert first["cost_usd"] + again["cost_usd"] <= 0.02
    elsewhere = {**limits, "OUTERLOOP_JUDGE_SERVICE_BUDGETS_USD": "other=0.0001"}
    assert answered(outerloop(tmp_path, *arguments, "--limit", "5", **elsewhere))["stopped"] == ""


def test_where_less_is_better_a_definition_says_so(tmp_path: Path, cases: Path) -> None:
    """Its gate is a ceiling, and the run keeps the direction; in production it is refused."""
    define(tmp_path, "broken", 'kind = "regex"\nmust_match = "^.$"\ndirection = "lower"\n')
    arguments = ("cases.jsonl", "--judge", "broken", "--no-store", "--json")
    passed = outerloop(tmp_path, *arguments, "--gate", "broken<=0.1")
    assert passed.exit_code == 0, passed.stderr
    document = answered(passed)
    assert document["judges"][0]["direction"] == document["rows"][0]["direction"] == "lower"
    assert outerloop(tmp_path, *arguments, "--gate", "broken<=0.05").exit_code == 1
    wrong = outerloop(tmp_path, *arguments, "--gate", "broken>=0.1")
    assert wrong.exit_code == 2
    assert "write broken<=0.1" in wrong.stderr
    text = 'kind = "json_valid"\ndirection = "lower"\nservices = ["loans"]\n'
    define(tmp_path, "live", text)
    refused = outerloop(tmp_path, *arguments[:1], "--judge", "live")
    assert refused.exit_code == 2
    assert "turn the question round" in refused.stderr


def test_a_plan_without_the_store_is_a_plan(tmp_path: Path, cases: Path, store: Store) -> None:
    """One line says that no store answers, or that its tables fail; the rest is estimated."""
    define(tmp_path, text=QUESTION.replace("judge-test", "my-model"))
    plan = ("cases.jsonl", "--plan", "--judge", "right_date")
    prices = {"OUTERLOOP_JUDGE_PRICES": "my-model=1/4"}
    away = outerloop(tmp_path, *plan, **prices)
    store.client.command("DROP TABLE evaluations")
    broken = outerloop(tmp_path, *plan, **prices, OUTERLOOP_STORE_URL=store.url)
    for done in (away, broken):
        assert done.exit_code == 0, done.stderr
        assert "$" in done.stdout
        [line] = done.stderr.strip().splitlines()
        assert line.startswith("outerloop: planned without what the store knows")


def test_a_plan_says_what_a_sensitivity_costs(
    tmp_path: Path, cases: Path, server: JudgeServer, store: Store
) -> None:
    """Before any verdict from the sample texts, afterwards from what they cost."""
    define(tmp_path, text=QUESTION.replace("judge-test", "gpt-5-mini"))
    server.models = ("gpt-5-mini",)
    plan = ("cases.jsonl", "--plan", "--judge", "right_date", "--json")
    environment = judged_by(
        server, OUTERLOOP_STORE_URL=store.url, OUTERLOOP_JUDGE_DAILY_BUDGET_USD="0.05"
    )
    [before] = answered(outerloop(tmp_path, *plan, **environment))
    needed = judgements_needed(0.03, 0.05)
    assert (before["price_from"], before["verdicts"]) == ("estimate", needed)
    outerloop(tmp_path, "cases.jsonl", "--judge", "right_date", "--limit", "5", **environment)
    [after] = answered(outerloop(tmp_path, *plan, **environment))
    assert after["price_from"] == "verdicts"
    assert after["usd"] == pytest.approx(needed * after["usd_per_verdict"])
    assert after["usd_per_verdict"] == pytest.approx(server.account.usd / 5)
    assert after["affordable"] == int(0.05 / after["usd_per_verdict"])
    assert after["smallest"] > 0.02
    said = outerloop(tmp_path, *plan[:-1], **environment)
    assert "to see 3 % become 5 % within a day" in said.stdout
    assert f"{needed} judgements" in said.stdout


def test_a_dataset_of_the_store_brings_its_labels(tmp_path: Path, store: Store) -> None:
    """The reserved split of a version is evaluated with its labels as the expected answers."""
    now = datetime(2024, 1, 2, tzinfo=UTC)
    store.append("datasets", [
        DatasetRow(now, "ds-0123456789ab", "loans", split, f"t{n}", "s", now - timedelta(hours=n),
            json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"call {n}"}]}]),
            '{"n": 1}', '{"n": 1}' if n < 3 else '{"n": 2}', "human:ann", "random")
        for n, split in enumerate(["reserved"] * 5 + ["train"] * 2)
    ])  # fmt: skip
    done = outerloop(
        tmp_path,
        "ds-0123456789ab",
        "--judge",
        "match:exact",
        "--json",
        OUTERLOOP_STORE_URL=store.url,
    )
    document = answered(done)
    assert document["dataset"]["samples"] == 5
    [row] = [one for one in document["rows"] if one["sample_id"] == "t0:s"]
    assert row["input"] == "call 0"
    assert row["trace_id"] == "t0"
    none = outerloop(tmp_path, "ds-nothing", "--judge", "json_valid", OUTERLOOP_STORE_URL=store.url)
    assert none.exit_code == 2
    assert "there is no dataset version 'ds-nothing'" in none.stderr


def test_production_calls_are_a_dataset(tmp_path: Path, store: Store) -> None:
    """A service's successful calls of a stretch, with the best label known; a limit draws the same ones again."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    store.append("calls", [
        CallRow(first + timedelta(minutes=n), f"t{n}", "s", "loans", release="r1",
            input_messages=json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"call {n}"}]}]),
            output_messages=json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "{}"}]}]))
        for n in range(40)
    ])  # fmt: skip
    label = score("t3", expected='{"n": 3}')
    store.append("scores", [label])
    named = "loans@2024-01-01..2024-01-02"
    environment = {"OUTERLOOP_STORE_URL": store.url}
    whole = answered(outerloop(tmp_path, named, "--judge", "json_valid", "--json", **environment))
    assert whole["dataset"]["samples"] == 40
    [labelled] = [row for row in whole["rows"] if row["trace_id"] == "t3"]
    assert (labelled["expected"], labelled["input"]) == ('{"n": 3}', "call 3")
    assert labelled["candidate"] == "r1"
    few = [
        answered(outerloop(tmp_path, named, "--judge", "json_valid", "--limit", "5", "--json", **environment))
        for _ in range(2)
    ]  # fmt: skip
    drawn = [[row["sample_id"] for row in one["rows"]] for one in few]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 5
    none = outerloop(
        tmp_path, "loans@2020-01-01..2020-01-02", "--judge", "json_valid", **environment
    )
    assert none.exit_code == 2
    assert "has no successful call" in none.stderr


def score(trace_id: str, *, expected: str) -> ScoreRow:
    """What a person said of a call."""
    at = datetime(2024, 1, 1, 5, tzinfo=UTC)
    return ScoreRow(
        at, f"human:{trace_id}", "call", trace_id, "s", "", "loans", "right", "human", 0.0, "", "",
        expected, "ann", at,
    )  # fmt: skip


WRONG: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "no such file": (("none.jsonl", "--judge", "json_valid"), {}, "there is no file none.jsonl"),
    "no judge": (("cases.jsonl",), {}, "--judge NAME"),
    "no such judge": (("cases.jsonl", "--judge", "nonsense"), {}, "no such judge"),
    "no expected": (
        ("bare.jsonl", "--judge", "match:exact"),
        {},
        "reads `expected`, which no sample",
    ),
    "no endpoint": (("cases.jsonl", "--judge", "right_date"), {}, "OUTERLOOP_JUDGE_BASE_URL"),
    "wrong base URL": (
        ("cases.jsonl", "--judge", "right_date"),
        {"OUTERLOOP_JUDGE_BASE_URL": "http://127.0.0.1:9/v1"},
        "nothing answers at http://127.0.0.1:9/v1",
    ),
    "no schema": (
        ("cases.jsonl", "--judge", "json_schema:wrong.json"),
        {},
        "this is no JSON Schema",
    ),
    "gate": (("cases.jsonl", "--judge", "json_valid", "--gate", "x"), {}, "write NAME>=0.9"),
    "twice": (
        ("cases.jsonl", *("--judge", "json_valid") * 2),
        {},
        "two judges are called 'json_valid'",
    ),
    "no run": (
        ("cases.jsonl", "--judge", "json_valid", "--baseline", "ev-none"),
        {},
        "no run 'ev-none'",
    ),
    "model not named": (
        ("cases.jsonl", "--judge", "question:Is it right?"),
        {},
        "OUTERLOOP_JUDGE_MODELS",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_line_and_exit_2(tmp_path: Path, cases: Path, case: str) -> None:
    """It says what to do, and nothing has been judged."""
    define(tmp_path)
    (tmp_path / "bare.jsonl").write_text('{"input": "i", "output": "o"}\n')
    (tmp_path / "wrong.json").write_text('{"type": "nothing"}')
    arguments, environment, said = WRONG[case]
    done = outerloop(tmp_path, *arguments, **environment)
    lines = [line for line in done.stderr.splitlines() if line.startswith("outerloop: ")]
    assert done.exit_code == 2, done.stderr
    assert len(lines) == 1 == len(done.stderr.strip().splitlines()), done.stderr
    assert said in lines[0]
    assert not list((tmp_path / "data").glob("evals/*"))


@pytest.mark.parametrize(
    ("setting", "value", "model", "said"),
    [
        ("models", ("other",), "judge-test", "has no model 'judge-test'"),
        ("api_key", "secret", "judge-test", "OUTERLOOP_JUDGE_API_KEY"),
        ("", "", "nobody-knows-its-price", "the price of nobody-knows-its-price is not known"),
    ],
)
def test_an_endpoint_that_cannot_be_used_costs_nothing(
    tmp_path: Path,
    cases: Path,
    server: JudgeServer,
    setting: str,
    value: Any,
    model: str,
    said: str,
) -> None:
    """Unknown model, refused key, unknown price under a budget: one line, and no request was billed."""
    define(tmp_path, text=QUESTION.replace("judge-test", model))
    server.models = (model,)
    if setting:
        setattr(server, setting, value)
    done = outerloop(
        tmp_path, "cases.jsonl", "--judge", "right_date", "--budget", "1", **judged_by(server)
    )
    assert done.exit_code == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert server.account.billed == 0
