"""One HTTP request as a query: its text, database, format, parameters and settings."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any

from collector.embedded_store.errors import BAD_ARGUMENTS, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ExternalTable", "Query", "form_parts", "read_query"]

_NAME = re.compile(r"\w+", re.ASCII)
TRANSPORT = frozenset({
    "query", "database", "default_format", "query_id", "user", "password", "role", "quota_key",
    "session_id", "session_check", "session_timeout", "close_session",
    "compress", "decompress", "buffer_size", "wait_end_of_query", "client_protocol_version",
    "stacktrace", "http_transparent_proxy",
})  # fmt: skip
"""URL parameters that are no settings of the engine."""


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that travels with a query and lives as long as it."""

    name: str
    """Its name in the query."""
    structure: str
    """Its columns, as in CREATE TABLE."""
    format: str
    """Format of its data."""
    data: bytes
    """Its rows."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for, apart from its body."""

    text: str
    """SQL from the URL or a form field; the body goes on after it."""
    database: str
    """Current database of the query."""
    format: str | None
    """Format of the result, or of the data, where the SQL names none."""
    query_id: str
    """The client's id for it, or a fresh one."""
    waits: bool
    """The client wants the whole result before the first byte, so that an error is a status."""
    compressed: bool
    """The client takes a compressed answer."""
    packs: bool
    """It wants the answer in ClickHouse's own compressed blocks."""
    packed: bool
    """It sends the body in them."""
    parameters: Mapping[str, str]
    """Server-side parameters, in ClickHouse's escaped form."""
    settings: Mapping[str, str]
    """Settings of this query alone."""
    tables: tuple[ExternalTable, ...] = field(default=())
    """External tables."""


def read_query(
    method: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    tables: tuple[ExternalTable, ...] = (),
) -> Query:
    """The query of a request.

    Raises:
        QueryError: a format or a parameter is no plain name.

    >>> fields = {"query": "SELECT {n:Int8}", "param_n": "1", "max_threads": "2"}
    >>> query = read_query("GET", fields, {})
    >>> query.parameters, query.settings
    ({'n': '1'}, {'max_threads': '2', 'readonly': '2'})
    """
    structures = {
        f"{table.name}_{part}" for table in tables for part in ("format", "types", "structure")
    }
    data_format = fields.get("default_format") or headers.get("x-clickhouse-format")
    names = [name.removeprefix("param_") for name in fields if name.startswith("param_")]
    for name in (*names, *([data_format] if data_format else [])):
        if not _NAME.fullmatch(name):  # it would end up in SQL of ours
            raise QueryError(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"{name!r} is no plain name")
    settings = {
        name: value
        for name, value in fields.items()
        if name not in TRANSPORT and name not in structures and not name.startswith("param_")
    }
    if method in ("GET", "HEAD") and settings.get("readonly", "0") == "0":
        settings["readonly"] = "2"
    return Query(
        text=fields.get("query", ""),
        database=fields.get("database") or headers.get("x-clickhouse-database") or "default",
        format=data_format,
        query_id=fields.get("query_id") or str(uuid.uuid4()),
        waits=fields.get("wait_end_of_query", "0") not in ("", "0"),
        compressed=settings.get("enable_http_compression", "0") not in ("", "0"),
        packs=fields.get("compress", "0") not in ("", "0"),
        packed=fields.get("decompress", "0") not in ("", "0"),
        parameters={
            name.removeprefix("param_"): value
            for name, value in fields.items()
            if name.startswith("param_")
        },
        settings=settings,
        tables=tables,
    )


def form_parts(
    content_type: str, body: bytes, fields: Mapping[str, str]
) -> tuple[dict[str, str], tuple[ExternalTable, ...]]:
    """Fields and external tables of a multipart form; the URL's `fields` describe the tables.

    Raises:
        QueryError: the form is broken, or a table comes without its structure.
    """
    texts = dict(fields)
    files: dict[str, bytes] = {}
    for name, is_file, data in _parts(content_type, body):
        if is_file:
            files[name] = data
        else:
            texts[name] = data.decode("utf-8", "replace")
    return texts, tuple(_table(name, data, texts) for name, data in files.items())


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, bool, bytes]]:
    parser = BytesHeaderParser()
    boundary = parser.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode()).get_boundary()
    if boundary is None:
        raise QueryError(BAD_ARGUMENTS, "BAD_ARGUMENTS", "The multipart form has no boundary")
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        message = parser.parsebytes(head + b"\r\n\r\n")
        name: Any = message.get_param("name", header="content-disposition")
        yield str(name), message.get_filename() is not None, data.removesuffix(b"\r\n")


def _table(name: str, data: bytes, fields: Mapping[str, str]) -> ExternalTable:
    structure = fields.get(f"{name}_structure")
    if structure is None and f"{name}_types" in fields:
        types = fields[f"{name}_types"].split(",")
        structure = ", ".join(f"_{index} {kind}" for index, kind in enumerate(types, 1))
    if structure is None:
        raise QueryError(
            BAD_ARGUMENTS, "BAD_ARGUMENTS", f"External table {name} comes without {name}_structure"
        )
    data_format = fields.get(f"{name}_format", "TabSeparated")
    if not _NAME.fullmatch(data_format):
        raise QueryError(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"{data_format!r} is no format's name")
    return ExternalTable(name, structure, data_format, data)
