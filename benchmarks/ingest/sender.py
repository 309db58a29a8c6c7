"""Sends requests from a process of its own over a few kept connections, and notes every answer."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    from benchmarks.ingest.load import Request

__all__ = ["Sent", "send"]

RETRIED = frozenset({429, 502, 503, 504})


@dataclass(slots=True)
class Sent:
    """What became of a load."""

    began: float = 0.0
    """`time.perf_counter` of the first byte; the clock is shared by all processes."""
    answers: list[tuple[float, float, int]] = field(default_factory=list)
    """Moment of the answer, seconds that it took, spans; only of accepted requests, in order."""
    refused: dict[int, int] = field(default_factory=dict)
    """Other answers by status."""

    @property
    def spans(self) -> int:
        """Spans accepted."""
        return sum(spans for _, _, spans in self.answers)

    @property
    def accepted_per_s(self) -> float:
        """Spans a second until the last answer."""
        return self.spans / (self.answers[-1][0] - self.began)


def send(
    port: int, path: str, headers: dict[str, str], requests: list[Request], *,
    connections: int = 4, spans_per_s: float = float("inf"), retries: int = 10_000,
) -> Sent:  # fmt: skip
    """Send all requests, as fast as they are taken or at a given rate; returns when all are answered."""
    context = multiprocessing.get_context("fork")
    results: Queue[Sent] = context.Queue()
    run = _Run(port, path, headers, requests, spans_per_s, retries)
    process = context.Process(target=lambda: results.put(run.send(connections)))
    process.start()
    sent = results.get()
    process.join()
    return sent


class _Run:
    def __init__(
        self, port: int, path: str, headers: dict[str, str], requests: list[Request],
        rate: float, retries: int,
    ) -> None:  # fmt: skip
        self._port, self._requests, self._rate, self._retries = port, requests, rate, retries
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: application/x-protobuf\r\n{extra}"
        )
        self._lock = threading.Lock()
        self._at = self._spans = 0
        self._sent = Sent()

    def send(self, connections: int) -> Sent:
        self._sent.began = time.perf_counter()
        threads = [threading.Thread(target=self._work) for _ in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._sent.answers.sort()
        return self._sent

    def _work(self) -> None:
        connection = self._connect()
        while (request := self._next()) is not None:
            for attempt in range(self._retries + 1):
                began = time.perf_counter()
                status = self._post(connection, request.body)
                ended = time.perf_counter()
                with self._lock:
                    if status == 200:
                        self._sent.answers.append((ended, ended - began, request.spans))
                        break
                    self._sent.refused[status] = self._sent.refused.get(status, 0) + 1
                if status not in RETRIED or attempt == self._retries:
                    break
                time.sleep(0.25)

    def _next(self) -> Request | None:
        with self._lock:
            if self._at == len(self._requests):
                return None
            request = self._requests[self._at]
            due = self._sent.began + self._spans / self._rate
            self._at += 1
            self._spans += request.spans
        time.sleep(max(0.0, due - time.perf_counter()))
        return request

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=300)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _post(self, connection: socket.socket, body: bytes) -> int:
        connection.sendall(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = HTTPResponse(connection)
        answer.begin()
        answer.read()
        return answer.status
