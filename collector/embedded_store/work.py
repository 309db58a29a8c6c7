"""Runs one query, in a thread of its own, and hands the answer over in pieces."""

from __future__ import annotations

import json
import sys
import time
import traceback
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from typing import IO, TYPE_CHECKING

from collector.embedded_store.blocks import BlockEncoder, read_blocks
from collector.embedded_store.compression import decode, encoder
from collector.embedded_store.errors import INTERNAL, QueryError
from collector.embedded_store.formats import has_head, join_blocks, streams
from collector.embedded_store.statement import Statement, read_statement

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from collector.embedded_store.channel import Channel
    from collector.embedded_store.engine import Engine, Session, Summary
    from collector.embedded_store.request import Query

__all__ = ["Finished", "Head", "Job", "answer", "unexpected"]

PIECE_BYTES = 64 * 1024
WAITED_BYTES = 16 * 1024 * 1024
"""How much of a result is held back for a client that wants errors as a status."""
HEAD_BYTES = 1024 * 1024
SLOW_READER_S = 1.0
"""A client that takes nothing for so long leaves its query's place at the gate to others."""
READ_BYTES = 1024 * 1024
READS = ("SELECT", "WITH", "FROM", "EXPLAIN")
STREAMING_REFUSED = "Streaming query is not supported"


@dataclass(frozen=True, slots=True)
class Job:
    """One request, ready to run."""

    query: Query
    """What is asked."""
    body: IO[bytes]
    """SQL, or data, or SQL and then data."""
    body_encoding: str
    """How the body is compressed."""
    encoding: str | None
    """How the answer is to be compressed."""
    tag: str
    """Finds the query in the engine, and marks an error in an answer that has already begun."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the response's headers are made of."""

    format: str
    """Format of the result."""
    summary: str
    """X-ClickHouse-Summary, as far as it is known at the first byte."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last piece of an answer."""

    error: QueryError | None = None
    """What cut it short, if anything did."""


def answer(engine: Engine, job: Job, channel: Channel[Head | bytes | Finished]) -> None:
    """Run a job and put its head, its pieces and its end, in this order.

    Args:
        engine: the store.
        job: what to run.
        channel: takes the pieces, until nobody reads any more.
    """
    packer = BlockEncoder() if job.query.packs else encoder(job.encoding)
    begun = False
    try:
        with closing(_produce(engine, job, channel)) as pieces:
            for piece in pieces:
                begun = True
                ready = piece if isinstance(piece, Head) else packer.compress(piece)
                if ready and not channel.put(ready):
                    return
        channel.put(packer.flush())
        channel.put(Finished())
    except Exception as caught:  # noqa: BLE001 - last line of defence of a thread: client and operator are told
        error = caught if isinstance(caught, QueryError) else unexpected(caught)
        if begun:
            channel.put(packer.compress(_error_block(error, job.tag)) + packer.flush())
        channel.put(Finished(error))


def _produce(
    engine: Engine, job: Job, channel: Channel[Head | bytes | Finished]
) -> Generator[Head | bytes, None, None]:
    started = time.perf_counter()
    query = job.query
    chunks = decode(_read_pieces(job.body), job.body_encoding)
    statement, data = _read(query, read_blocks(chunks) if query.packed else chunks)
    result_format = statement.format or query.format or "TabSeparated"
    _check(engine, query, statement)
    with ExitStack() as stack:
        place = None
        if _is_read(statement):
            place = stack.enter_context(engine.gate.inside(channel.is_open))
        session = stack.enter_context(
            engine.session(
                job.tag, database=query.database, settings=query.settings,
                parameters=query.parameters, bounds=_bounds(engine, statement, result_format),
            )
        )  # fmt: skip
        for table in query.tables:
            session.attach(table.name, table.structure, table.format, table.data)
        wanted = WAITED_BYTES if query.waits else PIECE_BYTES
        pieces = _gather(_run(session, statement, data, result_format), wanted)
        first = next(pieces, b"")
        yield Head(result_format, _summary(session.summary, started))
        yield first
        for piece in pieces:
            if place is not None and not channel.has_place(SLOW_READER_S):
                place.leave()
            yield piece


