"""The background thread: takes what waits, sends it as OTLP over one connection, and is patient.

An unreachable or overloaded collector is tried again for as long as the app lives. After a second
of it, what waits goes to the spool on disk, and comes back from there when the collector does;
without a spool it waits in memory, which is bounded. What the collector refuses for good is counted
as dropped. At exit there is a deadline: what cannot be sent by then is left in the spool for the
next process of the same service.
"""

from __future__ import annotations

import http.client
import math
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from monitor import vocabulary as v
from monitor.sdk.connection import Answer, Connection
from monitor.sdk.encoding import Parcel, encode, rejected
from monitor.sdk.guard import GUARD
from monitor.sdk.outbox import Outbox
from monitor.sdk.spool import Spool, spool_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.configuration import Configuration

__all__ = ["Sender", "start_sender"]

INTERVAL_S = 0.1
"""How often the queue is looked at; the app's threads never have to wake anyone."""
COMPANY_S = 0.25
"""How long records wait for company when others have just left: a full request costs half as much."""
BATCH_RECORDS = 512
BATCH_BYTES = 1024 * 1024
REQUEST_TIMEOUT_S = 10.0
BACKOFF_S = (0.1, 5.0)
GRACE_S = 1.0
"""A collector that is away for less than this costs no disk."""
LOOK_S = 30.0
"""How often the folder is searched for what other processes left."""
TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
MOST_ATTEMPTS_ON_500 = 5
"""A request that makes the collector fail would otherwise stand in the way of all others."""
RESERVE_S = (0.15, 0.00003)
"""Kept back at exit for writing to disk: always, and for every record that waits."""
REASONS = {
    401: "the collector wants a token: set OUTERLOOP_TOKEN to the collector's",
    403: "the collector refuses this token: set OUTERLOOP_TOKEN to the collector's",
    404: "the endpoint is no OTLP collector: check OUTERLOOP_ENDPOINT",
    413: "a single record is larger than the collector takes: lower Limits.value_chars",
}


