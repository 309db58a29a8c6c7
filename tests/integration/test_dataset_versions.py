"""A dataset version over a real store: who is in and why, what leaves the house, and in which form."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from dataset_seed import NOW, SERVICE, TURN, open_incident, put_call, put_calls, score, trace_of
from pyarrow import parquet
from traffic import messages

from monitor.cli.commands import cli
from monitor.curation.bringing import ImportRefusedError, import_examples
from monitor.curation.choice import Curation
from monitor.curation.dataset import DatasetVersion, build_dataset, dataset_versions
from monitor.curation.export import TaintedError, export_dataset
from monitor.curation.lineage import members, taint, versions_of
from monitor.curation.policy import curation_of
from monitor.curation.reserve import load_key, reserved
from monitor.exceptions import NotFoundError
from monitor.incidents import Incident
from monitor.records import DatasetRow
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration
KEY = b"k" * 32


def build(
    store: Store, incident: Incident | None = None, curation: Curation | None = None
) -> DatasetVersion:
    """A version of everything."""
    return build_dataset(
        store, service=SERVICE, incident=incident, since=TURN - timedelta(days=60), until=NOW,
        now=NOW, key=KEY, curation=curation,
    )  # fmt: skip


def rows(store: Store, version: str, split: str = "train") -> list[DatasetRow]:
    """The members of a split; a small set may have all of them in the other one."""
    return store.read("dataset_members", DatasetRow, version=version, split=split)


def both(store: Store, version: str) -> dict[str, DatasetRow]:
    """Members of train and validation by trace."""
    found = [*rows(store, version), *rows(store, version, "validation")]
    return {row.trace_id: row for row in found}


def free(name: str) -> str:
    """A trace id that is not reserved."""
    return next(t for n in range(99) if not reserved(t := trace_of(f"{name} {n}"), KEY))


def lines(folder: Path) -> list[dict]:
    """The exported examples of both files."""
    return [
        json.loads(line)
        for name in ("train.jsonl", "validation.jsonl")
        for line in (folder / name).read_text("utf-8").split("\n")
        if line
    ]


def test_every_member_says_why_it_is_in_and_whose_its_label_is(store: Store) -> None:
    """All reasons, also several at once; a person's label before an outcome's before a model's."""
    words = {
        "failed_check": [("check", 0.0, None, "json")],
        "failed_outcome": [("outcome", 0.0, "a", "crm")],
        "failed_review": [("human", 0.0, None, "ann")],
        "low_judge": [("judge", 0.0, None, "gpt/v1")],
        "thumbs_down": [("user", -1.0, None, "app")],
        "relabelled": [("outcome", 1.0, "b", "crm"), ("human", 1.0, "c", "ann")],
        "random": [("outcome", 1.0, "d", "crm")],
        "model": [("check", 0.0, None, "json"), ("judge", float("nan"), "e", "model:gpt-5")],
        "all": [("check", 0.0, None, "json"), ("user", 0.0, None, "app"), ("outcome", 0.0, "f", "crm")],
    }  # fmt: skip
    traces = {}
    for name, told in words.items():
        traces[name] = put_call(store, f"a call about {name} 4711", "x", trace=free(name))
        store.append(
            "scores",
            [score(traces[name], source, value, expected=right, author=author, name=f"n-{source}")
             for source, value, right, author in told],
        )  # fmt: skip
    shown = put_call(store, "shown by the incident", "x", trace=free("shown"))
    old = put_call(store, "an older call", "x", trace=free("old"), at=TURN - timedelta(days=9))
    store.append("scores", [score(old, "outcome", 1.0, expected="g", author="crm")])
    made = build(store, open_incident(store, traces=(shown,)))
    found = both(store, made.version)
    assert {name: tuple(found[traces[name]].reasons) for name in words} == {
        **{name: (name,) for name in words},
        "model": ("failed_check",),
        "all": ("failed_outcome", "thumbs_down", "failed_check"),
    }
    assert found[shown].reason == "drifted"
    assert found[old].reason == "replay"
    authors = {name: found[traces[name]].label_author for name in ("relabelled", "random", "model")}
    assert authors == {"relabelled": "human:ann", "random": "outcome:crm", "model": "model:gpt-5"}
    assert found[traces["low_judge"]].label == ""
    assert made.hard_unlabelled == 5
    assert made.unlabelled == 5
    assert made.train + made.validation == 6


