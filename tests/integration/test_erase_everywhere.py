"""`outerloop erase`: the subject is gone from every table, text, file and log; everybody else is still there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import free_port, start, stop
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.segment import MAGIC, Note, Record, frame
from monitor.erasure import Subject, erase
from monitor.records import CheckRow, DatasetRow, IncidentEvent, RetrainEvent, ScoreRow
from monitor.retrain.export import export_dataset
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)
AT_NS = 1_705_320_000_000_000_000


def trace_id(number: int) -> str:
    """A trace id of the wire's length."""
    return f"{number:032x}"


def spans(number: int, **attributes: str) -> ExportTraceServiceRequest:
    """One chat span of a trace, with attributes."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bank"
    span = group.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(trace_id(number)),
        span_id=number.to_bytes(8, "big"),
        name="chat m",
        start_time_unix_nano=AT_NS + number,
        end_time_unix_nano=AT_NS + number + 5_000_000,
    )
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": json.dumps(
            [{"role": "user", "parts": [{"type": "text", "content": f"question {number}"}]}]
        ),
    }
    for key, value in (common | attributes).items():
        span.attributes.add(key=key).value.string_value = value
    return request


def raw(store: Store, number: int, **attributes: str) -> None:
    """The span's row as the exporter writes it."""
    values = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **attributes}
    store.client.insert(
        "otel_traces",
        [[NOW, trace_id(number), f"{number:016x}", "bank", "chat m", values, 5_000_000]],
        column_names=[
            "Timestamp", "TraceId", "SpanId", "ServiceName", "SpanName", "SpanAttributes", "Duration",
        ],
    )  # fmt: skip


def score(number: int, *, target: str = "call", session: str = "") -> ScoreRow:
    """A verdict on a call, or on a session."""
    trace = trace_id(number) if target == "call" else ""
    span = f"{number:016x}" if target == "call" else ""
    return ScoreRow(
        NOW, f"s{number}{target}", target, trace, span, session, "bank", "thumbs", "user",
        0.0, "", "", "", "app", NOW,
    )  # fmt: skip


def member(number: int, split: str, *, version: str = "ds-aa", label: str = "right") -> DatasetRow:
    """A call in a dataset version."""
    return DatasetRow(
        NOW, version, "bank", split, trace_id(number), f"{number:016x}", NOW,
        json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"q {number}"}]}]),
        "answer", label, "human:a", "random",
    )  # fmt: skip


def event(*numbers: int) -> IncidentEvent:
    """An incident that shows these calls as examples."""
    examples = [
        {"trace_id": trace_id(n), "span_id": f"{n:016x}", "timestamp": NOW.isoformat(),
         "value": f"secret {n}", "why": "wrong year"}
        for n in numbers
    ]  # fmt: skip
    details = json.dumps({"summary": "five percent", "rate": 0.05, "examples": examples})
    return IncidentEvent(
        NOW, "inc-1", "opened", "job", "job", "", "bank", "wrong year", "page", "calendar",
        "due_date", "d", "s", NOW, details,
    )  # fmt: skip


def retrain(identity: str, base: str, candidate: str, version: str) -> RetrainEvent:
    """A retrain that has a candidate."""
    return RetrainEvent(
        NOW,
        identity,
        "finished",
        "job",
        "http",
        "",
        "inc-1",
        "bank",
        base,
        candidate,
        version,
        "{}",
    )


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation whose collector does not run."""
    return load_settings(
        store_url=store_url, data_dir=tmp_path / "data", otlp_http_port=free_port()
    )


@pytest.fixture
def seeded(store: Store, settings: Settings) -> Store:
    """Two users: `ann` with traces 1 and 2 in session `s-ann`, `bob` with 3; trace 4 is shared by both."""
    raw(store, 1, **{"user.id": "ann", "session.id": "s-ann"})
    raw(store, 2, **{"session.id": "s-ann"})
    raw(store, 3, **{"user.id": "bob", "session.id": "s-bob", "note": "asked by ann yesterday"})
    raw(store, 4, **{"user.id": "ann"})
    other = {"user.id": "bob", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    store.client.insert(
        "otel_traces",
        [[NOW, trace_id(4), "b" * 16, "bank", "chat m", other, 5]],
        column_names=["Timestamp", "TraceId", "SpanId", "ServiceName", "SpanName", "SpanAttributes", "Duration"],
    )  # fmt: skip
    store.client.insert(
        "otel_logs",
        [
            [NOW, trace_id(1), "", "bank", {}],
            [NOW, "", "", "bank", {"enduser.id": "ann"}],
            [NOW, "", "", "bank", {"enduser.id": "bob"}],
        ],
        column_names=["Timestamp", "TraceId", "SpanId", "ServiceName", "LogAttributes"],
    )  # fmt: skip
    store.append("scores", [score(1), score(3), score(0, target="session", session="s-ann")])
    store.append("datasets", [member(1, "train"), member(3, "train"), member(2, "reserved")])
    store.append("datasets", [member(2, "reserved", version="ds-bb")])
    store.append("incidents", [event(1, 3)])
    evidence = json.dumps({"worst": trace_id(2), "n": 10, "calls": [trace_id(2), trace_id(3)]})
    store.append(
        "checks",
        [CheckRow(NOW, "c1", "d", 1, "s", "bank", "r", "f", NOW, NOW, "drift", 1, 10, 0.1, 0, 1, 0.01, 100,
                  30, 20, "{}", evidence)],
    )  # fmt: skip
    store.append(
        "retrains",
        [retrain("rt-1", "base", "cand-1", "ds-aa"), retrain("rt-2", "cand-1", "cand-2", "ds-zz"),
         retrain("rt-3", "base", "clean", "ds-bb")],
    )  # fmt: skip
    export_dataset(store, "ds-aa", settings.data_dir)
    return store


def counts(store: Store, table: str, column: str = "trace_id") -> dict[str, int]:
    """Rows by trace."""
    rows = store.client.query(
        "SELECT {c:Identifier}, count() FROM {t:Identifier} GROUP BY 1",
        parameters={"c": column, "t": table},
    ).result_rows
    return {str(key).lstrip("0"): int(n) for key, n in rows}


def test_a_user_goes_from_every_table_and_others_stay(seeded: Store, settings: Settings) -> None:
    """Calls, raw rows, records without a trace, scores and dataset rows of the user are gone, and only those."""
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    assert done.receipt.complete
    assert done.left == {}
    assert counts(seeded, "calls") == {"3": 1, "4": 1}
    assert counts(seeded, "otel_traces", "TraceId") == {"3": 1, "4": 1}
    assert seeded.client.query("SELECT LogAttributes['enduser.id'] FROM otel_logs").result_rows == [
        ("bob",)
    ]
    assert counts(seeded, "scores") == {"3": 1}
    assert counts(seeded, "datasets") == {"3": 1}
    assert done.receipt.rows["calls"] == 3
    assert done.receipt.rows["scores"] == 2


def test_a_shared_trace_keeps_the_spans_of_others(seeded: Store, settings: Settings) -> None:
    """Of a trace in which another user is too, only the erased user's spans go."""
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    left = seeded.client.query(
        "SELECT span_id FROM calls WHERE trace_id = {t:String}", parameters={"t": trace_id(4)}
    )
    assert left.result_rows == [("b" * 16,)]
    assert done.shared_traces == 1


