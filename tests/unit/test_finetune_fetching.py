"""The fine-tune job believes no file before its checksum is right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from finetune_sidecar import FinetuneSidecar, as_jsonl, dialogues

from examples.finetune.dialogues import read_dialogues
from examples.finetune.fetching import fetch
from examples.finetune.protocol import Order, TrainingError
from monitor.standins.loopback import LoopbackServer

CONTENT = as_jsonl(dialogues(5))


@pytest.fixture
def sidecar() -> Iterator[tuple[FinetuneSidecar, str]]:
    """One that serves a file, and its address."""
    one = FinetuneSidecar({"train.jsonl": CONTENT})
    with LoopbackServer(one.app()) as server:
        yield one, server.url


def asked(one: FinetuneSidecar, url: str) -> Order:
    """An order of what is there now."""
    return Order.model_validate(one.order(url, "rt-1")["data"])


def test_a_right_file_is_kept(sidecar: tuple[FinetuneSidecar, str], tmp_path: Path) -> None:
    """Byte for byte, also when the first answers are that the sidecar is busy."""
    one, url = sidecar
    one.busy = 2
    found = fetch(asked(one, url), tmp_path, max_bytes=10_000)
    assert found["train"].read_bytes() == CONTENT


def test_a_file_that_is_there_is_not_fetched_again(
    sidecar: tuple[FinetuneSidecar, str], tmp_path: Path
) -> None:
    """After a restart the verified copy will do; a spoilt copy will not."""
    one, url = sidecar
    order = asked(one, url)
    path = fetch(order, tmp_path, max_bytes=10_000)["train"]
    del one.files["train.jsonl"]
    fetch(order, tmp_path, max_bytes=10_000)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(TrainingError, match="404"):
        fetch(order, tmp_path, max_bytes=10_000)


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (CONTENT[:-1] + b"\r", "promised was"),
        (CONTENT[:-20], "promised was"),
        (CONTENT * 2, "larger than"),
        (None, "404"),
    ],
)
def test_a_wrong_file_fails_with_its_reason(
    sidecar: tuple[FinetuneSidecar, str], tmp_path: Path, served: bytes | None, reason: str
) -> None:
    """Changed, cut off, oversized or missing: training never sees it."""
    one, url = sidecar
    order = asked(one, url)
    if served is None:
        del one.files["train.jsonl"]
    else:
        one.files["train.jsonl"] = served
    with pytest.raises(TrainingError, match=reason):
        fetch(order, tmp_path, max_bytes=10_000)
    assert not (tmp_path / "train.jsonl").exists()


def test_a_file_larger_than_this_job_takes_is_refused(
    sidecar: tuple[FinetuneSidecar, str], tmp_path: Path
) -> None:
    """Before a byte of it is fetched."""
    one, url = sidecar
    with pytest.raises(TrainingError, match="this job takes 10"):
        fetch(asked(one, url), tmp_path, max_bytes=10)


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"{}\n",
        b'{"messages": [{"role": "user", "content": "no answer"}]}\n',
        b'{"messages": [{"content": "no role"}]}\n',
        b'{"messages": 5}\n',
        b'["messages"]\n',
        b"\xff\xfe\n",
    ],
)
def test_a_line_that_is_no_dialogue_fails(tmp_path: Path, line: bytes) -> None:
    """With its file and number."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(CONTENT + line)
    with pytest.raises(TrainingError, match=r"train\.jsonl"):
        read_dialogues(path)


def test_a_missing_row_is_seen(tmp_path: Path) -> None:
    """The promised number of rows is held against the file."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(CONTENT)
    with pytest.raises(TrainingError, match="has 5 rows, promised were 6"):
        read_dialogues(path, rows=6)


def test_a_text_may_hold_any_character(tmp_path: Path) -> None:
    """Unicode's own line ends within a text do not end the line of the file."""
    row = {
        "messages": [
            {"role": "user", "content": "one\u2028two\x85three"},
            {"role": "assistant", "content": "é"},
        ]
    }
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    assert read_dialogues(path, rows=1) == [row["messages"]]
