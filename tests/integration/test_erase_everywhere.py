"""`outerloop erase`: the subject is gone from every table, text, file and log; everybody else is still there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from conftest import free_port, start, stop
from erasure_seed import NOW, counts, log_file, log_record, seed, spans, trace_id

from judges.running.journal import Journal
from monitor.erasure import Erasure, Subject, erase
from monitor.erasure.judging import JournalHeldError
from monitor.evaluation.bench import JOURNAL
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation whose collector does not run."""
    return load_settings(
        store_url=store_url, data_dir=tmp_path / "data", otlp_http_port=free_port()
    )


@pytest.fixture
def seeded(store: Store, settings: Settings) -> Store:
    """The store with both users' rows."""
    seed(store, settings.data_dir)
    return store


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is left of `ann`, and what was told."""

    store: Store
    settings: Settings
    planned: Erasure
    calls_after_plan: dict[str, int]
    receipts_after_plan: int
    trained_before: str
    done: Erasure


@pytest.fixture(scope="module")
def ann(module_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Afterwards:
    """The store after a dry run and then the erasure of `ann`, for all tests that only look."""
    settings = load_settings(
        store_url=module_store.url,
        data_dir=tmp_path_factory.mktemp("data"),
        otlp_http_port=free_port(),
    )
    seed(module_store, settings.data_dir)
    trained = (settings.data_dir / "datasets/ds-aa/train.jsonl").read_text("utf-8")
    subject = Subject("user", "ann")
    planned = erase(module_store, settings, subject, now=NOW, dry_run=True)
    calls = counts(module_store, "calls")
    receipts = module_store.client.query("SELECT count() FROM erasures").result_rows[0][0]
    done = erase(module_store, settings, subject, now=NOW)
    return Afterwards(module_store, settings, planned, calls, receipts, trained, done)


def test_a_user_goes_from_every_table_and_others_stay(ann: Afterwards) -> None:
    """Calls, raw rows, records without a trace, scores and dataset rows of the user are gone, and only those."""
    assert ann.done.receipt.complete
    assert ann.done.left == {}
    assert counts(ann.store, "calls") == {"3": 1, "4": 1}
    assert counts(ann.store, "otel_traces", "TraceId") == {"3": 1, "4": 1}
    named = ann.store.client.query("SELECT LogAttributes['enduser.id'] FROM otel_logs")
    assert named.result_rows == [("bob",)]
    assert counts(ann.store, "scores") == {"3": 1}
    assert counts(ann.store, "datasets") == {"3": 1}
    assert ann.done.receipt.rows["calls"] == 3
    assert ann.done.receipt.rows["scores"] == 2


def test_a_shared_trace_keeps_the_spans_of_others(ann: Afterwards) -> None:
    """Of a trace in which another user is too, only the erased user's spans go."""
    left = ann.store.client.query(
        "SELECT span_id FROM calls WHERE trace_id = {t:String}", parameters={"t": trace_id(4)}
    )
    assert left.result_rows == [("b" * 16,)]
    assert ann.done.shared_traces == 1


def test_examples_go_from_incidents_and_checks_and_their_figures_stay(ann: Afterwards) -> None:
    """A text that names an erased call is written anew: the example is gone, the rest of it is there."""
    [(details,)] = ann.store.client.query("SELECT details FROM incidents").result_rows
    kept = json.loads(details)
    assert kept["rate"] == 0.05
    assert [one["trace_id"] for one in kept["examples"]] == [trace_id(3)]
    [(evidence,)] = ann.store.client.query("SELECT evidence FROM checks").result_rows
    assert json.loads(evidence) == {"n": 10, "calls": [trace_id(3)]}


def test_exports_of_a_version_that_trained_on_the_user_go(ann: Afterwards) -> None:
    """Its files are not what was asked for any more; the receipt names each, and so did the dry run."""
    assert "q 1" in ann.trained_before
    assert not (ann.settings.data_dir / "datasets" / "ds-aa").exists()
    files = {"datasets/ds-aa/train.jsonl", "datasets/ds-aa/manifest.json"}
    assert files <= set(ann.done.receipt.files)
    assert files <= set(ann.planned.receipt.files)


def test_the_receipt_names_releases_trained_on_the_user_and_those_made_of_them(
    ann: Afterwards,
) -> None:
    """Training rows taint a release and its descendants; a reserved row taints none."""
    assert sorted(ann.done.receipt.datasets) == ["ds-aa", "ds-bb"]
    assert ann.done.receipt.releases == ["cand-1", "cand-2"]


def test_text_of_others_that_names_the_id_is_reported(ann: Afterwards) -> None:
    """Another user's row is not deleted because it mentions the id; it is told where."""
    assert ann.done.receipt.mentions["otel_traces.SpanAttributes"] == 1