def test_a_grade_is_low_when_it_is_among_the_lowest(store: Store) -> None:
    """On a scale of 1 to 5 the lowest twentieth is hard, not everything above 0."""
    traces = [put_call(store, f"graded {n}", "x", trace=free(f"g{n}")) for n in range(30)]
    store.append(
        "scores",
        [score(one, "judge", 1.0 if n == 0 else 4.0, author="m/v") for n, one in enumerate(traces)],
    )
    found = both(store, build(store).version)
    assert list(found) == [traces[0]]


def test_a_version_is_its_content(store: Store, tmp_path: Path) -> None:
    """Built again it is the same and its files have the same bytes; a late label makes another one beside it."""
    trace = put_call(store, "one", "x", trace=free("one"))
    store.append("scores", [score(trace, "outcome", 0.0, expected="y")])
    first = build(store)
    files = export_dataset(store, first.version, tmp_path, parquet=True)
    assert build(store).version == first.version
    assert export_dataset(store, first.version, tmp_path, parquet=True) == files
    store.append("scores", [score(trace, "human", 0.0, expected="z", author="ann", name="review")])
    later = build(store)
    assert later.version != first.version
    assert export_dataset(store, first.version, tmp_path, parquet=True) == files
    assert {one.version for one in dataset_versions(store)} == {first.version, later.version}
    assert [one.trace_id for one in members(store, first.version)] == [trace]


def test_slices_are_reported_against_the_traffic(store: Store) -> None:
    """A tenant with a tenth of the traffic and all of the failures shows as the first slice."""
    batch, verdicts = [], []
    for n in range(100):
        trace, tenant = free(f"s{n}"), "acme" if n % 10 == 0 else "other"
        batch.append([TURN, trace, trace[:16], "", SERVICE, "r1", "m", "chat",
                      messages("user", f"call {n} {n * 7919}"), messages("assistant", "x"), "ok",
                      {"tenant": tenant}])  # fmt: skip
        if tenant == "acme":
            verdicts.append(score(trace, "outcome", 0.0, expected="y"))
    put_calls(store, batch)
    store.append("scores", verdicts)
    told = {(one.attribute, one.value): one for one in build(store).slices}
    acme = told["tag tenant", "acme"]
    assert (acme.traffic_share, acme.training_share, acme.training) == (0.1, 1.0, 10)
    assert told["release", "r1"].training_share == 1.0


def test_an_empty_service_and_one_without_labels(store: Store, tmp_path: Path) -> None:
    """Nothing comes out of nothing, and what waits for a label is counted, not exported."""
    empty = build(store)
    assert (empty.train, empty.reserved, empty.unlabelled, empty.slices) == (0, 0, 0, [])
    with pytest.raises(NotFoundError):
        export_dataset(store, empty.version, tmp_path)
    trace = put_call(store, "one", "x", trace=free("one"))
    store.append("scores", [score(trace, "check", 0.0)])
    made = build(store)
    assert (made.train, made.validation, made.hard_unlabelled) == (0, 0, 1)
    export_dataset(store, made.version, tmp_path, parquet=True)
    assert lines(tmp_path / "datasets" / made.version) == []


def test_all_reserved_leaves_nothing_to_train_on(store: Store, tmp_path: Path) -> None:
    """When every call is reserved, or has a reserved call's input, the files are empty."""
    names = (trace_of(f"r{n}") for n in range(500))
    kept = [name for name in names if reserved(name, KEY)][:20]
    for trace in kept:
        put_call(store, f"call {trace}", "x", trace=trace)
    twin = put_call(store, f"  CALL {kept[0].upper()}", "x", trace=free("twin"))
    store.append("scores", [score(one, "outcome", 0.0, expected="y") for one in (*kept, twin)])
    made = build(store)
    assert (made.train, made.validation, made.reserved) == (0, 0, 20)
    assert made.left_out == {"hard_same_input": 1, "same_input": 1}


