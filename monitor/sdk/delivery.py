"""The background thread: takes what waits, sends it as OTLP over one connection, and is patient.

An unreachable or overloaded collector is tried again for as long as the app lives (the queue is
what is bounded); what it refuses for good is counted as dropped. At exit there is a deadline and
one last attempt.
"""

from __future__ import annotations

import gzip
import http.client
import random
import threading
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from monitor.sdk.guard import GUARD
from monitor.sdk.outbox import GIVEN_UP, Outbox, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.configuration import Configuration

__all__ = ["Answer", "Connection", "Sender", "start_sender"]

INTERVAL_S = 0.1
"""How long records wait for company; the app's threads never have to wake anyone."""
BATCH_RECORDS = 512
BATCH_BYTES = 2 * 1024 * 1024
REQUEST_TIMEOUT_S = 10.0
BACKOFF_S = (0.1, 5.0)
LONGEST_RETRY_AFTER_S = 30.0
GZIP_FROM_BYTES = 1024
TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
MOST_ATTEMPTS_ON_500 = 5
"""A request that makes the collector fail would otherwise stand in the way of all others."""
REASONS = {
    401: "the collector wants a token: set OUTERLOOP_TOKEN to the collector's",
    403: "the collector refuses this token: set OUTERLOOP_TOKEN to the collector's",
    404: "the endpoint is no OTLP collector: check OUTERLOOP_ENDPOINT",
    413: "a single record is larger than the collector takes: lower Limits.value_chars",
}


class Answer(NamedTuple):
    """What the collector said."""

    status: int
    body: bytes
    retry_after_s: float | None


