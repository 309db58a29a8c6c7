"""What a client's SQL may not do here: reach files, other machines, programs, or the process itself.

Whoever reaches the front may read and write tables; that is its use. A statement that opens a file,
fetches a URL or runs a program would make of a store a way out of it, for a dashboard's user or a
confused script. Which table functions and engines there are, the engine says; those that stay
inside are named here, so a new one is refused until somebody has thought about it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from collector.embedded_store.errors import ACCESS_DENIED, OUTFILE_NOT_ALLOWED, QueryError
from collector.embedded_store.statement import Token, read_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Guard"]

FUNCTIONS = frozenset({
    "values", "sqlstandardvalues", "numbers", "numbers_mt", "zeros", "zeros_mt", "primes",
    "generateseries", "generate_series", "generaterandom", "null", "view", "viewifpermitted",
    "viewexplain", "merge", "loop", "dictionary", "format", "fuzzquery", "fuzzjson", "input",
    "mergetreeindex", "mergetreeprojection", "mergetreecodecblockcounts", "mergetreetextindex",
    "mergetreeanalyzeindexes", "mergetreeanalyzeindexesuuid", "timeseriesdata", "timeseriestags",
    "timeseriesmetrics", "timeseriesselector", "timeseriessamples", "timeseriesmetricfamilies",
})  # fmt: skip
"""Table functions that stay inside the store."""
ENGINES = frozenset({
    "memory", "null", "log", "tinylog", "stripelog", "set", "join", "view", "materializedview",
    "buffer", "merge", "dictionary", "generaterandom", "timeseries", "alias", "fuzzquery",
    "fuzzjson", "loop", "distributed", "atomic", "ordinary", "replicated",
})  # fmt: skip
"""Engines of tables and databases that do, beside every kind of MergeTree."""
SOURCES = frozenset({"CLICKHOUSE", "NULL"})
SYSTEM = frozenset({"START", "STOP", "FLUSH", "DROP", "CLEAR", "SYNC", "RELOAD", "WAIT", "REFRESH"})
SETTINGS = frozenset({
    "output_format_schema", "format_template_row", "format_template_resultset", "profile",
    "format_avro_schema_registry_url",
})  # fmt: skip
"""Settings that name a file or an address, or would undo the limits."""
TABLE_FOLLOWS = frozenset({"FROM", "JOIN", "TABLE", "INTO", "DESC", "DESCRIBE", "EXISTS", "IN"})
CLAUSES = frozenset({
    "SELECT", "WHERE", "PREWHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "SETTINGS",
    "FORMAT", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "QUALIFY", "ON", "USING",
})  # fmt: skip
BACKUP_NAME = re.compile(rb"'\w[\w.-]*'", re.ASCII)


class Guard:
    """Refuses what leads out of the store.

    Args:
        functions: all table functions of the engine.
        engines: all engines of tables and databases.
        caps: settings that have a limit; `check` returns what a statement asks for of them.
    """

    def __init__(
        self, functions: Iterable[str], engines: Iterable[str], caps: Iterable[str]
    ) -> None:
        self._functions = {name.lower() for name in functions} - FUNCTIONS | {"file"}
        self._engines = {
            name.lower() for name in engines if not name.lower().endswith("mergetree")
        } - ENGINES
        self._caps = frozenset(caps)

    def check(self, sql: str) -> dict[str, str]:
        """Look through a statement (or a table's structure), brackets included.

        Returns:
            The limited settings that it sets.

        Raises:
            QueryError: it leads out of the store.
        """
        tokens = list(read_tokens(sql.encode()))
        verb = next((token.word for token in tokens if token.word), "")
        if verb in ("BACKUP", "RESTORE"):
            _check_backup(tokens)
        else:
            for token, following in _pairs(tokens):
                if following == b"(" and _name(token) in self._functions:
                    raise _refusal(f"the function {_name(token)}()")
        if verb == "SYSTEM" and (len(tokens) < 2 or tokens[1].word not in SYSTEM):
            raise _refusal("this SYSTEM command")
        if verb in ("CREATE", "ATTACH", "REPLACE"):
            self._check_creation(tokens)
        _check_files(tokens)
        _check_paths(tokens)
        return self._wanted(tokens)

    def check_parameters(self, sql: str, parameters: Mapping[str, str]) -> None:
        """Look at parameters that may stand for a table.

        Raises:
            QueryError: one is a path.
        """
        if "identifier" in sql.lower():
            for value in parameters.values():
                if value.startswith(("/", "~")) or ".." in value or "\\" in value:
                    raise _refusal(f"a file as a table, {value!r},")

    def check_settings(self, settings: Mapping[str, str]) -> None:
        """Look through the settings of a request.

        Raises:
            QueryError: one names a file, or would undo the limits.
        """
        for name in settings:
            if name in SETTINGS:
                raise _refusal(f"the setting {name}")
        if "format_schema" in settings and settings.get("format_schema_source") != "string":
            raise _refusal("a format_schema that is a file (format_schema_source = 'string' works)")

    def _check_creation(self, tokens: list[Token]) -> None:
        words = [token.word for token in tokens]
        for index, word in enumerate(words):
            after = [token for token in tokens[index + 1 : index + 3] if token.text != b"="]
            if word == "ENGINE" and after and _name(after[0]) in self._engines:
                raise _refusal(f"the engine {_name(after[0])}")
            if word == "SOURCE" and after[:1] and after[0].text == b"(":
                source = tokens[index + 2].word if index + 2 < len(tokens) else ""
                if source not in SOURCES or "HOST" in words:
                    raise _refusal(f"the dictionary source {source}")
            if words[0] == "ATTACH" and word == "FROM" and after and after[0].kind == "quoted":
                raise _refusal("ATTACH … FROM a path")
        if "COLLECTION" in words[:3] or ("FUNCTION" in words[:5] and "AS" not in words):
            raise _refusal("a named collection or a function in another language")

    def _wanted(self, tokens: list[Token]) -> dict[str, str]:
        wanted: dict[str, str] = {}
        schema = {"format_schema": "", "format_schema_source": ""}
        for index, token in enumerate(tokens[:-2]):
            name, value = _name(token), tokens[index + 2].text.decode("utf-8", "replace")
            if tokens[index + 1].text != b"=" or not name:
                continue
            if name in self._caps:
                wanted[name] = value.strip("'") if tokens[index + 2].kind != "word" else "DEFAULT"
            if name in SETTINGS and "SETTINGS" in {token.word for token in tokens}:
                raise _refusal(f"the setting {name}")
            if name in schema:
                schema[name] = value.strip("'")
        if schema["format_schema"] and schema["format_schema_source"] != "string":
            raise _refusal("a format_schema that is a file (format_schema_source = 'string' works)")
        return wanted


def _check_backup(tokens: list[Token]) -> None:
    """The place of a backup is a plain name in the store's own folder for them."""
    for index, token in enumerate(tokens[:-1]):
        if token.kind == "word" and tokens[index + 1].text == b"(":
            place = tokens[index + 2 : index + 4]
            plain = token.word == "FILE" and len(place) == 2 and place[1].text == b")"
            if not plain or not BACKUP_NAME.fullmatch(place[0].text):
                raise _refusal("a backup anywhere but File('name'), in the store's own folder,")


def _check_files(tokens: list[Token]) -> None:
    words = [token.word for token in tokens]
    for pair in pairwise(words):
        if pair == ("INTO", "OUTFILE"):
            raise QueryError(
                OUTFILE_NOT_ALLOWED, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed"
            )
        if pair == ("FROM", "INFILE"):
            raise _refusal("FROM INFILE")


def _check_paths(tokens: list[Token]) -> None:
    """The engine's `default` database takes the path of a file for the name of a table.

    In quotes of names no column is called like a path; in those of strings a path is only a table
    where a table may stand. Relative paths start in an empty folder.
    """
    for before, token, among in _among_tables(tokens):
        if token.kind != "quoted":
            continue
        text = token.text
        table = before.word in TABLE_FOLLOWS or before.text == b"." or among
        named = text[:1] in b'`"'
        away = text[1:2] in b"/~" or b".." in text or (table and b"\\" in text)
        if (table or named) and away:
            raise _refusal(f"a file as a table, {text.decode(errors='replace')},")


def _among_tables(tokens: list[Token]) -> Iterator[tuple[Token, Token, bool]]:
    """Each token with the one before it, and whether it follows a comma in a list of tables."""
    lists = [False]
    for before, token in pairwise(tokens):
        if token.word in ("FROM", "JOIN"):
            lists[-1] = True
        elif token.word in CLAUSES:
            lists[-1] = False
        elif token.text in (b"(", b"[", b"{"):
            lists.append(False)
        elif token.text in (b")", b"]", b"}") and len(lists) > 1:
            lists.pop()
        yield before, token, lists[-1] and before.text == b","


def _pairs(tokens: list[Token]) -> Iterator[tuple[Token, bytes]]:
    for index, token in enumerate(tokens[:-1]):
        yield token, tokens[index + 1].text


def _name(token: Token) -> str:
    """A name in small letters, out of its quotes; one with escapes counts as every forbidden one."""
    text = token.text.decode("utf-8", "replace")
    if token.kind == "word":
        return text.lower()
    if token.kind == "quoted" and text[0] in '`"':
        return "file" if "\\" in text else text[1:-1].lower()
    return ""


def _refusal(what: str) -> QueryError:
    return QueryError(
        ACCESS_DENIED, "ACCESS_DENIED",
        f"The embedded store stays in its data directory: {what} is not allowed;"
        " send the data with the request (INSERT … FORMAT, external tables)",
    )  # fmt: skip