def _check(engine: Engine, query: Query, statement: Statement) -> None:
    """Hold the statement, what travels with it and what it asks for against guard and limits."""
    engine.guard.check_settings(query.settings)
    engine.guard.check_parameters(statement.sql, query.parameters)
    engine.limits.check(query.settings)
    engine.limits.check(engine.guard.check(f"{statement.sql} {statement.settings}"))
    for table in query.tables:
        engine.guard.check(f"CREATE TABLE t ({table.structure})")


def _bounds(engine: Engine, statement: Statement, result_format: str) -> dict[str, str]:
    if statement.verb not in (*READS, "INSERT") or statement.data_at is not None:
        return {}  # an insert's own data, DDL, a backup: they have what the engine has
    reads = statement.verb in READS
    return engine.limits.query_settings(reads=reads, whole=reads and not streams(result_format))


def _is_read(statement: Statement) -> bool:
    """Whether it waits at the gate: everything that computes a result, for a client or a table."""
    return statement.verb in (*READS, "INSERT") and statement.data_at is None


def _run(
    session: Session, statement: Statement, data: Iterator[bytes], result_format: str
) -> Iterator[bytes]:
    """The bytes of the result; none for an INSERT."""
    if statement.data_at is not None:
        session.insert(
            statement.sql, statement.format or "Values", data, settings=statement.settings
        )
        return
    if statement.verb in ("SELECT", "WITH", "FROM") and streams(result_format):
        try:
            yield from join_blocks(result_format, session.stream(statement.sql, result_format))
            if session.summary.result_rows or not has_head(result_format):
                return
        except RuntimeError as error:
            if STREAMING_REFUSED not in str(error):
                raise
    yield session.query(statement.sql, result_format)


def _read(query: Query, chunks: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
    """The statement, and the data that follow it."""
    if query.text:
        text = query.text.encode()
        statement = read_statement(text)
        if statement is not None and statement.data_at is not None:
            return statement, chain((text[statement.data_at :],), chunks)
        rest = b"".join(chunks)
        text = text + b"\n" + rest if rest else text
    else:
        text = b""
        for chunk in chunks:
            text += chunk
            statement = read_statement(text, complete=False) if len(text) >= HEAD_BYTES else None
            if statement is not None and statement.data_at is not None:
                return statement, chain((text[statement.data_at :],), chunks)
    statement = read_statement(text)
    assert statement is not None, "a complete text is always a statement or an error"
    return statement, iter((text[statement.data_at or len(text) :],))


def _read_pieces(body: IO[bytes]) -> Iterator[bytes]:
    while piece := body.read(READ_BYTES):
        yield piece


def _gather(pieces: Iterator[bytes], first_bytes: int) -> Iterator[bytes]:
    """Small pieces put together, so that a result of many small blocks is not as many packets."""
    wanted = first_bytes
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= wanted:
            yield b"".join(held)
            held.clear()
            size, wanted = 0, PIECE_BYTES
    if size:
        yield b"".join(held)


def _summary(summary: Summary, started: float) -> str:
    elapsed_ns = int((time.perf_counter() - started) * 1e9)
    return json.dumps(
        {
            "read_rows": str(summary.read_rows),
            "read_bytes": str(summary.read_bytes),
            "written_rows": str(summary.written_rows),
            "written_bytes": str(summary.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(summary.written_rows or summary.result_rows),
            "result_bytes": str(summary.written_bytes or summary.result_bytes),
            "elapsed_ns": str(elapsed_ns),
        }
    )


def _error_block(error: QueryError, tag: str) -> bytes:
    """An error in the middle of a body, as the server marks it there."""
    text = error.text.encode()
    mark = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b\n%d %b\r\n__exception__\r\n" % (
        mark,
        text,
        len(text) + 1,
        mark,
    )


def unexpected(error: Exception) -> QueryError:
    """A mistake of ours: told to the operator in full, to the client as ClickHouse would."""
    traceback.print_exception(error, file=sys.stderr)
    return QueryError(INTERNAL, "STD_EXCEPTION", f"{type(error).__name__}: {error}")