def test_a_dry_run_changes_nothing_and_counts_the_same(ann: Afterwards) -> None:
    """What it says would go is what then goes."""
    assert ann.calls_after_plan == {"1": 1, "2": 1, "3": 1, "4": 2}
    assert ann.receipts_after_plan == 0
    gone = {name: n for name, n in ann.done.receipt.rows.items() if "rewritten" not in name}
    assert ann.planned.receipt.rows == gone


def test_what_judges_keep_about_the_user_goes(ann: Afterwards) -> None:
    """Draws, anchors with their verdicts and evaluations go, an anchor too whose call is long gone."""
    for table in ("draws", "anchors", "anchor_verdicts"):
        assert counts(ann.store, table) == {"3": 1}, table
    assert counts(ann.store, "evaluations", "sample_id") == {
        f"{trace_id(3)}:{3:016x}".lstrip("0"): 1
    }
    assert ann.done.receipt.rows["anchors"] == ann.done.receipt.rows["anchor_verdicts"] == 2
    assert ann.done.receipt.rows["draws"] == 1
    assert ann.done.receipt.rows["evaluations"] == 2


def test_files_of_evaluations_lose_the_users_lines(ann: Afterwards) -> None:
    """A run of both keeps the other's line; one of her alone goes whole; the receipt names both."""
    folder = ann.settings.data_dir / "evals"
    [line] = (folder / "ev-both.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["trace_id"] == trace_id(3)
    assert not (folder / "ev-one.jsonl").exists()
    files = {"evals/ev-both.jsonl", "evals/ev-one.jsonl"}
    assert files <= set(ann.done.receipt.files)
    assert files <= set(ann.planned.receipt.files)


def test_the_judging_journal_forgets_the_user(ann: Afterwards) -> None:
    """Verdicts on her samples and all cached replies are gone, the other user's verdict stays; the receipt counts."""
    with Journal(ann.settings.data_dir / JOURNAL) as journal:
        assert [asked.key for asked in journal.verdicts("run")] == [f"{trace_id(3)}:{3:016x}"]
        assert journal.get("reply") is None
    assert ann.done.receipt.rows["judging journal"] == 4
    assert ann.planned.receipt.rows["judging journal"] == 4
    data = b"".join(one.read_bytes() for one in ann.settings.data_dir.glob(f"{JOURNAL}*"))
    assert trace_id(1).encode() not in data


def test_a_journal_that_cannot_be_written_stops_the_erasure(
    seeded: Store, settings: Settings
) -> None:
    """It says so before any row goes, and a second try goes on."""
    path = settings.data_dir / JOURNAL
    kept = path.read_bytes()
    for one in settings.data_dir.glob(f"{JOURNAL}*"):
        one.unlink()
    path.write_text("this is no journal at all, and SQLite says so" * 30, "utf-8")
    before = counts(seeded, "calls")
    with pytest.raises(JournalHeldError, match="No row has been erased"):
        erase(seeded, settings, Subject("user", "ann"), now=NOW)
    assert counts(seeded, "calls") == before
    path.write_bytes(kept)
    assert erase(seeded, settings, Subject("user", "ann"), now=NOW).receipt.complete


def test_the_receipt_proves_without_holding_the_id(ann: Afterwards) -> None:
    """Nothing of the erasure's own tables holds the id, and asking again finds the receipt."""
    stored = str(ann.store.client.query("SELECT * FROM erasures").result_rows)
    assert "ann" not in stored.replace("channel", "")
    assert ann.store.client.query("SELECT count() FROM erasing").result_rows == [(0,)]
    again = erase(ann.store, ann.settings, Subject("user", "ann"), now=NOW)
    assert again.receipt.rows == {}
    assert again.receipt.complete
    assert again.earlier[0].rows["calls"] == 3


def test_a_session_and_a_trace_go_alone(seeded: Store, settings: Settings) -> None:
    """Erasing a session leaves the user's other traces; erasing a trace leaves its session's others."""
    erase(seeded, settings, Subject("trace", trace_id(2)), now=NOW)
    assert counts(seeded, "calls") == {"1": 1, "3": 1, "4": 2}
    erase(seeded, settings, Subject("session", "s-ann"), now=NOW)
    assert counts(seeded, "calls") == {"3": 1, "4": 2}


def test_an_id_with_quotes_is_only_an_id(seeded: Store, settings: Settings) -> None:
    """An id that looks like SQL or a pattern erases nothing of others."""
    done = erase(seeded, settings, Subject("user", "' OR 1=1 -- .*\\"), now=NOW)
    assert done.receipt.rows == {}
    assert counts(seeded, "calls") == {"1": 1, "2": 1, "3": 1, "4": 2}


def test_the_log_of_a_dead_collector_is_written_anew(
    store: Store, store_url: str, settings: Settings
) -> None:
    """The user's spans and records never reach the store; the others do, once a collector starts."""
    folder = settings.data_dir / "wal"
    old = log_file(
        folder,
        ("traces", spans(1, **{"user.id": "ann"})),
        ("traces", spans(3, **{"user.id": "bob"})),
        ("logs", log_record(1, note="of her trace")),
        ("logs", log_record(3)),
    )
    done = erase(store, settings, Subject("user", "ann"), now=NOW)
    assert done.receipt.rows == {"log": 2}
    assert not old.exists()
    assert b"ann" not in b"".join(path.read_bytes() for path in folder.glob("*.wal"))
    port = settings.otlp_http_port
    process = start(
        "collector", ready=f"http://127.0.0.1:{port}/readyz", OUTERLOOP_DATA_DIR=str(settings.data_dir),
        OUTERLOOP_STORE_URL=store_url, OUTERLOOP_OTLP_HTTP_PORT=str(port),
        OUTERLOOP_OTLP_GRPC_PORT=str(free_port()), OUTERLOOP_RETENTION_DAYS="0",
    )  # fmt: skip
    assert stop(process) == 0
    assert counts(store, "calls") == {"3": 1}
    assert counts(store, "otel_logs", "TraceId") == {"3": 1}
    ledger = store.client.query("SELECT entry, sum(count) FROM ledger GROUP BY entry").result_rows
    accepted = dict(ledger)
    assert accepted["accepted"] == accepted["stored"] == 2


def test_what_a_running_collector_holds_is_waited_for(
    store: Store, store_url: str, settings: Settings
) -> None:
    """Spans that were acknowledged a moment before the request are in the store and then erased."""
    base = f"http://127.0.0.1:{settings.otlp_http_port}"
    process = start(
        "collector", ready=f"{base}/readyz", OUTERLOOP_DATA_DIR=str(settings.data_dir),
        OUTERLOOP_STORE_URL=store_url, OUTERLOOP_OTLP_HTTP_PORT=str(settings.otlp_http_port),
        OUTERLOOP_OTLP_GRPC_PORT=str(free_port()), OUTERLOOP_RETENTION_DAYS="0",
    )  # fmt: skip
    try:
        for number, user in ((1, "ann"), (3, "bob"), (5, "ann")):
            body = spans(number, **{"user.id": user}).SerializeToString()
            headers = {"Content-Type": "application/x-protobuf"}
            httpx.post(f"{base}/v1/traces", content=body, headers=headers).raise_for_status()
        done = erase(store, settings, Subject("user", "ann"), now=NOW)
    finally:
        assert stop(process) == 0
    assert done.receipt.log.startswith("passed")
    assert done.receipt.rows["calls"] == 2
    assert counts(store, "calls") == {"3": 1}


def test_refused_rows_are_cleaned(store: Store, settings: Settings) -> None:
    """A line put aside that names the user goes, its neighbour stays; a torn record that names her goes whole."""
    folder = settings.data_dir / "wal" / "refused"
    folder.mkdir(parents=True)
    lines = [
        {"row": {"SpanAttributes": {"user.id": "ann"}}},
        {"row": {"SpanAttributes": {"user.id": "annette"}}},
    ]
    (folder / "1-a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "1-b.torn").write_bytes(b"\x0a\x03ann\x00")
    done = erase(store, settings, Subject("user", "ann"), now=NOW)
    assert (folder / "1-a.jsonl").read_text("utf-8") == json.dumps(lines[1]) + "\n"
    assert not (folder / "1-b.torn").exists()
    assert sorted(done.receipt.files) == ["wal/refused/1-a.jsonl", "wal/refused/1-b.torn"]


def test_the_command_prints_one_document_and_uses_the_exit_codes(
    seeded: Store, settings: Settings, store_url: str
) -> None:
    """`--json` is the receipt; no id, two ids or an empty one are wrong use."""
    environment = {
        **os.environ, "OUTERLOOP_STORE_URL": store_url, "OUTERLOOP_DATA_DIR": str(settings.data_dir),
        "OUTERLOOP_OTLP_HTTP_PORT": str(settings.otlp_http_port),
    }  # fmt: skip

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "monitor.cli", "erase", *arguments],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = run("--user", "ann", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["receipt"]["releases"] == ["cand-1", "cand-2"]
    for wrong in ((), ("--user", "a", "--trace", "b"), ("--user", " ")):
        answer = run(*wrong)
        assert answer.returncode == 2
        assert len(answer.stderr.strip().splitlines()) == 1
