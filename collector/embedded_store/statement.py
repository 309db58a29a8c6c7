"""Reads as much of a SQL text as HTTP needs: its verb, its format, and where its data begin.

The engine parses SQL; this only finds the seams. A token pattern walks over comments, strings and
quoted names, so that nothing inside them is mistaken for a keyword.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from collector.embedded_store.errors import (
    NOT_IMPLEMENTED,
    OUTFILE_NOT_ALLOWED,
    SYNTAX_ERROR,
    QueryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Statement", "Token", "read_statement", "read_tokens"]

_TOKEN = re.compile(
    rb"""
      (?P<gap>\s+ | --[^\n]* | \#[\ !][^\n]* | /\*.*?\*/)
    | (?P<quoted> '[^'\\]*(?:\\.[^'\\]*)*'
                | `[^`\\]*(?:\\.[^`\\]*)*`
                | "[^"\\]*(?:\\.[^"\\]*)*"
                | (?P<doc>\$\w*\$).*?(?P=doc))
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DATA_GAP = re.compile(rb"[ \t\f]*\r?\n?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement as it travels over HTTP."""

    sql: str
    """The statement, without its data; for an INSERT with data also without VALUES or FORMAT."""
    verb: str
    """Its first keyword in capitals, or an empty text."""
    format: str | None
    """The FORMAT that it names: of its data for an INSERT, else of its result."""
    data_at: int | None
    """Where in the text the data of an INSERT begin; none for everything else."""
    settings: str = ""
    """An INSERT's own SETTINGS clause, which `sql` leaves out; an empty text without one."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a SQL text."""

    kind: str
    """word, quoted, number or other."""
    text: bytes
    """Its bytes."""
    start: int
    """Where it begins."""
    end: int
    """Where what follows begins."""

    @property
    def word(self) -> str:
        """The token in capitals where it is a bare word, else an empty text."""
        return self.text.decode("ascii").upper() if self.kind == "word" else ""


def read_statement(text: bytes, *, complete: bool = True) -> Statement | None:
    r"""The statement that `text` begins with; none when it needs more of the text to know.

    Args:
        text: the SQL, followed by its data where it is an INSERT.
        complete: false when more text may follow.

    Raises:
        QueryError: there is more than one statement, or the result should go into a file.

    >>> read_statement(b"INSERT INTO t (a) FORMAT TSV\n1\n")
    Statement(sql='INSERT INTO t (a)', verb='INSERT', format='TSV', data_at=29, settings='')
    >>> read_statement(b"SELECT 'FORMAT x; y' FORMAT JSON;").format
    'JSON'
    """
    tokens = _Tops(text)
    first = next(tokens, None)
    if first is not None and first.word == "INSERT":
        found = _read_insert(text, tokens, complete=complete)
        if found is not None:
            return found
    if not complete:
        return None
    words = list(_Tops(text))
    _refuse(words)
    sql = _decode(text)
    if not words:
        raise QueryError(SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
    if first is not None and first.word == "INSERT":
        _refuse_input(words)
    verb = next((token.word for token in words if token.word), "")
    if words[0].text == b"(":
        verb = "SELECT"
    return Statement(sql, verb, _result_format(words), None)


def read_tokens(text: bytes) -> Iterator[Token]:
    """All tokens, those in brackets too; gaps are left out."""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup) if match.lastgroup != "doc" else "quoted"
        if kind != "gap":
            yield Token(kind, match[0], match.start(), match.end())


class _Tops:
    """Iterates over the tokens outside all brackets; gaps are left out."""

    def __init__(self, text: bytes) -> None:
        self._tokens = self._walk(text)

    def __iter__(self) -> Iterator[Token]:
        return self._tokens

    def __next__(self) -> Token:
        return next(self._tokens)

    @staticmethod
    def _walk(text: bytes) -> Iterator[Token]:
        depth = 0
        for token in read_tokens(text):
            if token.text in (b")", b"]", b"}"):
                depth = max(depth - 1, 0)
            elif token.text in (b"(", b"[", b"{"):
                depth += 1
                if depth == 1:
                    yield token
            elif depth == 0 or token.text == b";":
                yield token


def _read_insert(text: bytes, tokens: _Tops, *, complete: bool) -> Statement | None:
    """An INSERT whose data follow; none for INSERT … SELECT, or when its head is not all there."""
    named = False
    end: int | None = None  # where a SETTINGS clause begins
    for token in tokens:
        if named and token.word in ("SELECT", "WITH", "FROM", "WATCH"):
            return None
        if named and token.word == "SETTINGS" and end is None:
            end = token.start
        if named and token.word == "VALUES":
            return _with_data(text, end, token.start, "Values", token.end)
        if named and token.word == "FORMAT":
            name = next(tokens, None)
            if name is None or name.kind != "word" or (name.end == len(text) and not complete):
                return None
            return _with_data(
                text, end, token.start, name.text.decode(), _data_start(text, name.end)
            )
        named = named or token.word not in ("INTO", "TABLE", "FUNCTION")
    return _with_data(text, end, len(text), None, len(text)) if named and complete else None


def _with_data(
    text: bytes, settings_at: int | None, end: int, data_format: str | None, data_at: int
) -> Statement:
    cut = end if settings_at is None else settings_at
    settings = _decode(text[cut:end]).strip()
    return Statement(_decode(text[:cut]), "INSERT", data_format, data_at, settings)


def _data_start(text: bytes, end: int) -> int:
    """Data start after the line break that follows the format's name, or after the blanks."""
    gap = _DATA_GAP.match(text, end)
    return gap.end() if gap else end


def _refuse(tokens: list[Token]) -> None:
    ends = [index for index, token in enumerate(tokens) if token.text == b";"]
    if ends and any(token.text != b";" for token in tokens[ends[0] :]):
        raise QueryError(
            SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)"
        )
    words = [token.word for token in tokens]
    if words[:1] == ["SYSTEM"] and words[1:2] in (["SHUTDOWN"], ["KILL"], ["SUSPEND"]):
        raise QueryError(  # the engine would signal the whole process group, supervisor included
            NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "stop the embedded store with a SIGTERM to it"
        )  # fmt: skip
    if ("INTO", "OUTFILE") in pairwise(words):
        raise QueryError(
            OUTFILE_NOT_ALLOWED, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed"
        )


def _refuse_input(tokens: list[Token]) -> None:
    """The engine would take an INSERT … SELECT FROM input() and insert nothing."""
    if any(
        token.word == "INPUT" and following.text == b"(" for token, following in pairwise(tokens)
    ):
        raise QueryError(
            NOT_IMPLEMENTED, "NOT_IMPLEMENTED",
            "INSERT … SELECT FROM input() is not there in the embedded store; insert into"
            " a Null table with a materialised view, or send an external table",
        )  # fmt: skip


def _result_format(tokens: list[Token]) -> str | None:
    tokens = [token for token in tokens if token.text != b";"]
    for index in range(len(tokens) - 2, 0, -1):
        if tokens[index].word == "FORMAT" and tokens[index + 1].kind == "word":
            rest = tokens[index + 2 :]
            if not rest or rest[0].word == "SETTINGS":
                return tokens[index + 1].text.decode()
    return None


def _decode(sql: bytes) -> str:
    try:
        return sql.decode("utf-8").strip().rstrip(";")
    except UnicodeDecodeError as error:
        raise QueryError(
            SYNTAX_ERROR, "SYNTAX_ERROR", f"Syntax error: the query is not UTF-8: {error}"
        ) from error
