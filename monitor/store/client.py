"""One small class between our code and ClickHouse's HTTP protocol.

SQL lives in `.sql` files, one question each, with server-side `{name:Type}` parameters. Rows come back
as the frozen dataclass that the caller names and go in as the dataclass that mirrors the table.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.exceptions import StoreUnavailableError

if TYPE_CHECKING:
    import pandas as pd
    from clickhouse_connect.driver.client import Client

__all__ = ["Store"]

T = TypeVar("T")
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it logs what it also raises
QUESTIONS = "monitor.store.questions"


@cache
def question(name: str, package: str = QUESTIONS) -> str:
    """The SQL text of one question, e.g. `question("open_incidents")`."""
    return files(package).joinpath(f"{name}.sql").read_text("utf-8")


class Store:
    """A connection to the store; cheap to make, one per thread or job.

    Args:
        url: `http(s)://user:password@host:port/database`.
        timeout_s: how long a statement may say nothing; a store that hangs is then taken for away.

    Raises:
        StoreUnavailableError: nothing answers at that address.
    """

    def __init__(self, url: str, *, timeout_s: int = 300) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The clickhouse-connect client, made at first use."""
        if self._client is None:
            parts = urlsplit(self.url)
            try:
                self._client = clickhouse_connect.get_client(
                    dsn=self.url,
                    autogenerate_session_id=False,
                    tz_mode="aware",
                    connect_timeout=5,
                    send_receive_timeout=self._timeout_s,
                )
            except (ClickHouseError, OSError) as error:
                reason = "refused" if "refused" in str(error) else str(error)[:200]
                raise StoreUnavailableError(
                    f"no store answers at {parts.hostname}:{parts.port} ({reason});"
                    " start it with `outerloop store` or check OUTERLOOP_STORE_URL"
                ) from error
        return self._client

    def read(
        self, name: str, row: type[T], /, *, package: str = QUESTIONS, **parameters: object
    ) -> list[T]:
        """Ask a question; its columns must carry the names of `row`'s fields."""
        result = self.client.query(question(name, package), parameters=_bind(parameters))
        names = result.column_names
        return [row(**dict(zip(names, values, strict=True))) for values in result.result_rows]

    def rows(
        self, name: str, /, *, package: str = QUESTIONS, **parameters: object
    ) -> list[tuple[Any, ...]]:
        """A question's rows as they come, for those of one or two columns."""
        result = self.client.query(question(name, package), parameters=_bind(parameters))
        return [tuple(row) for row in result.result_rows]

    def value(self, name: str, /, *, package: str = QUESTIONS, **parameters: object) -> Any:
        """The single value of a question that has one row of one column."""
        [[answer]] = self.rows(name, package=package, **parameters)
        return answer

    def frame(
        self, name: str, /, *, package: str = QUESTIONS, **parameters: object
    ) -> pd.DataFrame:
        """A question's answer as a DataFrame, for charts and tables."""
        return self.client.query_df(question(name, package), parameters=_bind(parameters))

    def write(self, name: str, /, *, package: str = QUESTIONS, **parameters: object) -> None:
        """Run an `INSERT … SELECT`: the rows it writes never leave the store."""
        # not `command`: that puts parameters, which may be long lists, into the address
        self.client.raw_query(question(name, package), parameters=_bind(parameters))

    def append(self, table: str, rows: Sequence[Any], *, token: str = "") -> int:
        """Append dataclass rows to the table whose columns their fields name; returns how many.

        Of all appends with the same `token` the store keeps the first and drops the others without a word
        (within the table's deduplication window), so that of two writers who both want to be the next one is.
        """
        if not rows:
            return 0
        if not is_dataclass(rows[0]):
            raise TypeError(f"{table} takes dataclass rows, not {type(rows[0]).__name__}")
        names = [field.name for field in fields(rows[0])]
        block = [[_storable(getattr(row, name)) for name in names] for row in rows]
        settings = {"insert_deduplication_token": token} if token else None
        self.client.insert(table, block, column_names=names, settings=settings)
        return len(rows)

    def command(self, sql: str) -> Any:
        """A statement of the migrations; nothing else writes SQL in Python."""
        return self.client.command(sql)

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _storable(value: Any) -> Any:
    """Times as UTC; plain dicts and lists of ours go into JSON text columns as they are typed."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value


def _bind(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: _parameter(value) for name, value in parameters.items()}


def _parameter(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if isinstance(value, dict):
        return json.dumps(value)
    return value
