"""Keeps runs: always as a file of the data directory, and in the store where one answers.

`<data dir>/evals/<run>.jsonl` has a line per verdict. A run that no store took leaves `<run>.waiting`
beside its file; the next run that reaches a store brings it along.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.clock import parse_time, rfc3339
from monitor.evaluation.rows import EvaluationRow
from monitor.exceptions import NotFoundError, StoreUnavailableError

if TYPE_CHECKING:
    from monitor.store import Store

__all__ = ["find_run", "keep_in_file", "keep_in_store", "read_run", "send_waiting"]

FOLDER = "evals"
BATCH = 1000


def keep_in_file(data_dir: Path, run_id: str, rows: Sequence[EvaluationRow]) -> Path:
    """Write a run's file anew, and the mark that no store has it yet; returns the file."""
    path = _file(data_dir, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    half.touch(mode=0o600)
    half.write_text("".join(_line(row) for row in rows), "utf-8")
    path.with_suffix(".waiting").touch()
    half.replace(path)
    return path


def keep_in_store(store: Store, data_dir: Path, run_id: str, rows: Sequence[EvaluationRow]) -> None:
    """Append a run's rows, and take the mark away."""
    for at in range(0, len(rows), BATCH):
        store.append("evaluations", rows[at : at + BATCH])
    _file(data_dir, run_id).with_suffix(".waiting").unlink(missing_ok=True)


def send_waiting(store: Store, data_dir: Path) -> list[str]:
    """Bring runs along that no store took when they were made; returns their ids."""
    sent = []
    for mark in sorted((data_dir / FOLDER).glob("*.waiting")):
        path = mark.with_suffix(".jsonl")
        if path.exists():
            keep_in_store(store, data_dir, path.stem, read_run(path))
            sent.append(path.stem)
        else:
            mark.unlink()
    return sent


def find_run(run_id: str, *, data_dir: Path, store: Store | None) -> list[EvaluationRow]:
    """The rows of an earlier run, from its file or from the store.

    Raises:
        NotFoundError: neither has it.
    """
    path = _file(data_dir, run_id)
    if path.exists():
        return read_run(path)
    where = f"it is not in {path.parent}"
    try:
        rows = store.read("evaluation_run", EvaluationRow, run_id=run_id) if store else []
        where += " and not in the store" if store else ""
    except StoreUnavailableError:
        rows, where = [], f"{where}, and no store answers"
    if not rows:
        raise NotFoundError(
            f"there is no run {run_id!r}: {where}; a baseline is a file of samples or a run's id,"
            " which `outerloop eval` prints"
        )
    return rows


def read_run(path: Path) -> list[EvaluationRow]:
    """The rows of a run's file."""
    return [_row(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _file(data_dir: Path, run_id: str) -> Path:
    return data_dir / FOLDER / f"{Path(run_id).name}.jsonl"


def _line(row: EvaluationRow) -> str:
    said: dict[str, Any] = asdict(row)
    said["timestamp"] = rfc3339(row.timestamp)
    said["value"] = None if math.isnan(row.value) else row.value
    return json.dumps(said, ensure_ascii=False) + "\n"


def _row(said: dict[str, Any]) -> EvaluationRow:
    known = {field.name: said[field.name] for field in fields(EvaluationRow)}
    known["timestamp"] = parse_time(said["timestamp"])
    known["value"] = math.nan if said["value"] is None else said["value"]
    return EvaluationRow(**known)
