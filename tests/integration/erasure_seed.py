"""Rows, requests and files of two users, for the tests of erasure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.segment import MAGIC, Note, Record, frame
from judges.asking.replies import StoredReply
from judges.interaction import Interaction, Judgement, Usage
from judges.running.books import Asked
from judges.running.journal import Journal
from judges.running.kept import dumps
from monitor.curation.export import export_dataset
from monitor.evaluation.bench import JOURNAL
from monitor.evaluation.keeping import keep_in_file, keep_in_store
from monitor.evaluation.rows import EvaluationRow, RunLabel, row_of
from monitor.judging.rows import AnchorRow, AnchorVerdictRow, DrawRow
from monitor.records import CheckRow, DatasetRow, IncidentEvent, RetrainEvent, ScoreRow
from monitor.store import Store

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


COLUMNS = [
    "Timestamp",
    "TraceId",
    "SpanId",
    "ServiceName",
    "SpanName",
    "SpanAttributes",
    "Duration",
]


def span_row(number: int, span_id: str = "", **attributes: str) -> list[Any]:
    """The span's row as the exporter writes it."""
    values = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **attributes}
    span_id = span_id or f"{number:016x}"
    return [NOW, trace_id(number), span_id, "bank", "chat m", values, 5_000_000]


def raw(store: Store, number: int, **attributes: str) -> None:
    """Store one span."""
    store.client.insert("otel_traces", [span_row(number, **attributes)], column_names=COLUMNS)


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


def counts(store: Store, table: str, column: str = "trace_id") -> dict[str, int]:
    """Rows by trace."""
    rows = store.client.query(
        "SELECT {c:Identifier}, count() FROM {t:Identifier} GROUP BY 1",
        parameters={"c": column, "t": table},
    ).result_rows
    return {str(key).lstrip("0"): int(n) for key, n in rows}


def seed(store: Store, data_dir: Path) -> None:
    """Two users: `ann` with traces 1 and 2 in session `s-ann`, `bob` with 3; trace 4 is shared by both."""
    rows = [
        span_row(1, **{"user.id": "ann", "session.id": "s-ann"}),
        span_row(2, **{"session.id": "s-ann"}),
        span_row(3, **{"user.id": "bob", "session.id": "s-bob", "note": "asked by ann yesterday"}),
        span_row(4, **{"user.id": "ann"}),
        span_row(4, "b" * 16, **{"user.id": "bob"}),
    ]
    store.client.insert("otel_traces", rows, column_names=COLUMNS)
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
    seed_judging(store, data_dir)
    export_dataset(store, "ds-aa", data_dir)


def seed_judging(store: Store, data_dir: Path) -> None:
    """What judges keep about both: draws, anchors and their verdicts, a run of an evaluation, the journal.

    The anchor on trace 6 is of `ann`, and nothing else of that trace is left.
    """
    store.append("draws", [draw_row(1), draw_row(3)])
    store.append("anchors", [anchor(1, "ann"), anchor(3, "bob"), anchor(6, "ann")])
    store.append("anchor_verdicts", [anchor_verdict(one) for one in (1, 3, 6)])
    rows = [evaluated(1), evaluated(2, session="s-ann", of_file=True), evaluated(3)]
    keep_in_file(data_dir, "ev-both", rows)
    keep_in_store(store, data_dir, "ev-both", rows)
    keep_in_file(data_dir, "ev-one", [evaluated(1)])
    with Journal(data_dir / JOURNAL) as journal:
        for number in (1, 3, 6):
            judged(journal, f"{trace_id(number)}:{number:016x}")
        judged(journal, ":sample-2")
        journal.put("reply", StoredReply("ann wrote", {}, Usage()))


def judged(journal: Journal, key: str) -> None:
    """Keep a verdict on a sample, as a run does."""
    verdict = Judgement("polite", value=True, label="yes", reason=f"of {key}", version="v1")
    with journal.writing() as books:
        books.keep_verdicts("run", [(Asked("polite", "v1", key), dumps(verdict))])


def draw_row(number: int) -> DrawRow:
    """A draw of a call."""
    return DrawRow(
        NOW, "polite", "bank", "", "", trace_id(number), f"{number:016x}", "floor", 0.5, 1
    )


def anchor(number: int, user: str) -> AnchorRow:
    """A labelled call that a judge is tested on."""
    return AnchorRow(
        NOW, "polite", "bank", trace_id(number), f"{number:016x}", "", user, "{}", 1.0, "human:a", "yes", 1.0
    )  # fmt: skip


def anchor_verdict(number: int) -> AnchorVerdictRow:
    """What the judge said of it."""
    return AnchorVerdictRow(
        NOW,
        "polite",
        "v1",
        "e",
        "baseline",
        0,
        trace_id(number),
        f"{number:016x}",
        1.0,
        "yes",
        None,
    )


def evaluated(number: int, *, session: str = "", of_file: bool = False) -> EvaluationRow:
    """A verdict of an evaluation on a stored call, or on a file's sample of a session."""
    sample = Interaction(
        trace_id="" if of_file else trace_id(number),
        span_id=f"sample-{number}" if of_file else f"{number:016x}",
        timestamp=NOW,
        input=f"q {number}",
        output="a",
        session_id=session,
    )
    verdict = Judgement("polite", value=True, label="yes", reason="", version="v1")
    return row_of(RunLabel("ev-both", NOW, "d", "h"), sample, verdict)


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
