"""Senders that send slowly, nothing, or without end hold neither a connection nor memory for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector import body
from collector.app import Collector, create_app
from collector.intake import Intake
from collector.ledger import Ledger
from collector.listeners import PatientProtocol
from collector.wal import Wal
from collector.writer import Writer
from monitor.clock import utcnow

pytestmark = pytest.mark.integration

HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-protobuf\r\n"


class Hurried(PatientProtocol):
    """The protocol, for tests that cannot wait."""

    head_s = 0.4


@dataclass
class Open:
    """A collector's front in this process, with little patience."""

    port: int
    parts: Collector
    sockets: list[socket.socket] = field(default_factory=list)

    def connect(self, *words: bytes) -> socket.socket:
        """A connection that has said this much."""
        one = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.sockets.append(one)
        for word in words:
            one.sendall(word)
        return one


def heard(connection: socket.socket) -> bytes:
    """Everything until the other side closes; fails when it never does."""
    got = b""
    try:
        while data := connection.recv(65536):
            got += data
    except ConnectionResetError:
        pass
    return got


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Open]:
    """The real application on the real server, whose limits of time are a fraction of a second."""
    wal = Wal(tmp_path, run="r")
    ledger = Ledger(tmp_path / "ledger.json", run="r")
    writer = Writer(wal, ledger, "http://127.0.0.1:9/x", prepare=lambda: None)
    parts = Collector(wal, ledger, writer, Intake(wal, ledger, utcnow))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(
        create_app(parts, patience=body.Patience(0.4, 1.2)), http=Hurried, loop="uvloop",
        log_level="warning", access_log=False,
    ))  # fmt: skip
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    opened = Open(listener.getsockname()[1], parts)
    until(lambda: server.started)
    yield opened
    for one in opened.sockets:
        one.close()
    server.should_exit = True
    thread.join()
    wal.close()
    wal.unlock()


def until(condition: Callable[[], object], *, within_s: float = 10) -> None:
    """Poll until it is true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def test_a_body_that_does_not_come_is_given_up(front: Open) -> None:
    """The sender is told 408, the connection ends, and the bytes that it held are free again."""
    free = front.parts.room.free_bytes
    sender = front.connect(HEAD + b"Content-Length: 100000\r\n\r\n", b"x" * 5000)
    until(lambda: front.parts.room.free_bytes < free)
    said = heard(sender)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in said
    assert front.parts.room.free_bytes == free


def test_a_trickle_is_given_up_too(front: Open) -> None:
    """A byte now and then does not hold the place for ever."""
    sender, started = front.connect(HEAD + b"Content-Length: 100000\r\n\r\n"), time.monotonic()
    sender.settimeout(0.1)
    said = b""
    while not said:
        sender.sendall(b"x")
        try:
            said = sender.recv(65536)
        except TimeoutError:
            assert time.monotonic() - started < 10
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_sender_that_hangs_up_leaves_nothing_behind(front: Open) -> None:
    """Half a body and then nobody: the bytes are free again and nothing is stored."""
    free = front.parts.room.free_bytes
    sender = front.connect(HEAD + b"Content-Length: 100000\r\n\r\n", b"x" * 5000)
    until(lambda: front.parts.room.free_bytes < free)
    sender.close()
    until(lambda: front.parts.room.free_bytes == free)
    assert not front.parts.wal.kept


@pytest.mark.parametrize("words", [b"", b"POST /v1/tra", HEAD], ids=["silent", "path", "head"])
def test_half_a_head_is_given_up(front: Open, words: bytes) -> None:
    """A connection that does not come to the point is closed."""
    assert heard(front.connect(words)) == b""


def test_second_head_has_the_same_patience(front: Open) -> None:
    """A connection that once was good is no exception."""
    sender = front.connect(HEAD + b"Content-Length: 0\r\n\r\n", HEAD)
    said = heard(sender)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1 ") == 1


def test_endless_head_is_cut_off(front: Open) -> None:
    """Headers without end are not collected without end."""
    sender = front.connect(HEAD)
    more, sent = b"x-more: " + b"y" * 1000 + b"\r\n", 0
    with contextlib.suppress(ConnectionError):
        while sent < 10_000:
            sender.sendall(more)
            sent += 1
            time.sleep(0.001)
    assert sent < 10_000


def test_kept_alive_connection_may_rest(front: Open) -> None:
    """Between two requests there is no hurry: exporters send every few seconds."""
    request = HEAD + b"Content-Length: 0\r\n\r\n"
    sender = front.connect(request)
    assert sender.recv(65536).startswith(b"HTTP/1.1 200 ")
    time.sleep(0.8)
    sender.sendall(request)
    assert sender.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_flood_is_refused_and_then_forgotten(front: Open) -> None:
    """With no room left a request is a 503 that can be retried; with room it is taken."""
    room = front.parts.room
    taken, body_bytes = room.free_bytes, ExportTraceServiceRequest(resource_spans=[{}]).SerializeToString()  # fmt: skip
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body_bytes) + body_bytes
    room.take(taken)
    sender = front.connect(request)
    said = sender.recv(65536)
    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 2" in said
    room.give(taken)
    sender.sendall(request)
    assert sender.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert room.free_bytes == taken


async def test_reading_bounds_what_is_not_announced() -> None:
    """A chunked body that grows past the limit is refused and leaves the room as it was."""
    room = body.Room(1000)
    pieces = iter([b"x" * 60] * 9)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    with pytest.raises(body.Refusal) as refusal:
        await body.read(receive, room, limit=100)
    assert refusal.value.status == 413
    assert room.free_bytes == 1000
