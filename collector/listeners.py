"""Where the collector listens: ports that are free, certificates that can be read, patience."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from monitor.exceptions import ConfigurationError, PortInUseError

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from monitor.settings import Settings

__all__ = ["PatientProtocol", "certificate_of", "listen", "refuse_taken_port"]

HTTP_PORT, GRPC_PORT = "OUTERLOOP_OTLP_HTTP_PORT", "OUTERLOOP_OTLP_GRPC_PORT"
BACKLOG = 2048
HEADERS_BYTES = 64 << 10


def listen(settings: Settings) -> socket.socket:
    """The socket of OTLP/HTTP.

    Raises:
        PortInUseError: somebody has the port.
        ConfigurationError: the address is none of this machine's.
    """
    return _bind(settings.host, settings.otlp_http_port, HTTP_PORT)


def refuse_taken_port(settings: Settings) -> None:
    """Look whether gRPC, which binds for itself and late, will find its port free.

    Raises:
        PortInUseError: somebody has the port.
        ConfigurationError: it is the port of OTLP/HTTP too.
    """
    if settings.otlp_grpc_port == settings.otlp_http_port:
        raise ConfigurationError(
            f"{GRPC_PORT} and {HTTP_PORT} are both {settings.otlp_http_port}; they need two ports"
        )
    _bind(settings.host, settings.otlp_grpc_port, GRPC_PORT).close()


def _bind(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} on {host} is taken; stop its owner or choose another port,"
                f" for example {setting}={port + 10 if port < 65000 else 4328}"
            ) from error
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error}; set OUTERLOOP_HOST and {setting}"
        ) from error
    return listener


def certificate_of(settings: Settings) -> tuple[Path, Path] | None:
    """Certificate chain and key, known to be readable and to belong together; None without TLS.

    Raises:
        ConfigurationError: they are not.
    """
    chain, key = settings.tls_certificate, settings.tls_key
    if chain is None or key is None:
        return None
    for name, path in (("OUTERLOOP_TLS_CERTIFICATE", chain), ("OUTERLOOP_TLS_KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"{name}={path} cannot be read: {error.strerror}; name a PEM file"
            ) from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(chain, key, _no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise ConfigurationError(
            f"OUTERLOOP_TLS_CERTIFICATE={chain} and OUTERLOOP_TLS_KEY={key} cannot be used together:"
            f" {error}; give a PEM certificate chain and its unencrypted PEM key"
        ) from error
    return chain, key


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # or OpenSSL would ask on the terminal


class PatientProtocol(HttpToolsProtocol):
    """Closes connections that do not come to the point.

    uvicorn waits for ever for the end of a request's head and lets it grow without bound.
    """

    head_s = 10.0
    """A connection that has not sent a whole request head by then is closed."""
    _in_head = True
    _head_bytes = 0
    _end_of_patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it too
        """A new connection has a while to say something."""
        super().connection_made(transport)
        self._arm()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """It is there; a path that begins with two slashes would be read as a host's name."""
        self._in_head, self._head_bytes = False, 0
        if self.url.startswith(b"//"):
            self.url = b"/" + self.url.lstrip(b"/")
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Hand on, and see whether a head is left unfinished."""
        super().data_received(data)
        if not self._in_head:
            self._disarm()
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEADERS_BYTES:
            self.transport.close()
        elif self._end_of_patience is None:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._end_of_patience = self.loop.call_later(self.head_s, self.transport.close)

    def _disarm(self) -> None:
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
            self._end_of_patience = None
