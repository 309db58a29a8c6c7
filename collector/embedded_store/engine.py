"""The chDB engine: one per process, one short-lived connection per query.

A chDB connection is a ClickHouse session: its database, settings, parameters and temporary tables
live and die with it. Opening one costs a tenth of a millisecond, so every request gets its own and
nothing of it can leak into the next.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from collector.embedded_store.binding import Connection
from collector.embedded_store.errors import QueryError
from collector.embedded_store.gate import Gate
from collector.embedded_store.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from collector.embedded_store.limits import Limits

__all__ = ["Engine", "Session", "Summary"]

OURS = {
    "implicit_select": "0",  # chDB would take `foo` for `SELECT foo`
    "async_insert": "0",  # acknowledged must mean stored
    "asterisk_include_alias_columns": "1",  # `SELECT *` of `calls` has its readable text
}
NOT_TAKEN = frozenset({"async_insert", "wait_for_async_insert", "log_comment", "implicit_select"})
"""Settings that a request may send and that have no say here."""


class Summary:
    """What a query read and wrote, counted while it runs."""

    def __init__(self) -> None:
        self.read_rows = 0
        self.read_bytes = 0
        self.written_rows = 0
        self.written_bytes = 0
        self.result_rows = 0
        self.result_bytes = 0


class Session:
    """A connection with the settings of one request; used by one thread."""

    def __init__(
        self, connection: Connection, parameters: Mapping[str, str], scratch: Path
    ) -> None:
        self._connection = connection
        self._scratch = scratch
        self._parameters = dict(parameters)
        self.summary = Summary()

    def stream(self, sql: str, result_format: str) -> Iterator[bytes]:
        """A SELECT's result, block by block; each block is a whole document of its format."""
        with self._connection.send_query(sql, result_format, params=self._parameters) as stream:
            for block in stream:
                data = block.bytes()
                self.summary.result_rows += block.rows_read()
                self.summary.result_bytes += len(data)
                self.summary.read_rows = max(self.summary.read_rows, block.storage_rows_read())
                self.summary.read_bytes = max(self.summary.read_bytes, block.storage_bytes_read())
                yield data

    def query(self, sql: str, result_format: str) -> bytes:
        """Any statement's whole result."""
        result = self._connection.query(sql, result_format, params=self._parameters)
        self.summary.result_rows = result.rows_read()
        self.summary.read_rows = result.storage_rows_read()
        self.summary.read_bytes = result.storage_bytes_read()
        self.summary.written_rows = result.rows_written()
        self.summary.written_bytes = result.bytes_written()
        data = bytes(result.bytes())
        self.summary.result_bytes = len(data)
        return data

    def attach(self, name: str, structure: str, data_format: str, data: bytes) -> None:
        """Make a temporary table out of data that came with the query."""
        table = _quote(name, "`")
        self._connection.query(f"CREATE TEMPORARY TABLE {table} ({structure})")
        self._put(f"INSERT INTO {table}", "", data_format, [data])

    def insert(
        self, sql: str, data_format: str, chunks: Iterable[bytes], *, settings: str = ""
    ) -> None:
        """Insert the rows that `chunks` hold; returns when they are stored."""
        for name, value in self._parameters.items():
            self._connection.query(f"SET param_{name} = {_quote(value)}")
        result = self._put(sql, settings, data_format, chunks)
        self.summary.written_rows += result.rows_written()
        self.summary.written_bytes += result.bytes_written()

    def _put(self, sql: str, settings: str, data_format: str, chunks: Iterable[bytes]) -> Any:
        """Send an insert, its data by way of a file.

        chDB's other ways lose data: streamed inserts (`send_insert`) drop every error that comes after
        parsing, a violated constraint or a view that throws, and report rows as written that are nowhere; data
        behind the statement itself end at the first blank line, which binary formats hold.
        """
        with tempfile.NamedTemporaryFile(dir=self._scratch) as data:
            for chunk in chunks:
                data.write(chunk)
            data.flush()
            source = f"FROM INFILE {_quote(data.name)} {settings} FORMAT {data_format}"
            return self._connection.query(f"{sql} {source}", "TabSeparated")


class Engine:
    """The ClickHouse engine over one data directory.

    Args:
        path: the folder that holds the tables; made when it is not there.
        limits: what it may use.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.limits = limits
        self.gate = Gate(limits.readers)
        self.backups = path.with_name("backups")
        self._path = str(path)
        self.scratch = path.with_name(f"{path.name}-incoming")
        shutil.rmtree(self.scratch, ignore_errors=True)  # what a killed process left behind
        self.scratch.mkdir()
        options = {**limits.engine_settings(), "backups.allowed_path": str(self.backups)}
        options_text = "&".join(f"{name}={value}" for name, value in options.items())
        self._root = Connection(f"{self._path}?{options_text}")  # keeps the engine alive
        self.version, self.timezone = self._ask("SELECT version(), timezone()")[0]
        self.guard = Guard(
            [name for (name,) in self._ask("SELECT name FROM system.table_functions")],
            [
                name
                for kind in ("table", "database")
                for (name,) in self._ask(f"SELECT name FROM system.{kind}_engines")  # noqa: S608 - two names of ours
            ],
            limits.caps,
        )

    def _ask(self, sql: str) -> list[list[str]]:
        text = self._root.query(sql, "TabSeparated").bytes().decode()
        return [line.split("\t") for line in text.splitlines()]

    @contextmanager
    def session(
        self,
        mark: str,
        *,
        database: str,
        settings: Mapping[str, str],
        parameters: Mapping[str, str],
        bounds: Mapping[str, str],
    ) -> Iterator[Session]:
        """A fresh session; `mark` is how `cancel` finds what runs in it, `bounds` what it begins with.

        Raises:
            QueryError: the database or a setting does not exist.
        """
        connection = Connection(self._path)
        try:
            connection.query(_set({**bounds, **OURS, "log_comment": mark}))
            wanted = {name: value for name, value in settings.items() if name not in NOT_TAKEN}
            if database != "default":
                connection.query(f"USE {_quote(database, '`')}")
            if wanted:
                connection.query(_set(wanted))
            yield Session(connection, parameters, self.scratch)
        except (RuntimeError, UnicodeDecodeError) as error:  # ChdbError is a RuntimeError
            raise QueryError.from_engine(error) from error
        finally:
            connection.close()

    def cancel(self, mark: str | None = None) -> None:
        """Stop the reading query of a mark, or all queries; returns before they have stopped."""
        which = "1"
        if mark is not None:
            which = f"Settings['log_comment'] = {_quote(mark)} AND query_kind = 'Select'"
        connection = Connection(self._path)
        try:
            with suppress(RuntimeError):  # nothing runs any more: as good
                connection.query(f"KILL QUERY WHERE {which} ASYNC")
        finally:
            connection.close()

    def close(self) -> None:
        """Flush and close the engine; no session may be open."""
        self._root.close()


def _set(settings: Mapping[str, str]) -> str:
    return "SET " + ", ".join(
        f"{_quote(name, '`')} = {_quote(value)}" for name, value in settings.items()
    )


def _quote(text: str, mark: str = "'") -> str:
    r"""Text as an SQL literal, or as a name with mark '`'.

    >>> print(_quote("it's"))
    'it\'s'
    """
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
