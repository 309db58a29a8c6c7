"""OTLP over gRPC: the same requests, answers and bounds as `front`, as three generic services.

Messages are taken as the bytes they are, and only when a sender may send and there is a place for
them, so nothing is parsed twice and a stranger cannot fill the memory.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from collector import otlp
from collector.access import authorize
from collector.answers import GRPC_CODES, Refusal
from collector.body import LIMIT_BYTES, PATIENCE
from collector.wal import NotDurableError
from monitor.exceptions import PortInUseError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from collector.body import Room
    from collector.intake import Intake

__all__ = ["GrpcFront"]

SERVICES = {"traces": "trace.v1.TraceService", "logs": "logs.v1.LogsService",
            "metrics": "metrics.v1.MetricsService"}  # fmt: skip
METHODS = {
    f"/opentelemetry.proto.collector.{service}/Export": signal
    for signal, service in SERVICES.items()
}
READING_AT_ONCE = 64
"""Messages that are being received; others wait on their senders' side."""
CODES = {code.value[0]: code for code in grpc.StatusCode}
OPTIONS = (
    ("grpc.max_receive_message_length", LIMIT_BYTES),
    ("grpc.so_reuseport", 0),  # a second collector shall be told, not given every other request
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),  # keepalive of eager exporters is no offence
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class GrpcFront:
    """Answers OTLP/gRPC; what gRPC calls a generic handler.

    Args:
        intake: takes the requests in.
        room: bounds what is in flight, over all protocols.
        token: what senders must know, if anything.
        tally: answers by protocol, signal and status.
    """

    def __init__(
        self, intake: Intake, room: Room, token: str | None, tally: Counter[tuple[str, str, str]]
    ) -> None:
        self._intake, self._room, self._token, self._tally = intake, room, token, tally
        self._reading = asyncio.Semaphore(READING_AT_ONCE)
        self._methods = {m: grpc.stream_unary_rpc_method_handler(self._export(s))
                         for m, s in METHODS.items()}  # fmt: skip
        self._server: grpc.aio.Server | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The method that is called; None for what is none of ours, which gRPC answers itself."""
        return self._methods.get(handler_call_details.method)

    async def start(self, address: str, certificate: tuple[Path, Path] | None) -> None:
        """Listen.

        Raises:
            PortInUseError: somebody took the port since it was looked at.
        """
        self._server = grpc.aio.server(handlers=[self], options=OPTIONS)
        try:
            if certificate is None:
                self._server.add_insecure_port(address)
            else:
                chain, key = (path.read_bytes() for path in certificate)
                credentials = grpc.ssl_server_credentials([(key, chain)])
                self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise PortInUseError(
                f"cannot listen on {address} for OTLP/gRPC; set OUTERLOOP_OTLP_GRPC_PORT"
            ) from error
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Take nothing new, finish what is under way."""
        if self._server is not None:
            await self._server.stop(grace_s)

    def _export(self, signal: str) -> Callable[..., Any]:
        async def export(_requests: Any, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            try:
                answer = await self._take(signal, context)
            except Refusal as refusal:
                self._intake.reject(signal, refusal.reason)
                code, reason = CODES[GRPC_CODES[refusal.status]], str(refusal)
            except otlp.MalformedError as error:
                code, reason = grpc.StatusCode.INVALID_ARGUMENT, str(error)
            except NotDurableError as error:
                code, reason = grpc.StatusCode.UNAVAILABLE, str(error)
            else:
                self._tally["grpc", signal, "OK"] += 1
                return answer
            self._tally["grpc", signal, code.name] += 1
            await context.abort(code, reason)
            raise AssertionError  # abort raises

        return export

    async def _take(self, signal: str, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        """The message of the OK."""
        authorize(_authorization(context), self._token)
        async with self._reading:
            body = await self._read(context)
            self._room.take(len(body))
        try:
            receipt = await self._intake.take(signal, body)
        finally:
            self._room.give(len(body))
        return otlp.partial(signal, receipt.rejected, json=False) if receipt.rejected else b""

    async def _read(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE.idle_s):
                body = await context.read()
        except TimeoutError:
            raise Refusal(408, "too slow", "the message did not arrive in time") from None
        if not isinstance(body, bytes):  # the end of the stream, and nothing before it
            raise Refusal(400, "malformed", "the call has no message")
        return body


def _authorization(context: grpc.aio.ServicerContext[bytes, bytes]) -> str:
    for name, value in context.invocation_metadata() or ():
        if name == "authorization":
            return value if isinstance(value, str) else value.decode("latin-1")
    return ""
