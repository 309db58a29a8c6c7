"""Reads samples from files: JSON Lines, JSON, CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.evaluation.samples import Dataset, DatasetError, dataset_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["SUFFIXES", "read_file"]

LONGEST_CELL = 2**31 - 1


def read_file(
    path: Path,
    *,
    now: datetime,
    mapping: Mapping[str, str] | None = None,
    without_output: bool = False,
) -> Dataset:
    """The samples of a file, whose suffix says its format.

    Args:
        path: a file of one of `SUFFIXES`.
        now: the time of samples that tell none.
        mapping: by field, what the file calls it, e.g. `{"input": "question"}`.
        without_output: the outputs are still to be made.

    Raises:
        DatasetError: it is not there, not readable, or a record lacks what is needed; says where.
    """
    reader = SUFFIXES.get(path.suffix.lower())
    if reader is None:
        raise DatasetError(
            f"{path.name}: what format is {path.suffix or 'a file without suffix'}?"
            f" Known are {', '.join(SUFFIXES)}"
        )
    try:
        return dataset_of(
            reader(path),
            now=now,
            name=path.name,
            mapping=mapping,
            where=lambda place: f"{path.name} sample {place}",
            without_output=without_output,
        )
    except FileNotFoundError as error:
        raise DatasetError(f"there is no file {path}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name} is not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read: {error}") from error


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _json(line, f"{path.name} line {number}")


def _whole(path: Path) -> Iterator[Any]:
    told = _json(path.read_text("utf-8-sig"), path.name)
    if not isinstance(told, list):
        raise DatasetError(f"{path.name} has to hold a list of objects")
    yield from told


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DatasetError(f"{place} is no JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise DatasetError(f"{place} is nested too deeply to be read") from error


def _commas(path: Path, *, delimiter: str = ",") -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for row in csv.DictReader(file, delimiter=delimiter, strict=True):
                if None in row:
                    raise DatasetError(
                        f"{path.name}: a row has more cells than the first line has names"
                    )
                yield row
        except csv.Error as error:
            raise DatasetError(f"{path.name} is no CSV: {error}") from error


def _tabs(path: Path) -> Iterator[Mapping[str, Any]]:
    return _commas(path, delimiter="\t")


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    from pyarrow import ArrowException  # noqa: PLC0415 - a sixth of a second that other formats save
    from pyarrow.parquet import read_table  # noqa: PLC0415 - see above

    try:
        table = read_table(path)
    except ArrowException as error:
        raise DatasetError(f"{path.name} is no Parquet file: {error}") from error
    for row in table.to_pylist():
        # a map column comes as pairs
        yield {
            name: dict(value) if name == "tags" and isinstance(value, list) else value
            for name, value in row.items()
        }


SUFFIXES: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _whole,
    ".csv": _commas,
    ".tsv": _tabs,
    ".parquet": _parquet,
}
"""Readers by suffix."""