class Sender:
    """Empties one outbox until it is closed."""

    def __init__(self, outbox: Outbox, connection: Connection, spool: Spool | None) -> None:
        self._outbox = outbox
        self._connection = connection
        self._spool = spool
        self._held: deque[Parcel] = deque()
        """Encoded and not settled, the first of them perhaps on its way."""
        self._failures = 0
        """In a row."""
        self._down_since = 0.0
        self._next_try = 0.0
        self._told_to_wait = False
        self._written_at = 0.0
        self._taken_at = -math.inf
        self._looked_at = -math.inf
        self._jitter = random.Random()  # noqa: S311 - spreads retries, hides nothing

    def run(self) -> None:
        """The thread's life."""
        while not self._outbox.closing:
            hurried = self._outbox.wake.wait(INTERVAL_S)
            self._outbox.wake.clear()
            with GUARD:
                self._round(hurried=hurried and not self._told_to_wait)
        with GUARD:
            self._end()
        if self._spool is not None:
            self._spool.close()
        self._connection.close()

    def _round(self, *, hurried: bool) -> None:
        """Send what waits; where that is no use yet, put it aside."""
        if not hurried and time.monotonic() < self._next_try:
            self._put_aside()
            return
        if not hurried and self._gathering():
            return
        while self._send_held() and not self._late():
            if not self._take():
                self._send_spooled()
                return

    def _gathering(self) -> bool:
        """Whether what waits may wait for more."""
        lately = time.monotonic() - self._taken_at < COMPANY_S
        return lately and self._few() and not self._held

    def _few(self) -> bool:
        """Whether what is not settled would fit into one request."""
        outbox = self._outbox
        return outbox.waiting() < BATCH_RECORDS and outbox.waiting_bytes() < BATCH_BYTES

    def _take(self) -> bool:
        """Encode the oldest records that wait; False where none do."""
        batch = self._outbox.take(records=BATCH_RECORDS, size=BATCH_BYTES)
        if not batch.records:
            return False
        self._taken_at = time.monotonic()
        try:
            parcels = encode(batch.records, dropped=self._outbox.dropped)
        except BaseException:
            self._outbox.drop(len(batch.records), "the SDK failed to send them")
            self._outbox.release(batch.size)
            raise
        for parcel in parcels:
            self._outbox.drop(parcel.unreadable, "they could not be encoded")
            if parcel.records:
                self._held.append(parcel)
        held = sum(record.size for parcel in parcels for record in parcel.records)
        self._outbox.release(batch.size - held)
        return True

    def _send_held(self) -> bool:
        """Send what is encoded; False where the collector would not have it now."""
        while self._held:
            answer = self._ask(self._held[0].path, self._held[0].body)
            if self._again(answer):
                return False
            self._settle(self._held.popleft(), answer)
        return True

    def _again(self, answer: Answer | None) -> bool:
        """Whether to try again later, and when."""
        settled = answer is not None and answer.status not in TRY_AGAIN
        failing = answer is not None and answer.status == 500
        if settled or (failing and self._failures + 1 >= MOST_ATTEMPTS_ON_500):
            self._failures, self._next_try, self._told_to_wait = 0, 0.0, False
            return False
        if not self._failures:
            self._down_since = time.monotonic()
        longest = min(BACKOFF_S[0] * 2 ** min(self._failures, 10), BACKOFF_S[1])
        wait_s = self._jitter.uniform(longest / 2, longest)
        self._failures += 1
        self._told_to_wait = answer is not None and answer.retry_after_s is not None
        if answer is not None and answer.retry_after_s is not None:
            wait_s = max(wait_s, answer.retry_after_s)
        self._next_try = time.monotonic() + wait_s
        return True

    def _ask(self, path: str, body: bytes) -> Answer | None:
        begun = time.monotonic()

        def meanwhile() -> None:
            if time.monotonic() - begun > GRACE_S:
                with GUARD:
                    self._put_aside(sending=1)

        try:
            return self._connection.post(path, body, self._timeout, meanwhile)
        except (OSError, http.client.HTTPException) as error:
            GUARD.warn(
                f"unreachable: {type(error).__name__}",
                "outerloop: the collector does not answer (%s); what is recorded waits %s",
                type(error).__name__,
                "in memory" if self._spool is None else "in memory and on disk",
            )
            return None

    def _settle(self, parcel: Parcel, answer: Answer | None) -> None:
        """The collector's last word on these records."""
        count = len(parcel.records)
        if answer is not None and answer.status == 413 and count > 1:
            middle = count // 2
            halves = (parcel.records[:middle], parcel.records[middle:])
            for half in halves:
                self._held += encode(half, dropped=self._outbox.dropped)
            return
        size = sum(record.size for record in parcel.records)
        self._outbox.release(size, all_is_sent=not self._held)
        self._count(parcel.path, count, answer)

    def _count(self, path: str, count: int, answer: Answer | None) -> None:
        status = answer.status if answer is not None else 500
        if answer is not None and 200 <= status < 300:
            refused, reason = rejected(path, answer.body)
            refused = min(refused, count)
            self._outbox.drop(refused, f"the collector refused them: {reason}")
            self._outbox.acknowledge(count - refused)
        elif status in TRY_AGAIN:
            self._outbox.drop(count, "the collector keeps failing on them (500); see its log")
        else:
            self._outbox.drop(count, REASONS.get(status, f"the collector answered {status}"))

    def _put_aside(self, *, sending: int = 0, now: bool = False) -> None:
        """Write to the spool what cannot be sent yet, but not the `sending` requests on their way."""
        if self._spool is None:
            return
        moment = time.monotonic()
        lately = moment - max(self._written_at, self._down_since) < GRACE_S
        if lately and not now and self._few():
            return
        self._written_at = moment
        while len(self._held) > sending or self._take():
            while len(self._held) > sending:
                parcel = self._held[-1]
                if not self._spool.keep(parcel.path, len(parcel.records), parcel.body):
                    return
                self._held.pop()
                self._outbox.release(sum(record.size for record in parcel.records))
                self._outbox.spooled = self._spool.held()

    def _send_spooled(self) -> None:
        """Send what lies on disk, newest first, as long as nothing new waits."""
        while self._spool is not None and not self._outbox.waiting() and not self._outbox.closing:
            found = self._spool.last()
            if found is None:
                if not self._look():
                    return
                continue
            segment, frame, own = found
            body = segment.read(frame)
            answer = self._ask(frame.path, body) if body is not None else Answer(400, b"", None)
            if self._again(answer):
                return
            status = answer.status if answer is not None else 500
            if not own and status in REASONS:  # ours to set right; the records can wait for it
                self._spool.leave()
                GUARD.warn(f"left {status}", "outerloop: the spool waits: %s", REASONS[status])
                self._looked_at = time.monotonic()
                return
            segment.cut(frame)
            if own:
                self._outbox.spooled = self._spool.held()
                self._count(frame.path, frame.records, answer)
            elif status >= 300:
                GUARD.warn(f"lost {status}", "outerloop: spooled records were refused: %s", status)

    def _look(self) -> bool:
        """Search the folder for what other processes left, now and then."""
        if self._spool is None or time.monotonic() - self._looked_at < LOOK_S:
            return False
        found = self._spool.look()
        self._looked_at = -math.inf if found else time.monotonic()
        return found

    def _end(self) -> None:
        """The last round: send what can be sent in time, and leave the rest to the next process."""
        down = self._failures > 0
        if not down or self._spool is None:
            while not self._late() and self._send_held() and self._take():
                pass
        self._put_aside(now=True)
        if self._spool is not None:
            self._outbox.spooled = self._spool.held()

    def _timeout(self) -> float:
        deadline = self._outbox.deadline
        if deadline is None:
            return REQUEST_TIMEOUT_S
        return max(deadline - self._reserve() - time.monotonic(), 0.05)

    def _reserve(self) -> float:
        if self._spool is None:
            return 0.0
        return min(RESERVE_S[0] + RESERVE_S[1] * self._outbox.waiting(), 0.6)

    def _late(self) -> bool:
        deadline = self._outbox.deadline
        return deadline is not None and time.monotonic() >= deadline - self._reserve()


def start_sender(outbox: Outbox, configuration: Configuration) -> threading.Thread:
    """Start the daemon thread that empties `outbox`."""
    named = dict(configuration.resource.attributes)
    folder: Callable[[str], Spool] = lambda root: Spool(  # noqa: E731 - only where there is a root
        spool_folder(root, named[v.SERVICE_NAME], configuration.endpoint),
        configuration.limits.spool_bytes,
    )
    spool = folder(configuration.spool) if configuration.spool else None
    sender = Sender(outbox, Connection(configuration), spool)
    thread = threading.Thread(target=GUARD(sender.run), name="outerloop-sdk", daemon=True)
    thread.start()
    return thread