class Connection:
    """One kept-alive HTTP connection to the collector."""

    def __init__(self, configuration: Configuration) -> None:
        address = urlsplit(configuration.endpoint)
        secure = address.scheme == "https"
        self._open: Callable[[float], http.client.HTTPConnection] = lambda timeout_s: (
            http.client.HTTPSConnection if secure else http.client.HTTPConnection
        )(
            address.hostname or "127.0.0.1",
            address.port or (443 if secure else 80),
            timeout=timeout_s,
        )
        self._prefix = address.path.rstrip("/")
        self._headers = {"Content-Type": "application/x-protobuf", "User-Agent": "outerloop-sdk"}
        if configuration.token:
            self._headers["Authorization"] = f"Bearer {configuration.token}"
        self._compress = configuration.compress
        self._held: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, timeout_s: float) -> Answer:
        """Send one request.

        Raises:
            OSError, http.client.HTTPException: there is no answer.
        """
        headers = self._headers
        if self._compress and len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers = {**headers, "Content-Encoding": "gzip"}
        kept = self._held is not None
        try:
            return self._exchange(path, body, headers, timeout_s)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not kept:
                raise
            return self._exchange(
                path, body, headers, timeout_s
            )  # the collector had closed an idle connection

    def _exchange(
        self, path: str, body: bytes, headers: dict[str, str], timeout_s: float
    ) -> Answer:
        try:
            if self._held is None:
                self._held = self._open(timeout_s)
            if self._held.sock is not None:
                self._held.sock.settimeout(timeout_s)
            self._held.request("POST", self._prefix + path, body, headers)
            response = self._held.getresponse()
            content = response.read(4 * 1024 * 1024)
            if response.will_close:
                self.close()
            return Answer(response.status, content, _retry_after(response.getheader("Retry-After")))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection; the next `post` opens a new one."""
        held, self._held = self._held, None
        if held is not None:
            held.close()


def _retry_after(text: str | None) -> float | None:
    """Seconds, from either form of the header; None where it is absent or unreadable."""
    if not text:
        return None
    try:
        return min(float(text), LONGEST_RETRY_AFTER_S)
    except ValueError:
        pass
    try:
        wait = parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return None
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER_S)


class Sender:
    """Empties one outbox until it is closed."""

    def __init__(self, outbox: Outbox, connection: Connection) -> None:
        self._outbox = outbox
        self._connection = connection
        self._jitter = random.Random()  # noqa: S311 - spreads retries, hides nothing

    def run(self) -> None:
        """The thread's life."""
        while not self._outbox.closing:
            self._outbox.wake.wait(INTERVAL_S)
            self._outbox.wake.clear()
            with GUARD:
                self._empty()
        with GUARD:
            self._empty()
        self._connection.close()

    def _empty(self) -> None:
        while not self._late():
            batch = self._outbox.take(records=BATCH_RECORDS, size=BATCH_BYTES)
            if not batch.records:
                return
            try:
                self._send(batch.records)
            finally:
                self._outbox.release(batch.size)

    def _send(self, records: list[Record]) -> None:
        from monitor.sdk.encoding import encode  # noqa: PLC0415 - protobuf loads on this thread

        settled = 0
        try:
            for parcel in encode(records, dropped=self._outbox.dropped):
                self._outbox.drop(parcel.unreadable, "they could not be encoded")
                settled += parcel.unreadable + len(parcel.records)
                if parcel.records:
                    self._deliver(parcel.path, parcel.body, parcel.records)
        except BaseException:
            self._outbox.drop(len(records) - settled, "the SDK failed to send them")
            raise

    def _deliver(self, path: str, body: bytes, records: list[Record]) -> None:
        """Send until it is confirmed or refused, or the process ends."""
        attempt = 0
        while True:
            attempt += 1
            answer = self._ask(path, body)
            if answer is not None and answer.status not in TRY_AGAIN:
                self._settle(path, answer, records)
                return
            if answer is not None and answer.status == 500 and attempt >= MOST_ATTEMPTS_ON_500:
                self._outbox.drop(
                    len(records), "the collector keeps failing on them (500); see its log"
                )
                return
            if not self._pause(attempt, answer):
                self._outbox.drop(len(records), GIVEN_UP)
                return

    def _ask(self, path: str, body: bytes) -> Answer | None:
        try:
            return self._connection.post(path, body, self._timeout())
        except (OSError, http.client.HTTPException) as error:
            GUARD.warn(
                f"unreachable: {type(error).__name__}",
                "outerloop: the collector does not answer (%s); what is recorded waits in memory",
                type(error).__name__,
            )
            return None

    def _settle(self, path: str, answer: Answer, records: list[Record]) -> None:
        from monitor.sdk.encoding import rejected  # noqa: PLC0415 - protobuf loads on this thread

        if 200 <= answer.status < 300:
            refused, reason = rejected(path, answer.body)
            refused = min(refused, len(records))
            self._outbox.drop(refused, f"the collector refused them: {reason}")
            self._outbox.acknowledge(len(records) - refused)
        elif answer.status == 413 and len(records) > 1:
            middle = len(records) // 2
            self._send(records[:middle])
            self._send(records[middle:])
        else:
            self._outbox.drop(
                len(records), REASONS.get(answer.status, f"the collector answered {answer.status}")
            )

    def _timeout(self) -> float:
        deadline = self._outbox.deadline
        return REQUEST_TIMEOUT_S if deadline is None else max(deadline - time.monotonic(), 0.05)

    def _late(self) -> bool:
        return self._outbox.deadline is not None and time.monotonic() >= self._outbox.deadline

    def _pause(self, attempt: int, answer: Answer | None) -> bool:
        """Wait before the next attempt (`flush` shortens it); False when there is no time."""
        if self._outbox.closing and (answer is None or attempt > 1) and self._hasty():
            return False
        longest = min(BACKOFF_S[0] * 2 ** min(attempt - 1, 10), BACKOFF_S[1])
        wait_s = self._jitter.uniform(longest / 2, longest)
        if answer is not None and answer.retry_after_s is not None:
            wait_s = max(wait_s, answer.retry_after_s)
        deadline = self._outbox.deadline
        if deadline is not None and time.monotonic() + wait_s >= deadline:
            return False
        self._outbox.wake.wait(wait_s)
        self._outbox.wake.clear()
        return True

    def _hasty(self) -> bool:
        """Whether the process is ending, rather than only this outbox being replaced by another."""
        deadline = self._outbox.deadline
        return deadline is not None and deadline - time.monotonic() < 2


def start_sender(outbox: Outbox, configuration: Configuration) -> threading.Thread:
    """Start the daemon thread that empties `outbox`."""
    sender = Sender(outbox, Connection(configuration))
    thread = threading.Thread(target=GUARD(sender.run), name="outerloop-sdk", daemon=True)
    thread.start()
    return thread
