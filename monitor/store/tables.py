"""What the migrations say of a table, and where its rows go on a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.store.sql_text import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CREATE_TABLE", "Table", "table_of"]

CREATE_TABLE = re.compile(
    r"CREATE TABLE (?:IF NOT EXISTS )?`?(?P<name>\w+)`?\s*(?:\((?P<columns>.*)\)|AS `?(?P<model>\w+)`?)\s*"
    r"ENGINE\s*=\s*(?P<engine>\w+)(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*)$",
    re.DOTALL,
)
SORTING_KEY = re.compile(
    r"ORDER BY\s+(?P<key>.*?)\s*(?=\bTTL\b|\bSETTINGS\b|\bPARTITION BY\b|\bPRIMARY KEY\b|\bCOMMENT\b|$)", re.DOTALL
)  # fmt: skip
TRACE_COLUMNS = ("TraceId", "trace_id")


@dataclass(frozen=True, slots=True)
class Table:
    """What the migrations say of a table."""

    name: str
    engine: str
    key: str
    """Sorting key without its brackets; '' for a Null table."""
    trace: str
    """Its trace id's column, or ''."""
    columns: frozenset[str] = frozenset()
    looked_up: bool = False
    """It is whole on every node: a view reads it beside its source."""

    @property
    def stored(self) -> bool:
        """It keeps rows."""
        return self.engine.endswith("MergeTree")

    @property
    def by_trace(self) -> bool:
        """All rows of a trace are on one shard."""
        plain = self.engine in ("MergeTree", "Null")
        return bool(self.trace) and (plain or self.trace in re.findall(r"\w+", self.key))

    @property
    def spread(self) -> bool:
        """It is a local table on every node with a Distributed one over it."""
        return self.by_trace or (self.stored and not self.looked_up)

    @property
    def local(self) -> str:
        """Its name on a node."""
        return f"{self.name}_local" if self.spread else self.name

    @property
    def sharding(self) -> str:
        """The expression that says which shard a row belongs on."""
        if not self.by_trace:
            return f"cityHash64({self.key})"
        if self.engine == "MergeTree":  # log records without a trace must not all go to one shard
            return f"if({self.trace} = '', cityHash64({self.key}), cityHash64({self.trace}))"
        return f"cityHash64({self.trace})"


def table_of(match: re.Match[str], known: Mapping[str, Table]) -> Table:
    """The table of a `CREATE_TABLE` match; `known` are those before it, which it may be a copy of."""
    columns: Iterable[str] = [part.split()[0].strip("`") for part in parts(match["columns"] or "")]
    if match["model"]:
        columns = known[match["model"]].columns
    key = SORTING_KEY.search(match["rest"])
    return Table(
        name=match["name"],
        engine=match["engine"],
        key=_unbracketed(key["key"]) if key else "",
        trace=next((name for name in TRACE_COLUMNS if name in columns), ""),
        columns=frozenset(columns),
    )


def _unbracketed(key: str) -> str:
    """The key's expressions, whether it is one or a tuple of them.

    >>> _unbracketed("(a, f(b))"), _unbracketed("a")
    ('a, f(b)', 'a')
    """
    return key[1:-1].strip() if key.startswith("(") and len(list(parts(key))) == 1 else key
