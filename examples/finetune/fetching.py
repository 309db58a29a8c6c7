"""Fetches the dataset's files and believes none of them before its checksum is right."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING

import httpx

from examples.finetune.protocol import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from examples.finetune.protocol import DataFile, Order

__all__ = ["fetch", "is_final"]

ATTEMPTS = 6
"""How often a download is tried, with doubling pauses from a quarter of a second."""
TIMEOUT_S = 30


class _CutOffError(Exception):
    """The transfer broke; it is worth another try."""


def fetch(order: Order, folder: Path, *, max_bytes: int) -> dict[str, Path]:
    """Every file of the dataset, verified, by split; what is there already is not fetched again.

    Raises:
        TrainingError: a file cannot be had, is too large, or is not the one that was promised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for file in order.dataset.files:
        if file.split in found:
            raise TrainingError(f"the dataset has two files for {file.split}; one is expected")
        path = folder / f"{file.split}.jsonl"
        if not path.exists() or sha256(path.read_bytes()).hexdigest() != file.sha256:
            content = _download(file, order.fetch.headers, max_bytes)
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.replace(path)
        found[file.split] = path
    return found


def is_final(answer: httpx.Response) -> bool:
    """Whether asking again is pointless: the fault is ours, and not that we ask too often."""
    return (
        answer.is_client_error and answer.status_code not in (408, 425, 429)
    ) or answer.is_redirect


def _download(file: DataFile, headers: Mapping[str, str], max_bytes: int) -> bytes:
    problem = ""
    for attempt in range(ATTEMPTS):
        try:
            return _verified(file, _stream(file, headers, max_bytes))
        except (httpx.HTTPError, _CutOffError) as error:
            problem = str(error) or repr(error)
        time.sleep(0.25 * 2**attempt)
    raise TrainingError(f"{file.url} cannot be fetched: {problem}")


def _stream(file: DataFile, headers: Mapping[str, str], max_bytes: int) -> bytes:
    limit = min(max_bytes, max_bytes if file.size_bytes is None else file.size_bytes)
    if file.size_bytes is not None and file.size_bytes > max_bytes:
        raise TrainingError(f"{file.url} has {file.size_bytes} bytes; this job takes {max_bytes}")
    content = bytearray()
    with httpx.stream("GET", str(file.url), headers=dict(headers), timeout=TIMEOUT_S) as answer:
        if not answer.is_success:
            said = f"{answer.status_code} {answer.read()[:300].decode(errors='replace')}"
            if is_final(answer):
                raise TrainingError(f"{file.url} cannot be fetched: {said}")
            raise _CutOffError(said)
        for part in answer.iter_bytes():
            content += part
            if len(content) > limit:
                raise TrainingError(f"{file.url} is larger than the {limit} bytes that are allowed")
    return bytes(content)


def _verified(file: DataFile, content: bytes) -> bytes:
    found = sha256(content).hexdigest()
    if found != file.sha256:
        raise TrainingError(f"{file.url} has sha256 {found}, promised was {file.sha256}")
    return content