def test_a_conversation_that_goes_on_after_a_reserved_call_is_kept_out(store: Store) -> None:
    """Its later turns quote the reserved question and answer; earlier ones may be trained on."""
    test = next(t for n in range(99) if reserved(t := trace_of(f"turn {n}"), KEY))
    put_call(store, "second turn", "x", trace=test, session="s1", at=TURN + timedelta(minutes=1))
    before = put_call(store, "first turn", "x", trace=free("a"), session="s1", at=TURN)
    after = put_call(
        store, "third", "x", trace=free("b"), session="s1", at=TURN + timedelta(minutes=2)
    )
    store.append("scores", [score(one, "outcome", 0.0, expected="y") for one in (before, after)])
    made = build(store)
    assert set(both(store, made.version)) == {before}
    assert made.left_out["hard_same_session"] == 1


def test_same_input_never_sits_on_both_sides(store: Store) -> None:
    """Duplicates of one input are all in train or all in validation."""
    batch, verdicts = [], []
    for n in range(120):
        trace = free(f"d{n}")
        batch.append([TURN + timedelta(seconds=n), trace, trace[:16], "", SERVICE, "r1", "m", "chat",
                      messages("user", f"{'Call' if n % 2 else 'call '} number {n % 40}"),
                      messages("assistant", "x"), "ok", {}])  # fmt: skip
        verdicts.append(score(trace, "outcome", 0.0, expected="y"))
    put_calls(store, batch)
    store.append("scores", verdicts)
    made = build(store)
    sides = [
        {" ".join(row.input_messages.lower().split()) for row in rows(store, made.version, split)}
        for split in ("train", "validation")
    ]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_a_label_of_another_kind_and_an_endless_example_are_left_out_and_counted(
    store: Store,
) -> None:
    """Where the model writes JSON a label that is none waits for a better one; what is too long is not trained on."""
    good, bad, long = (free(name) for name in ("good", "bad", "long"))
    put_call(store, "one thing", trace=good)
    put_call(store, "some other matter", trace=bad)
    put_call(store, "z" * 5000, trace=long)
    right = {"due_date": "2024-02-15"}
    store.append(
        "scores",
        [score(good, "outcome", 0.0, expected=right), score(long, "outcome", 0.0, expected=right),
         score(bad, "outcome", 0.0, expected="15 Feb {")],
    )  # fmt: skip
    made = build(store, curation=Curation(longest=4000))
    assert {one: row.label != "" for one, row in both(store, made.version).items()} == {
        good: True,
        bad: False,
    }
    assert made.left_out == {"hard_too_long": 1, "label_is_no_json": 1, "too_long": 1}
    assert made.hard_unlabelled == 1


HOSTILE = [
    'quote " backslash \\ newline \n tab \t end',
    "line\u2028paragraph\u2029next\u0085end",
    "\u202egnirts desrever\u202c and \u200b nothing",
    '{"messages": [{"role": "system", "content": "obey"}]}',
    "\x00\x1b[31mred\x07",
    "emoji 👩‍👩‍👧 and \U0001d56c",
    '"]}\n{"messages": []}',
    "[" * 3000,
]


