"""Reading samples: formats, messages, mapping, ids, and one line for everything that is wrong."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from monitor.evaluation.files import read_file
from monitor.evaluation.samples import DatasetError, dataset_of, one_sample, sample_id

NOW = datetime(2024, 1, 2, tzinfo=UTC)
RECORDS = [
    {"id": "a", "input": "When?", "output": "On 15 January", "expected": "2024-01-15"},
    {"id": "b", "input": "How much?", "output": "$5", "expected": ""},
]


def written(path: Path, suffix: str) -> Path:
    """The records as a file of that format."""
    path = path / f"cases{suffix}"
    if suffix in (".jsonl", ".ndjson"):
        path.write_text("\n".join(json.dumps(one) for one in RECORDS) + "\n\n", "utf-8")
    elif suffix == ".json":
        path.write_text(json.dumps(RECORDS), "utf-8")
    elif suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(RECORDS), path)
    else:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            told = csv.DictWriter(
                file, list(RECORDS[0]), delimiter="," if suffix == ".csv" else "\t"
            )
            told.writeheader()
            told.writerows(RECORDS)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"])
def test_every_format_holds_the_same_samples(tmp_path: Path, suffix: str) -> None:
    """The same records have the same content hash, whatever format they come in."""
    dataset = read_file(written(tmp_path, suffix), now=NOW)
    assert dataset.digest == dataset_of(RECORDS, now=NOW).digest
    assert [sample_id(one) for one in dataset] == ["a", "b"]
    assert dataset.samples[0].expected == "2024-01-15"
    assert dataset.lacking("expected") == 1


def test_a_field_of_another_name_is_named_by_the_caller(tmp_path: Path) -> None:
    """Nothing is guessed: without the mapping the error says which option mends it."""
    path = tmp_path / "cases.jsonl"
    path.write_text('{"question": "When?", "answer": "Soon"}\n', "utf-8")
    with pytest.raises(
        DatasetError, match=r"no field 'input' \(it has answer, question\).*--input"
    ):
        read_file(path, now=NOW)
    mapped = read_file(path, now=NOW, mapping={"input": "question", "output": "answer"})
    assert mapped.samples[0].output == "Soon"


def test_messages_become_readable_text_and_stay_messages() -> None:
    """One question alone needs no speaker; several turns name theirs; parts of content are joined."""
    told = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "When?"}]},
    ]
    [one] = dataset_of([{"input": told, "output": "Soon"}], now=NOW).samples
    assert one.input == "When?"
    assert json.loads(one.input_messages)[1]["parts"] == [{"type": "text", "content": "When?"}]
    told += [{"role": "assistant", "content": "Soon"}, {"role": "user", "content": "Sure?"}]
    [two] = dataset_of([{"messages": told, "output": "Yes"}], now=NOW).samples
    assert two.input.splitlines()[-1] == "user: Sure?"


def test_what_is_no_text_becomes_json() -> None:
    """Objects, numbers and lists in fields are JSON text, which checks of fields can read."""
    [one] = dataset_of([{"input": 5, "output": {"n": [1]}, "expected": None}], now=NOW).samples
    assert (one.input, one.output, one.expected) == ("5", '{"n": [1]}', "")


def test_samples_without_id_are_named_by_their_input() -> None:
    """Two versions' files can be paired without ids; the same input twice is still two samples."""
    records = [{"input": "same", "output": str(n)} for n in range(2)]
    first, second = dataset_of(records, now=NOW).samples
    assert second.span_id == f"{first.span_id}-2"
    again = dataset_of([{"input": "same", "output": "other"}], now=NOW).samples
    assert again[0].key == first.key


def test_steps_and_tags_are_read_from_objects_and_from_text() -> None:
    """A CSV cell can hold them as JSON text."""
    steps = [{"name": "look_up", "kind": "tool", "input": {"id": 1}, "output": "found"}]
    for written_steps in (steps, json.dumps(steps)):
        [one] = dataset_of(
            [{"input": "i", "output": "o", "steps": written_steps, "tags": {"tenant": "acme"}}],
            now=NOW,
        ).samples
        assert one.steps[0].input == '{"id": 1}'
        assert one.tags == {"tenant": "acme"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cases.jsonl", "", "holds no samples"),
        ("cases.jsonl", '{"input": "a", "output": "b"}\n{"input": ', "line 2 is no JSON"),
        ("cases.jsonl", "[1]\n", "sample 1 is no object"),
        ("cases.jsonl", '{"input": "a"}\n', "--output-field NAME"),
        ("cases.jsonl", '{"input": "a", "output": "b", "steps": "x"}\n', "`steps` is no JSON"),
        (
            "cases.jsonl",
            '{"input": "a", "output": "b", "tags": "[]"}\n',
            "`tags` has to be an object",
        ),
        (
            "cases.jsonl",
            '{"input": "a", "output": "b", "timestamp": "x"}\n',
            "`timestamp` is no time",
        ),
        ("cases.jsonl", '{"id": 1, "input": "a", "output": "b"}\n' * 2, "the id '1' comes 2 times"),
        ("cases.json", '{"input": "a"}', "has to hold a list"),
        ("cases.csv", "input,output\na,b,c\n", "more cells than the first line"),
        ("cases.parquet", "no parquet", "is no Parquet file"),
        ("cases.xml", "<a/>", "Known are .jsonl"),
        ("cases", "x", "what format is a file without suffix"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    """A dataset that cannot be used says which record and what to do, on one line."""
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(DatasetError) as caught:
        read_file(path, now=NOW)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    """The two commonest mistakes have their own sentence."""
    with pytest.raises(DatasetError, match="there is no file"):
        read_file(tmp_path / "none.jsonl", now=NOW)
    (tmp_path / "latin.jsonl").write_bytes(b'{"input": "\xe4", "output": ""}')
    with pytest.raises(DatasetError, match="is not UTF-8"):
        read_file(tmp_path / "latin.jsonl", now=NOW)


def test_a_limit_draws_the_same_samples_every_time() -> None:
    """A smaller draw is part of a larger one, so two versions are judged on the same items."""
    whole = dataset_of([{"id": str(n), "input": "i", "output": "o"} for n in range(200)], now=NOW)
    ten, fifty = whole.cut(10), whole.cut(50)
    assert len(ten) == 10
    assert {one.key for one in ten} <= {one.key for one in fifty}
    assert whole.cut(None) is whole
    assert whole.cut(500) is whole


def test_one_sample_takes_other_fields_in_place_of_its_own() -> None:
    """A test puts its app's answer where the dataset has an old one, and the rest stays."""
    [sample] = dataset_of([{"id": "a", "input": "i", "output": "old", "expected": "e"}], now=NOW)
    after = one_sample(sample, {"output": {"n": 1}})
    assert (after.output, after.expected, after.span_id) == ('{"n": 1}', "e", "a")
    with pytest.raises(DatasetError, match="no field 'ouput'"):
        one_sample(sample, {"ouput": "x"})
