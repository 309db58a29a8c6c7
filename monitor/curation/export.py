"""A dataset version as files: OpenAI's chat fine-tune format, Parquet, and a folder that Hugging Face `datasets` loads.

Only the two training splits are ever asked for here, so a reserved row has no way out. Only the
label is to be learned: earlier answers in a conversation carry `weight` 0.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from monitor.curation.lineage import history
from monitor.curation.messages import chat_messages, reply, to_json
from monitor.curation.parquet import table_of, write_table
from monitor.exceptions import NotFoundError, OuterloopError
from monitor.records import DatasetRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.store import Store

__all__ = [
    "EXPORTED",
    "FORMAT",
    "DatasetFile",
    "Manifest",
    "TaintedError",
    "dataset_file",
    "example",
    "export_dataset",
    "replace_text",
]

EXPORTED = ("train", "validation")
"""The splits that leave the house."""
FORMAT = "openai-chat-jsonl"
LINE_ENDS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What some readers take for the end of a line; in JSON they stand in texts only."""
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: train.parquet
  - split: validation
    path: validation.parquet
---
Dataset {version}: {train} training and {validation} validation examples. `messages` is a conversation whose last
message is to be learned; `tools` is a JSON list or empty; `label_author` says who gave the answer, `reasons` why the
call is in. The reserved test split is never exported.
"""


class TaintedError(OuterloopError):
    """Calls in this dataset have been erased; build a new one with `outerloop dataset build`."""

    exit_code = 2


class DatasetFile(BaseModel):
    """One exported file."""

    model_config = ConfigDict(frozen=True)

    name: str
    split: str
    rows: int
    size_bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a version's files are, in `manifest.json` beside them."""

    model_config = ConfigDict(frozen=True)

    version: str
    format: str = FORMAT
    files: tuple[DatasetFile, ...]
    also: tuple[DatasetFile, ...] = ()
    """The same examples in Parquet, where asked for."""


def export_dataset(
    store: Store, version: str, data_dir: Path, *, parquet: bool = False
) -> Manifest:
    """Write `train.jsonl`, `validation.jsonl` and `manifest.json`; unlabelled members stay.

    The same version always makes the same bytes. With `parquet`, `train.parquet`,
    `validation.parquet` and a `README.md` come with them, by which `datasets.load_dataset` reads
    the folder.

    Raises:
        NotFoundError: there is no such version.
        TaintedError: somebody's calls in it have been erased.
    """
    if not version.startswith("ds-") or not store.value("dataset_size", version=version):
        raise NotFoundError(f"there is no dataset {version!r}; `outerloop dataset list` lists them")
    if any(one.event == "tainted" for one in history(store, version)):
        raise TaintedError(
            f"calls in dataset {version} have been erased since it was built; build a new one with `outerloop dataset"
            " build`"
        )
    folder = data_dir / "datasets" / version
    folder.mkdir(parents=True, exist_ok=True)
    files, also = [], []
    for split in EXPORTED:
        rows = store.read("dataset_members", DatasetRow, version=version, split=split)
        labelled = [row for row in rows if row.label]
        examples = [example(row) for row in labelled]
        replace_text(folder / f"{split}.jsonl", "".join(map(_line, examples)))
        files.append(_described(folder / f"{split}.jsonl", split, len(examples)))
        if parquet:
            write_table(table_of(labelled, examples), folder / f"{split}.parquet")
            also.append(_described(folder / f"{split}.parquet", split, len(examples)))
    manifest = Manifest(version=version, files=tuple(files), also=tuple(also))
    if parquet:
        counts = {file.split: file.rows for file in also}
        replace_text(folder / "README.md", CARD.format(version=version, **counts))
    replace_text(folder / "manifest.json", manifest.model_dump_json(indent=1) + "\n")
    return manifest


def example(row: DatasetRow) -> dict[str, Any]:
    """A labelled member in OpenAI's shape: `messages`, and `tools` where the model had some."""
    messages = [
        {**message, "weight": 0} if message.get("role") == "assistant" else message
        for message in chat_messages(row.input_messages)
    ]
    told: dict[str, Any] = {"messages": [*messages, reply(row.label, row.output)]}
    tools: Sequence[object] = json.loads(row.tools) if row.tools else []
    return {**told, "tools": tools} if tools else told


def _line(told: dict[str, Any]) -> str:
    text = to_json(told)
    for character, escaped in LINE_ENDS.items():
        text = text.replace(character, escaped)
    return text + "\n"


def _described(path: Path, split: str, rows: int) -> DatasetFile:
    data = path.read_bytes()
    return DatasetFile(
        name=path.name,
        split=split,
        rows=rows,
        size_bytes=len(data),
        sha256=sha256(data).hexdigest(),
    )


def dataset_file(data_dir: Path, version: str, name: str) -> Path:
    """Where an exported file lies.

    Raises:
        NotFoundError: there is no such export; only train.jsonl and validation.jsonl are ever made.
    """
    if name not in {f"{split}.jsonl" for split in EXPORTED}:
        raise NotFoundError(f"{name} is not exported; there are train.jsonl and validation.jsonl")
    path = data_dir / "datasets" / version / name
    if not version.startswith("ds-") or not version[3:].isalnum() or not path.is_file():
        raise NotFoundError(
            f"dataset {version} has not been exported; build it with `outerloop dataset build`"
        )
    return path


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, so that a reader never sees half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