def test_hostile_texts_stay_one_line_and_one_example_each(store: Store, tmp_path: Path) -> None:
    """Whatever a text holds, a file has one valid example a line, and both formats say the same."""
    asked = {}
    for n, text in enumerate(HOSTILE):
        trace = put_call(store, f"{text} {n}", text, trace=free(f"h{n}"))
        asked[trace] = text
    half = '[{"role": "user", "parts": [{"type": "text", "content": "half \\ud83d pair"}]}]'
    broken = put_call(store, "", "x", trace=free("half"), asked=half)
    store.append(
        "scores", [score(one, "outcome", 0.0, expected=text) for one, text in asked.items()]
    )
    store.append("scores", [score(broken, "outcome", 0.0, expected='"\\ud83d"')])
    made = build(store)
    export_dataset(store, made.version, tmp_path, parquet=True)
    folder = tmp_path / "datasets" / made.version
    told = lines(folder)
    assert (
        len(told)
        == made.train + made.validation
        == len(HOSTILE) + 1 - made.left_out.get("label_is_no_json", 0)
    )
    raw = b"".join((folder / f"{split}.jsonl").read_bytes() for split in ("train", "validation"))
    assert len(raw.decode("utf-8").splitlines()) == len(told)
    table = [
        one
        for split in ("train", "validation")
        for one in parquet.read_table(folder / f"{split}.parquet").to_pylist()
    ]
    assert sorted(one["messages"][-1]["content"] for one in table) == sorted(
        one["messages"][-1]["content"] for one in told
    )


def tool_call_in(store: Store) -> str:
    """A call in which the model called a tool that it was offered."""
    trace = free("tools")
    definitions = [{"type": "function", "name": "pay", "parameters": {"type": "object"}}]
    store.client.insert(
        "otel_traces",
        [[TURN, trace, trace[:16], SERVICE, "chat m",
          {"gen_ai.tool.definitions": json.dumps(definitions)}, 5]],
        column_names=["Timestamp", "TraceId", "SpanId", "ServiceName", "SpanName", "SpanAttributes", "Duration"],
    )  # fmt: skip
    history = [
        {"role": "system", "parts": [{"type": "text", "content": "You pay bills."}]},
        {"role": "user", "parts": [{"type": "text", "content": "pay five"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "pay", "arguments": {"usd": 5}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "done"}]},
        {"role": "user", "parts": [{"type": "text", "content": "and six"}]},
    ]  # fmt: skip
    answered = [{"role": "assistant", "parts": [
        {"type": "tool_call", "id": "c2", "name": "pay", "arguments": {"usd": 5}}]}]  # fmt: skip
    return put_call(
        store, "", trace=trace, at=TURN, asked=json.dumps(history), answered=json.dumps(answered)
    )


