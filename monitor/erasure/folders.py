"""The subject in files: rows that the store refused and the collector put aside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from monitor.curation.export import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["clean_refused"]

MOST_AT_ONCE = 500
"""Ids in one pattern."""


def clean_refused(data_dir: Path, ids: Sequence[str], *, dry_run: bool = False) -> Iterator[str]:
    """Take lines that name one of `ids` out of `wal/refused`; yields the files."""
    folder = data_dir / "wal" / "refused"
    patterns = [_pattern(ids[at : at + MOST_AT_ONCE]) for at in range(0, len(ids), MOST_AT_ONCE)]
    raw = [bytes.fromhex(one) for one in ids if re.fullmatch(r"[0-9a-f]{32}", one)]
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        data = path.read_bytes()
        if path.suffix == ".jsonl":
            kept = [line for line in data.splitlines(keepends=True) if not _named(line, patterns)]
            touched = b"".join(kept) != data
        else:  # bytes of a torn record: never acknowledged, so nothing of it is owed to anybody
            kept = []
            touched = _named(data, patterns) or any(one in data for one in raw)
        if not touched:
            continue
        if not dry_run and kept:
            replace_text(path, b"".join(kept).decode("utf-8"))
        elif not dry_run:
            path.unlink()
        yield str(path.relative_to(data_dir))


def _pattern(ids: Sequence[str]) -> re.Pattern[bytes]:
    """Any of the ids as a word of its own."""
    words = b"|".join(re.escape(one.encode()) for one in ids)
    return re.compile(rb"(?<![0-9A-Za-z_-])(?:" + words + rb")(?![0-9A-Za-z_-])")


def _named(data: bytes, patterns: Sequence[re.Pattern[bytes]]) -> bool:
    return any(pattern.search(data) for pattern in patterns)
