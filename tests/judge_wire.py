"""The loopback judge's HTTP: answers as bytes, and connections that stay open."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Answering", "Connection", "refusal"]


@dataclass
class Answer:
    """Status 0 closes the connection without a word."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As HTTP/1.1 has it."""
        html = isinstance(self.body, str)
        content = self.body.encode() if html else json.dumps(self.body).encode()
        head = [
            f"HTTP/1.1 {self.status} x",
            f"Content-Type: {'text/html' if html else 'application/json'}",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(head).encode() + b"\r\n\r\n" + content


def refusal(
    status: int, message: str, code: str, param: str | None = None, headers: Mapping[str, str] = {}
) -> Answer:
    """An error as OpenAI words it."""
    error = {"message": message, "type": "error", "param": param, "code": code or None}
    return Answer(status, {"error": error}, headers)


Answering = Callable[[str, str, str, bytes], Awaitable[Answer]]
"""Method, path, authorization and body."""


class Connection(asyncio.Protocol):
    """One client's connection: requests one after the other, no pipelining."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.buffer = b""
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep it."""
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        """Nobody waits any more."""
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is whole."""
        self.buffer += data
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        size = int(headers.get("content-length", 0))
        if len(rest) < size:
            return
        self.buffer = rest[size:]
        method, path, _ = first.split(" ")
        answer = self.answering(method, path, headers.get("authorization", ""), rest[:size])
        self.task = asyncio.get_running_loop().create_task(self._answer(answer))

    async def _answer(self, answer: Any) -> None:
        try:
            made = await answer
        except Exception:  # noqa: BLE001 - a request without an answer would hang the one that asks
            made = refusal(500, traceback.format_exc(), "stand_in_broken")
        if made.status == 0:
            self.transport.abort()
        else:
            self.transport.write(made.to_bytes())
