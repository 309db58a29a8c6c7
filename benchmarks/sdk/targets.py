"""Many rounds as one row an SDK, the table of them, and what has to be reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.sdk.peers import OTEL, OURS, PEERS

__all__ = ["Target", "errors", "medians", "table", "targets"]

Row = Mapping[str, float]
COLUMNS = (
    ("import ms", "import ms", ",.0f"),
    ("CPU ms", "import cpu ms", ",.0f"),
    ("sync med us", "sync median", ",.1f"),
    ("p99 us", "sync p99", ",.0f"),
    ("async med", "async median", ",.1f"),
    ("p99", "async p99", ",.0f"),
    ("nested-3 med", "nested median", ",.1f"),
    ("p99", "nested p99", ",.0f"),
    ("CPU us/call", "cpu us", ",.1f"),
    ("dead/alive", "dead ratio", ".2f"),
    ("hang/alive", "hang ratio", ".2f"),
    ("exit dead s", "exit dead s", ".2f"),
    ("exit hang s", "exit hang s", ".2f"),
    ("growth MB", "growth MB", ",.1f"),
    ("of calls", "calls", ",.0f"),
    ("lost", "lost", ",.0f"),
)
"""Title, figure, format."""


@dataclass(frozen=True, slots=True)
class Target:
    """What has to be reached: `value` at most `bound`."""

    name: str
    value: float | None
    bound: float

    def __str__(self) -> str:
        if self.value is None:
            return f"  {self.name:<62}{'-':>9}  not measured"
        verdict = "met" if self.met else "MISSED"
        return f"  {self.name:<62}{self.value:>9,.4g}  <= {self.bound:<5g} {verdict}"

    @property
    def met(self) -> bool:
        """Whether it is; what was not measured cannot miss."""
        return self.value is None or self.value <= self.bound


def medians(rounds: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """One row: the median of each figure over the rounds that have it.

    >>> medians([{"a": 1, "b": 5}, {"a": 3, "error": "?"}])
    {'a': 2.0, 'b': 5}
    """
    collected: dict[str, list[float]] = {}
    for figures in rounds:
        for name, value in figures.items():
            if isinstance(value, (int, float)):
                collected.setdefault(name, []).append(value)
    row = {name: statistics.median(values) for name, values in collected.items()}
    alive = row.get("alive sync median")
    if alive:
        row |= {
            f"{state} ratio": row[f"{state} sync median"] / alive
            for state in ("dead", "hang")
            if f"{state} sync median" in row
        }
    return row


def errors(rounds: Iterable[Mapping[str, Any]]) -> list[str]:
    """What went wrong, each kind once."""
    return sorted(
        {
            f"{name}: {value}" if name != "error" else str(value)
            for figures in rounds
            for name, value in figures.items()
            if name.endswith("error")
        }
    )


def table(rows: Mapping[str, Row]) -> str:
    """A line an SDK; `-` where there is no figure."""
    widths = [max(len(title), 7) + 2 for title, _, _ in COLUMNS]
    titles = (f"{column[0]:>{width}}" for column, width in zip(COLUMNS, widths, strict=True))
    lines = [f"{'':<28}" + "".join(titles)]
    for name, row in rows.items():
        cells = (
            f"{_cell(row, key, form):>{width}}"
            for (_, key, form), width in zip(COLUMNS, widths, strict=True)
        )
        lines.append(f"{PEERS[name].title:<28}" + "".join(cells))
    return "\n".join(lines)


def _cell(row: Row, key: str, form: str) -> str:
    """The figure; `>` before the time of a process that had to be killed."""
    if key not in row:
        return "-"
    return (">" if row.get(f"{key} killed") else "") + format(row[key], form)


def targets(rows: Mapping[str, Row]) -> list[Target]:
    """What Outerloop has to reach, some of it as a share of the plain OpenTelemetry SDK's cost."""
    ours, otel = rows.get(OURS, {}), rows.get(OTEL, {})

    def share(name: str) -> float | None:
        return ours[name] / otel[name] if name in ours and otel.get(name) else None

    return [
        Target("added per sync call, median, us", ours.get("sync median"), 5),
        Target("added per sync call, p99, us", ours.get("sync p99"), 60),
        Target("added per async call, median, us", ours.get("async median"), 5),
        Target("added per async call, p99, us", ours.get("async p99"), 60),
        Target("CPU of all threads, times bare OpenTelemetry's", share("cpu us"), 0.4),
        Target("import, ms", ours.get("import ms"), 60),
        Target("import, times bare OpenTelemetry's", share("import ms"), 0.5),
        Target("spans that OpenTelemetry's own context does not see", ours.get("unseen"), 0),
        Target("added median, collector dead, times alive", ours.get("dead ratio"), 1.2),
        Target("added median, collector hanging, times alive", ours.get("hang ratio"), 1.2),
        Target("exit, collector dead, s", ours.get("exit dead s"), 1),
        Target("exit, collector hanging, s", ours.get("exit hang s"), 1),
        Target("memory growth, collector dead, MB", ours.get("growth MB"), 30),
        Target("lost calls, collector away for 10 s", ours.get("lost"), 0),
    ]