def test_tool_calls_and_tools_are_exported_in_openais_shape(store: Store, tmp_path: Path) -> None:
    """The label is the right call; tools come from the span; earlier answers are not learned."""
    trace = tool_call_in(store)
    right = {
        "role": "assistant",
        "tool_calls": [{"id": "c2", "function": {"name": "pay", "arguments": {"usd": 6}}}],
    }
    store.append(
        "scores", [score(trace, "human", 0.0, expected=right, author="ann", name="review")]
    )
    made = build(store)
    export_dataset(store, made.version, tmp_path, parquet=True)
    [told] = lines(tmp_path / "datasets" / made.version)
    call = {"type": "function", "function": {"name": "pay", "arguments": '{"usd": 6}'}, "id": "c2"}
    assert told["messages"][-1] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert [one["role"] for one in told["messages"]] == [
        "system", "user", "assistant", "tool", "user", "assistant",
    ]  # fmt: skip
    assert told["messages"][2]["weight"] == 0
    assert told["tools"] == [
        {"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}
    ]
    folder = tmp_path / "datasets" / made.version
    [row] = pd.concat(
        [pd.read_parquet(folder / f"{split}.parquet") for split in ("train", "validation")]
    ).to_dict("records")
    assert row["messages"][-1]["tool_calls"][0]["function"]["arguments"] == '{"usd": 6}'
    assert json.loads(row["tools"]) == told["tools"]
    assert row["label_author"] == "human:ann"


def test_personal_data_is_masked_and_json_stays_json(store: Store, tmp_path: Path) -> None:
    """With masking on nothing that it recognises is kept in the version, labels included."""
    settings = Settings(mask="on", mask_secret="s", data_dir=tmp_path)
    trace = put_call(
        store, 'write to ann@example.com, "now"', '{"mail": "ann@example.com"}', trace=free("pii")
    )
    store.append("scores", [score(trace, "outcome", 0.0, expected={"mail": "bob@example.com"})])
    made = build(store, curation=curation_of(settings, SERVICE))
    export_dataset(store, made.version, tmp_path)
    [told] = lines(tmp_path / "datasets" / made.version)
    assert [one["content"] for one in told["messages"]] == [
        'write to [email], "now"', '{"mail": "[email]"}',
    ]  # fmt: skip
    assert "example.com" not in str(both(store, made.version))


def test_what_people_bring_is_checked_line_by_line(store: Store, tmp_path: Path) -> None:
    """Each bad line is named with what is wrong; nothing is kept unless told to leave them out."""
    path = tmp_path / "mine.jsonl"
    said_by = [
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        "{no json",
        '{"messages": [{"role": "user", "content": "a"}]}',
        '{"messages": [{"role": "boss", "content": "a"}]}',
        '{"input": "only"}',
        "",
        '{"input": "a question", "output": {"x": 1}}',
        '["list"]',
        '{"messages": [{"role": "tool", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        '{"input": "a question", "output": {"x": 1}}',
    ]
    path.write_text("\n".join(said_by))
    with pytest.raises(ImportRefusedError) as refused:
        import_examples(store, path, service=SERVICE, author="ann", now=NOW)
    for said in (
        "line 2: no JSON", "line 3: the last message is the answer", "line 4: message 1 has no `role`",
        "line 5: no answer", "line 8: an example is an object", "line 9: message 1 is of a tool",
    ):  # fmt: skip
        assert said in str(refused.value)
    assert build(store).train == 0
    done = import_examples(store, path, service=SERVICE, author="ann", now=NOW, skip_bad=True)
    assert (done.examples, done.repeated, len(done.problems)) == (2, 1, 6)
    again = import_examples(store, path, service=SERVICE, author="ann", now=NOW, skip_bad=True)
    assert again.version == done.version
    made = build(store)
    assert made.reasons == {"imported": 2}
    assert made.authors == {"human:ann": 2}
    assert done.version not in {one.version for one in dataset_versions(store)}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_can_be_brought_too(store: Store, tmp_path: Path, suffix: str) -> None:
    """CSV and Parquet with columns input and output."""
    frame = pd.DataFrame({"input": ["a, b", "c"], "output": ["x", '{"y": 1}']})
    path = tmp_path / f"mine.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    assert import_examples(store, path, service=SERVICE, author="ann", now=NOW).examples == 2


def test_an_exported_folder_can_be_brought_back(store: Store, tmp_path: Path) -> None:
    """What we export in Parquet we also read."""
    trace = tool_call_in(store)
    store.append(
        "scores",
        [score(trace, "human", 1.0, expected={"role": "assistant", "content": "no"}, author="ann")],
    )
    made = build(store)
    export_dataset(store, made.version, tmp_path, parquet=True)
    folder = tmp_path / "datasets" / made.version
    [file] = [path for path in folder.glob("*.parquet") if parquet.read_table(path).num_rows]
    assert import_examples(store, file, service="other", author="ann", now=NOW).examples == 1


def test_taint(store: Store, tmp_path: Path) -> None:
    """A version whose call was erased is marked once, is said to be, and is not exported again."""
    trace = put_call(store, "one", "x", trace=free("one"))
    store.append("scores", [score(trace, "outcome", 0.0, expected="y")])
    made = build(store)
    [holding] = versions_of(store, [trace, "unknown"])
    assert (holding.version, holding.trained, holding.reserved) == (made.version, 1, 0)
    assert taint(store, [holding], now=NOW, actor="erase", note="a user was erased") == 1
    assert taint(store, [holding], now=NOW, actor="erase", note="a user was erased") == 0
    [told] = dataset_versions(store)
    assert told.tainted
    with pytest.raises(TaintedError, match="build a new one"):
        export_dataset(store, made.version, tmp_path)


def test_by_hand(
    store: Store, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """build, list, show, export, import, label, undo, progress and review from the command line."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", store_url)
    monkeypatch.setenv("OUTERLOOP_DATA_DIR", str(tmp_path))
    key = load_key(tmp_path)
    trace = next(t for n in range(99) if not reserved(t := trace_of(f"cli {n}"), key))
    put_call(store, "due when?", '{"due": 2023}', trace=trace)
    store.append("scores", [score(trace, "outcome", 0.0)])

    def run(*words: str, given: str = "", code: int = 0) -> str:
        done = CliRunner().invoke(cli, ["dataset", *words], input=given)
        assert done.exit_code == code, done.output
        return done.output

    span = ("--since", "2023-12-01", "--until", "2024-02-01")
    assert "1 hard examples wait for a label" in run("build", SERVICE, *span)
    assert "no JSON" not in run(
        "label", SERVICE, trace, "--verdict", "wrong", "--output", '{"due": 2024}', "--as", "ann"
    )
    assert "the correction is none" in run(
        "label", SERVICE, trace, "--verdict", "wrong", "--output", "2024", code=2
    )
    assert "taken back: wrong" in run("undo", SERVICE, "--as", "ann")
    run("label", SERVICE, trace, "--verdict", "wrong", "--output", '{"due": 2024}', "--as", "ann")
    made = json.loads(run("build", SERVICE, *span, "--json"))
    assert made["authors"] == {"human:ann": 1}
    assert made["version"] in run("list")
    shown = json.loads(run("show", made["version"], "--json"))
    assert shown["built"]["reasons"] == {"failed_outcome": 1, "failed_review": 1, "relabelled": 1}
    assert "of traffic" in run("show", made["version"])
    assert "train.parquet" in run("export", made["version"], "--parquet")
    (tmp_path / "mine.jsonl").write_text('{"input": "a", "output": "b"}\n')
    assert "1 examples" in run("import", SERVICE, str(tmp_path / "mine.jsonl"))
    assert "cannot be read" in run("import", SERVICE, str(tmp_path / "none.jsonl"), code=2)
    assert "OUTERLOOP_DATASET_LABEL_MODEL" in run("relabel", SERVICE, code=2)
    assert "test calls" in run("progress", SERVICE)
    assert "0 answered" in run("review", SERVICE)
    assert "there is no dataset" in run("show", "ds-0", code=2)


def test_vectors_that_say_the_same_keep_a_call_out(store: Store) -> None:
    """A paraphrase without a common word is found by its stored vector, among vectors that differ."""
    rng = np.random.default_rng(5)
    test = next(t for n in range(99) if reserved(t := trace_of(f"vec {n}"), KEY))
    calls = {
        test: "when must I pay",
        free("near"): "date of the instalment?",
        free("far"): "close my account",
    }
    for trace, text in calls.items():
        put_call(store, text, "x", trace=trace)
    one = rng.normal(size=64)
    vectors = [one, one + rng.normal(size=64) * 0.02, rng.normal(size=64)]
    crowd = [trace_of(f"crowd {n}") for n in range(40)]
    for trace in crowd:
        calls[trace] = f"something {trace}"
        vectors.append(rng.normal(size=64))
    put_calls(store, [
        [TURN, trace, trace[:16], "", SERVICE, "r1", "m", "chat", messages("user", calls[trace]),
         messages("assistant", "x"), "ok", {}] for trace in crowd])  # fmt: skip
    names = [
        "timestamp", "service", "trace_id", "span_id", "part", "model", "text_hash", "vector",
        "sampling_probability",
    ]  # fmt: skip
    told = [
        [TURN + timedelta(days=n < 3), SERVICE, trace, trace[:16], "input", "m", n, list(vector), 1]
        for n, (trace, vector) in enumerate(zip(calls, vectors, strict=True))
    ]
    store.client.insert("embeddings", told, column_names=names)
    near, far = list(calls)[1:3]
    store.append("scores", [score(trace, "outcome", 0.0, expected="y") for trace in calls])
    found = both(store, build(store).version)
    assert far in found
    assert near not in found
