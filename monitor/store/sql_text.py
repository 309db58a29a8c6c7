"""SQL as text: its tokens, and what may be said of a statement without an engine."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["bare", "parts", "reads", "rename"]

TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|\w+|\s+|.", re.DOTALL
)


def bare(statement: str) -> str:
    """A statement without its comments, whatever its strings hold.

    >>> bare("SELECT '--no' -- yes")
    "SELECT '--no'"
    """
    return "".join(
        piece for piece in TOKEN.findall(statement) if not piece.startswith(("--", "/*"))
    ).strip()


def parts(text: str) -> Iterator[str]:
    """Split at commas that stand in no bracket.

    >>> list(parts("a Map(String, String), b String DEFAULT ','"))
    ['a Map(String, String)', "b String DEFAULT ','"]
    """
    depth, part = 0, ""
    for piece in TOKEN.findall(text):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += piece
    if part.strip():
        yield part.strip()


def reads(select: str) -> list[str]:
    """Names behind FROM and JOIN, in order; those of subqueries' own (`WITH x AS`) among them."""
    words = [piece.strip("`") for piece in TOKEN.findall(select) if not piece.isspace()]
    return [name for before, name in pairwise(words) if before in ("FROM", "JOIN")]


def rename(select: str, names: Mapping[str, str]) -> str:
    """Rename tables behind FROM and JOIN, but not the subqueries (`WITH name AS (…)`) that hide one behind them.

    >>> rename("WITH t AS (SELECT * FROM t) SELECT * FROM t", {"t": "t_local"})
    'WITH t AS (SELECT * FROM t_local) SELECT * FROM t'
    """
    text, depth = "", 0
    last = ["", "", ""]
    open_at: dict[int, str] = {}
    hidden: set[str] = set()
    for piece in TOKEN.findall(select):
        name = piece.strip("`")
        behind = last[-1] in ("FROM", "JOIN") and name not in hidden
        text += names.get(name, piece) if behind else piece
        if piece == "(":
            if last[-1] == "AS" and last[-2] in names:
                open_at[depth] = last[-2]
            depth += 1
        elif piece == ")":
            depth -= 1
            hidden |= {open_at.pop(depth)} if depth in open_at else set()
        if not piece.isspace():
            last = [*last[1:], name]
    return text
