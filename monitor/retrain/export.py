"""A dataset version as files: OpenAI's chat fine-tune format, with their checksums.

Only the two training splits are ever asked for here, so a reserved row has no way out.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from monitor.exceptions import NotFoundError
from monitor.records import DatasetRow
from monitor.retrain.messages import chat_messages, completed

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.store import Store

__all__ = ["EXPORTED", "FORMAT", "DatasetFile", "Manifest", "dataset_file", "export_dataset"]

EXPORTED = ("train", "validation")
"""The splits that leave the house."""
FORMAT = "openai-chat-jsonl"


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


def export_dataset(store: Store, version: str, data_dir: Path) -> Manifest:
    """Write `train.jsonl`, `validation.jsonl` and `manifest.json`; unlabelled members stay.

    The same version always makes the same bytes.

    Raises:
        NotFoundError: there is no such version.
    """
    if not store.value("dataset_size", version=version):
        raise NotFoundError(f"there is no dataset {version!r}; `outerloop dataset list` lists them")
    folder = data_dir / "datasets" / version
    folder.mkdir(parents=True, exist_ok=True)
    files = [_write_split(store, version, split, folder) for split in EXPORTED]
    manifest = Manifest(version=version, files=tuple(files))
    replace_text(folder / "manifest.json", manifest.model_dump_json(indent=1) + "\n")
    return manifest


def _write_split(store: Store, version: str, split: str, folder: Path) -> DatasetFile:
    rows = store.read("dataset_members", DatasetRow, version=version, split=split)
    lines = [_line(row) for row in rows if row.label]
    text = "".join(lines)
    replace_text(folder / f"{split}.jsonl", text)
    data = text.encode()
    return DatasetFile(
        name=f"{split}.jsonl",
        split=split,
        rows=len(lines),
        size_bytes=len(data),
        sha256=sha256(data).hexdigest(),
    )


def _line(row: DatasetRow) -> str:
    reply = {"role": "assistant", "content": completed(row.label, row.output)}
    return (
        json.dumps({"messages": [*chat_messages(row.input_messages), reply]}, ensure_ascii=False)
        + "\n"
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
