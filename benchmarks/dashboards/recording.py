"""What the dashboards really ask: a relay before the store that remembers every statement, and asks it again."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import dashboards
import monitor

__all__ = ["Asking", "Recorder", "ask_again", "recorded"]

HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})
"""Headers that belong to one connection."""
NAMELESS = 40
"""Characters of a statement that stands in no `.sql` file."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One statement, as it was sent."""

    path: str
    """With the parameters."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ms: float
    rows: int
    bytes: int
    """What the store says that it read."""

    @property
    def name(self) -> str:
        """Of the `.sql` file, or the statement's beginning."""
        text = self.body.decode("utf-8", "replace").strip()
        found = next((name for sql, name in _questions() if text.startswith(sql)), "")
        return found or " ".join(text.split())[:NAMELESS]


class Recorder:
    """Statements in the order of their answers.

    Args:
        url: of the store, database included.
    """

    def __init__(self, url: str) -> None:
        self.netloc = urlsplit(url).netloc
        self.asked: list[Asking] = []

    def take(self) -> list[Asking]:
        """What was asked since this was last called; of one statement the slowest asking."""
        taken, self.asked = self.asked, []
        slowest: dict[tuple[str, bytes], Asking] = {}
        for one in taken:
            key = (one.path, one.body)
            if one.body and (key not in slowest or slowest[key].ms < one.ms):
                slowest[key] = one
        return list(slowest.values())


@contextmanager
def recorded(url: str) -> Iterator[tuple[str, Recorder]]:
    """A URL that leads to the store through a relay, and what remembers."""
    recorder = Recorder(url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _relay(recorder))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        parts = urlsplit(url)
        yield urlunsplit(parts._replace(netloc=f"127.0.0.1:{server.server_port}")), recorder
    finally:
        server.shutdown()
        server.server_close()


def ask_again(netloc: str, asking: Asking) -> float:
    """Send a statement once more, straight to the store; returns milliseconds until its last byte."""
    began = time.perf_counter()
    _send(netloc, "POST", asking.path, dict(asking.headers), asking.body)
    return (time.perf_counter() - began) * 1000


def _relay(recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the library's name
            self._pass_on()

        def do_POST(self) -> None:  # the library's name
            self._pass_on()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing on stderr."""

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in {*HOP, "host"}}
            began = time.perf_counter()
            status, answered, content = _send(
                recorder.netloc, self.command, self.path, headers, body
            )
            ms = (time.perf_counter() - began) * 1000
            self.send_response(status)
            for name, value in answered.items():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            read = json.loads(answered.get("X-ClickHouse-Summary") or "{}")
            rows, many = int(read.get("read_rows", 0)), int(read.get("read_bytes", 0))
            sent = tuple(headers.items())
            recorder.asked.append(Asking(self.path, sent, body, ms, rows, many))

    return Relay


def _send(
    netloc: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(netloc, timeout=300)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


@cache
def _questions() -> list[tuple[str, str]]:
    """The text of every `.sql` file and its name, the longest first."""
    folders = [Path(str(package.__file__)).parent for package in (dashboards, monitor)]
    files = [file for folder in folders for file in folder.rglob("*.sql")]
    return sorted(
        ((file.read_text("utf-8").strip(), file.stem) for file in files),
        key=lambda one: -len(one[0]),
    )
