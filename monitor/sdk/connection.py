"""One kept-alive HTTP connection to the collector, that lets its thread work while it waits."""

from __future__ import annotations

import gzip
import http.client
import select
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.configuration import Configuration

__all__ = ["Answer", "Connection"]

LONGEST_RETRY_AFTER_S = 30.0
GZIP_FROM_BYTES = 1024
CONNECT_TIMEOUT_S = 3.0
PATIENCE_S = 0.2
"""How long one wait lasts before `meanwhile` is called."""
PIECE_BYTES = 64 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Answer(NamedTuple):
    """What the collector said."""

    status: int
    body: bytes
    retry_after_s: float | None


class Connection:
    """One kept-alive HTTP connection to the collector."""

    def __init__(self, configuration: Configuration) -> None:
        address = urlsplit(configuration.endpoint)
        self._secure = address.scheme == "https"
        self._host = address.hostname or "127.0.0.1"
        self._port = address.port or (443 if self._secure else 80)
        self._prefix = address.path.rstrip("/")
        self._headers = {"Content-Type": "application/x-protobuf", "User-Agent": "outerloop-sdk"}
        if configuration.token:
            self._headers["Authorization"] = f"Bearer {configuration.token}"
        self._compress = self._host not in LOOPBACK  # on loopback it would only cost
        self._held: http.client.HTTPConnection | None = None

    def post(
        self, path: str, body: bytes, timeout_s: Callable[[], float], meanwhile: Callable[[], None]
    ) -> Answer:
        """Send one request; `timeout_s` is asked again during the wait, as it may shrink.

        Raises:
            OSError, http.client.HTTPException: there is no answer.
        """
        headers = self._headers
        if self._compress and len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers = {**headers, "Content-Encoding": "gzip"}
        kept = self._held is not None
        try:
            return self._exchange(path, body, headers, timeout_s, meanwhile)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not kept:
                raise  # else the collector had closed an idle connection
            return self._exchange(path, body, headers, timeout_s, meanwhile)

    def _exchange(
        self,
        path: str,
        body: bytes,
        headers: dict[str, str],
        timeout_s: Callable[[], float],
        meanwhile: Callable[[], None],
    ) -> Answer:
        begun = time.monotonic()

        def wait(*, to_read: bool) -> None:
            while not _ready(sock, PATIENCE_S, to_read=to_read):
                if time.monotonic() - begun >= timeout_s():
                    raise TimeoutError("the collector does not answer")
                meanwhile()

        try:
            held = self._held = self._held or self._connect(timeout_s())
            sock: Any = held.sock
            held.putrequest("POST", self._prefix + path, skip_accept_encoding=True)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                held.putheader(name, value)
            held.endheaders()
            rest = memoryview(body)
            while rest:
                wait(to_read=False)
                rest = rest[sock.send(rest[:PIECE_BYTES]) :]
            wait(to_read=True)
            response = held.getresponse()
            content = response.read(4 * 1024 * 1024)
            if response.will_close:
                self.close()
            return Answer(response.status, content, _retry_after(response.getheader("Retry-After")))
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        held = kind(self._host, self._port, timeout=min(timeout_s, CONNECT_TIMEOUT_S))
        held.connect()
        return held

    def close(self) -> None:
        """Let go of the connection; the next `post` opens a new one."""
        held, self._held = self._held, None
        if held is not None:
            held.close()


def _ready(sock: Any, wait_s: float, *, to_read: bool) -> bool:
    """Whether `sock` can be read from, or written to, without waiting."""
    if to_read and getattr(sock, "pending", int)():  # TLS may hold what select cannot see
        return True
    if hasattr(select, "poll"):  # any descriptor, where select ends at 1,024
        poll = select.poll()
        poll.register(sock, select.POLLIN if to_read else select.POLLOUT)
        return bool(poll.poll(wait_s * 1000))
    none: list[Any] = []
    found = select.select([sock] if to_read else none, none if to_read else [sock], none, wait_s)
    return any(found)


def _retry_after(text: str | None) -> float | None:
    """Seconds, from either form of the header; None where it is absent or unreadable."""
    if not text:
        return None
    try:
        return max(min(float(text), LONGEST_RETRY_AFTER_S), 0.0)
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return None
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER_S)
