"""What one query and all of them together may use, from the machine's memory and cores.

| what | default | a query may ask for |
| --- | --- | --- |
| memory of the whole engine | half of the machine's (or the container's), at least 1 GiB | - |
| reading queries at a time | twice the cores, 4 to 16; more wait their turn | - |
| memory of one reading query | its share of two thirds of the engine's memory | no more |
| threads of one reading query | half of the cores | up to the cores, or 16 |
| time of one reading query | 300 s | up to 3600 s |
| a result made whole in memory (JSON, Parquet) | a quarter of the query's memory | no more |

A third of the engine's memory is never given to readers: inserts and merges have it. Sorting and
grouping spill to disk at half of a query's memory. What goes over a limit fails with ClickHouse's
own codes: 241 memory, 159 time, 396 result size, 202 too many queries, 452 a setting above its cap.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from collector.embedded_store.errors import SETTING_CONSTRAINT_VIOLATION, QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Limits", "machine_limits"]

MIB = 1024 * 1024
LEAST_ENGINE_BYTES = 1024 * MIB
CACHE_SHARE = 16
"""The caches of marks and indexes may take one part in so many of the engine's memory, each."""
DEFAULT_TIME_S, LONGEST_TIME_S = 300, 3600
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][0-9]+)?)([KMGT]?)i?[bB]?")
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one engine."""

    engine_bytes: int
    """Memory of all queries, merges and caches together."""
    readers: int
    """How many reading queries run at a time."""
    query_bytes: int
    """Memory of one reading query."""
    query_threads: int
    """Threads of one reading query, unless it asks for another number."""
    most_threads: int
    """Threads that a query may ask for."""

    @property
    def whole_result_bytes(self) -> int:
        """Size of a result that is made whole in memory before it is sent."""
        return self.query_bytes // 4

    @property
    def caps(self) -> dict[str, int]:
        """Settings that a query may lower, and how high it may set them."""
        return {
            "max_memory_usage": self.query_bytes,
            "max_execution_time": LONGEST_TIME_S,
            "max_threads": self.most_threads,
        }

    def engine_settings(self) -> dict[str, str]:
        """Settings of the engine as a whole, given when it starts."""
        cache = str(max(self.engine_bytes // CACHE_SHARE, 16 * MIB))
        caches = ("mark", "primary_index", "index_mark", "text_index_postings")
        return {
            "max_server_memory_usage": str(self.engine_bytes),
            **{f"{name}_cache_size": cache for name in caches},
            "memory_worker_period_ms": "1000",  # at its default of 50 it is most of the idle cost
        }

    def query_settings(self, *, reads: bool, whole: bool) -> dict[str, str]:
        """What a query starts with.

        Args:
            reads: it is bounded in time too; an INSERT … SELECT or a DDL statement is not.
            whole: its result is made whole in memory.
        """
        settings = {
            "max_memory_usage": str(self.query_bytes),
            "max_threads": str(self.query_threads),
        }
        if reads:
            settings["max_execution_time"] = str(DEFAULT_TIME_S)
        if whole:
            settings["max_result_bytes"] = str(self.whole_result_bytes)
        return settings

    def check(self, settings: Mapping[str, str]) -> None:
        """Hold what a query asks for against the caps.

        Raises:
            QueryError: a setting is above its cap; 0, which is no limit, is above every one.

        >>> limits(4 << 30, 8).check({"max_threads": "2", "max_block_size": "0"})
        >>> try:
        ...     limits(4 << 30, 8).check({"max_memory_usage": "1T"})
        ... except QueryError as error:
        ...     error.code
        452
        """
        for name, cap in self.caps.items():
            if name in settings and not 0 < _number(settings[name]) <= cap:
                raise QueryError(
                    SETTING_CONSTRAINT_VIOLATION, "SETTING_CONSTRAINT_VIOLATION",
                    f"Setting {name} shouldn't be greater than {cap}, nor 0: {settings[name]!r};"
                    " the embedded store's limits follow OUTERLOOP_STORE_MEMORY_MB and the cores",
                )  # fmt: skip


def limits(engine_bytes: int, cores: int) -> Limits:
    """The bounds for so much memory and so many cores.

    >>> limits(4 << 30, 8)
    Limits(engine_bytes=4294967296, readers=16, query_bytes=178956970, query_threads=4, most_threads=16)
    """
    readers = min(max(2 * cores, 4), 16)
    return Limits(
        engine_bytes=engine_bytes, readers=readers, query_bytes=engine_bytes * 2 // 3 // readers,
        query_threads=max(cores // 2, 1), most_threads=max(cores, 16),
    )  # fmt: skip


def machine_limits(memory_mb: int | None = None) -> Limits:
    """The bounds on this machine, or with `memory_mb` for the engine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    engine_bytes = memory_mb * MIB if memory_mb else max(_memory() // 2, LEAST_ENGINE_BYTES)
    return limits(engine_bytes, cores or 1)


def _memory() -> int:
    """The machine's memory, or the container's where that is less."""
    memory = psutil.virtual_memory().total
    for file in ("memory.max", "memory/memory.limit_in_bytes"):
        path = Path("/sys/fs/cgroup") / file
        text = path.read_text("ascii").strip() if path.is_file() else ""
        if text.isdigit():
            memory = min(memory, int(text))
    return int(memory)


def _number(text: str) -> float:
    """A setting's number; 0 for what is none, which no cap lets pass."""
    match = _NUMBER.fullmatch(text.strip())
    return float(match[1].replace("_", "")) * _FACTORS[match[2]] if match else 0.0
