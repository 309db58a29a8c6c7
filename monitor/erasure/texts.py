"""Examples and evidence inside JSON texts: the text is written anew without the subject, the rest of it stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from monitor.erasure.rows import condition
from monitor.store.client import question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.erasure.rows import Rows, Staged
    from monitor.store import Store

__all__ = ["TEXTS", "Erased", "rewrite", "without"]

PACKAGE = "monitor.erasure.statements"
TEXTS = (
    ("incidents", "details"),
    ("checks", "evidence"),
    ("checks", "state"),
    ("retrains", "details"),
)
"""JSON texts that may name calls, and are kept for what else they say."""
GONE: Final = object()


@dataclass(frozen=True, slots=True)
class Erased:
    """The ids that a text shall not name any more."""

    ids: frozenset[str]
    """Of traces, sessions and users."""
    spans: frozenset[str]
    """`trace/span`, where a trace is shared."""

    @classmethod
    def of(cls, staged: Iterable[Staged]) -> Erased:
        """Everything that has been put aside."""
        rows = list(staged)
        return cls(
            frozenset(one.id for one in rows if one.kind in ("user", "session", "trace")),
            frozenset(one.id for one in rows if one.kind == "span"),
        )


def without(value: Any, erased: Erased) -> Any:
    """A JSON value without every object that names an erased id, and without the ids themselves.

    >>> erased = Erased(frozenset({"t1"}), frozenset())
    >>> without({"n": 2, "examples": [{"trace_id": "t1", "why": "x"}, {"trace_id": "t2"}]}, erased)
    {'n': 2, 'examples': [{'trace_id': 't2'}]}
    """
    if isinstance(value, dict):  # the text itself stays, for what else it says
        return _pairs(value, erased)
    kept = _without(value, erased)
    return {} if kept is GONE else kept


def _without(value: Any, erased: Erased) -> Any:
    if isinstance(value, str):
        return GONE if value in erased.ids else value
    if isinstance(value, list):
        return [kept for one in value if (kept := _without(one, erased)) is not GONE]
    if not isinstance(value, dict):
        return value
    texts = {one for one in value.values() if isinstance(one, str)}
    span = f"{value.get('trace_id')}/{value.get('span_id')}"
    if texts & erased.ids or span in erased.spans:
        return GONE
    return _pairs(value, erased)


def _pairs(value: dict[str, Any], erased: Erased) -> dict[str, Any]:
    pairs = ((name, _without(one, erased)) for name, one in value.items() if name not in erased.ids)
    return {name: kept for name, kept in pairs if kept is not GONE}


def rewrite(store: Store, rows: Rows, request: str) -> dict[str, int]:
    """Write the texts of `TEXTS` anew; returns how many rows were changed, by table.

    The new row is in before the old one goes: an interruption leaves an event told twice, never lost.
    """
    erased = Erased.of(rows.staged())
    changed: dict[str, int] = {}
    for table, column in TEXTS:
        kind = f"text:{table}.{column}"
        result = store.client.query(
            question("texts", PACKAGE),
            parameters={"table": table, "column": column, "request": request},
        )
        names = list(result.column_names)
        fresh, hashes = [], []
        for row in result.result_rows:
            values = dict(zip(names, row, strict=True))
            kept = without(orjson.loads(values[column] or "{}"), erased)
            hashes.append(str(values.pop("text_hash")))
            fresh.append([*{**values, column: orjson.dumps(kept).decode()}.values()])
        if fresh:
            store.client.insert(table, fresh, column_names=[n for n in names if n != "text_hash"])
        if fresh or any(one.kind == kind for one in rows.staged()):
            rows.stage(kind, hashes)
            rows.delete_where(table, condition("where_text"), {"column": column, "kind": kind})
            changed[table] = changed.get(table, 0) + len(fresh)
    return changed
