"""The stand-in's Socket Mode: a websocket over which presses go out and acknowledgements come back."""

from __future__ import annotations

import asyncio
import secrets
import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sockets"]

ACK_S = 5.0


@dataclass
class Sockets:
    """The open connections of an app, the tickets for new ones and what was acknowledged."""

    tickets: set[str] = field(default_factory=set)
    open: list[WebSocket] = field(default_factory=list)
    acknowledged: dict[str, threading.Event] = field(default_factory=dict)
    connected: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    def ticket(self) -> str:
        """What lets one client in, once."""
        made = secrets.token_urlsafe(12)
        self.tickets.add(made)
        return made

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from hello to its end."""
        given = socket.query_params.get("ticket", "")
        if given not in self.tickets:
            await socket.close(4401)
            return
        self.tickets.remove(given)
        await socket.accept()
        self._loop = asyncio.get_running_loop()
        await socket.send_json({"type": "hello", "num_connections": len(self.open) + 1})
        self.open.append(socket)
        self.connected.set()
        try:
            while True:
                told = await socket.receive_json()
                waiting = self.acknowledged.get(str(told.get("envelope_id", "")))
                if waiting is not None:
                    waiting.set()
        except WebSocketDisconnect:
            pass  # the client has gone; Slack does not mind either
        finally:
            self.open.remove(socket)
            if not self.open:
                self.connected.clear()

    def send(self, payload: Mapping[str, Any]) -> bool:
        """Send an interaction to the newest connection; whether it was acknowledged in time."""
        if not self.connected.wait(ACK_S) or self._loop is None:
            return False
        envelope = uuid.uuid4().hex
        self.acknowledged[envelope] = threading.Event()
        message = {
            "type": "interactive",
            "envelope_id": envelope,
            "accepts_response_payload": True,
            "payload": dict(payload),
        }
        asyncio.run_coroutine_threadsafe(self.open[-1].send_json(message), self._loop).result(ACK_S)
        return self.acknowledged[envelope].wait(ACK_S)

    def disconnect(self) -> None:
        """End every connection from this side, as Slack does when it refreshes them."""
        if self._loop is not None:
            for socket in list(self.open):
                asyncio.run_coroutine_threadsafe(socket.close(1001), self._loop).result(ACK_S)