def test_examples_go_from_incidents_and_checks_and_their_figures_stay(
    seeded: Store, settings: Settings
) -> None:
    """A text that names an erased call is written anew: the example is gone, the rest of it is there."""
    erase(seeded, settings, Subject("user", "ann"), now=NOW)
    [(details,)] = seeded.client.query("SELECT details FROM incidents").result_rows
    kept = json.loads(details)
    assert kept["rate"] == 0.05
    assert [one["trace_id"] for one in kept["examples"]] == [trace_id(3)]
    [(evidence,)] = seeded.client.query("SELECT evidence FROM checks").result_rows
    assert json.loads(evidence) == {"n": 10, "calls": [trace_id(3)]}


def test_exports_are_written_anew_without_the_user(seeded: Store, settings: Settings) -> None:
    """The training file holds the others' rows, and its manifest's checksum follows."""
    folder = settings.data_dir / "datasets" / "ds-aa"
    before = (folder / "train.jsonl").read_text("utf-8")
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    after = (folder / "train.jsonl").read_text("utf-8")
    assert "q 1" in before
    assert "q 1" not in after
    assert "q 3" in after
    assert "datasets/ds-aa/train.jsonl" in done.receipt.files
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["files"][0]["rows"] == 1


def test_the_receipt_names_releases_trained_on_the_user_and_those_made_of_them(
    seeded: Store, settings: Settings
) -> None:
    """Training rows taint a release and its descendants; a reserved row taints none."""
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    assert sorted(done.receipt.datasets) == ["ds-aa", "ds-bb"]
    assert done.receipt.releases == ["cand-1", "cand-2"]


def test_the_receipt_proves_without_holding_the_id(seeded: Store, settings: Settings) -> None:
    """Nothing of the erasure's own tables holds the id, and asking again finds the receipt."""
    erase(seeded, settings, Subject("user", "ann"), now=NOW)
    stored = str(seeded.client.query("SELECT * FROM erasures").result_rows)
    assert "ann" not in stored.replace("channel", "")
    assert seeded.client.query("SELECT count() FROM erasing").result_rows == [(0,)]
    again = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    assert again.receipt.rows == {}
    assert again.receipt.complete
    assert again.earlier[0].rows["calls"] == 3


def test_text_of_others_that_names_the_id_is_reported(seeded: Store, settings: Settings) -> None:
    """Another user's row is not deleted because it mentions the id; it is told where."""
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    assert done.receipt.mentions["otel_traces.SpanAttributes"] == 1


def test_a_dry_run_changes_nothing_and_counts_the_same(seeded: Store, settings: Settings) -> None:
    """What it says would go is what then goes."""
    planned = erase(seeded, settings, Subject("user", "ann"), now=NOW, dry_run=True)
    assert counts(seeded, "calls") == {"1": 1, "2": 1, "3": 1, "4": 2}
    assert seeded.client.query("SELECT count() FROM erasures").result_rows == [(0,)]
    done = erase(seeded, settings, Subject("user", "ann"), now=NOW)
    gone = {name: n for name, n in done.receipt.rows.items() if "rewritten" not in name}
    assert planned.receipt.rows == gone


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


def log_file(folder: Path, *requests: tuple[str, Any], name: str = "000000000001-run") -> Path:
    """A file of the write-ahead log as a killed collector leaves it."""
    (folder / "refused").mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wal"
    made = [
        frame(Record(signal, 1, AT_NS // 1000, request.SerializeToString(), Note((("bank", "accepted", "", 1),))))
        for signal, request in requests
    ]  # fmt: skip
    path.write_bytes(MAGIC + b"".join(made))
    return path


def log_record(number: int, **attributes: str) -> ExportLogsServiceRequest:
    """One log record."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bank"
    record = group.scope_logs.add().log_records.add(
        trace_id=bytes.fromhex(trace_id(number)), time_unix_nano=AT_NS
    )
    for key, value in attributes.items():
        record.attributes.add(key=key).value.string_value = value
    return request


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
