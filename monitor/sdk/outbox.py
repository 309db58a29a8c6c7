"""The bounded queue between the app's threads and the one that sends, and the books over it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.sdk.guard import GUARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.configuration import Limits, Resource

__all__ = ["GIVEN_UP", "Batch", "Delivery", "Outbox", "Record"]

GIVEN_UP = "the collector could not be reached before the end of the process"


class Record(Protocol):
    """A span or a score that waits to be sent."""

    @property
    def path(self) -> str:
        """Where it is sent to."""

    @property
    def resource(self) -> Resource:
        """What sends it."""

    @property
    def scope(self) -> tuple[str, str]:
        """Name and version of the instrumentation that made it."""

    @property
    def size(self) -> int:
        """Bytes that it holds, roughly."""


class Batch(NamedTuple):
    """Records that leave together."""

    records: list[Record]
    size: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of everything that this process has recorded since `init`, or since its fork."""

    acknowledged: int
    """Spans and scores that the collector has confirmed."""
    pending: int
    """Still here: not sent yet, or sent and not confirmed."""
    dropped: int
    """Lost: no room, refused by the collector, or given up at exit."""


class Outbox:
    """Takes records from any thread, without a lock: what a call costs is mostly what it touches.

    Appending to a deque is atomic. The sum of the sizes is not: threads that add at the same moment
    may lose an addition, so it is a bound on memory, not an account, and the sender puts it right
    whenever the queue is empty. What is told to people (`delivery`) is counted, not summed.
    """

    __slots__ = (
        "__weakref__", "_bytes", "_gone", "_most", "_most_bytes", "_refused", "_settled", "_start",
        "_started", "_thread", "_waiting", "acknowledged", "closing", "deadline", "dropped",
        "forked", "spooled", "wake",
    )  # fmt: skip

    def __init__(self, limits: Limits, *, start: Callable[[Outbox], threading.Thread]) -> None:
        self._most_bytes = limits.queue_bytes
        self._most = limits.queue_records
        self._start = start
        self._thread: threading.Thread | None = None
        self._started = False
        self._waiting: deque[Record] = deque()
        self._bytes = 0
        self._gone = 0
        """Taken out by the sender."""
        self._refused = 0
        """Never let in."""
        self._settled = threading.Condition(threading.RLock())
        self.wake = threading.Event()
        self.closing = False
        """No more is taken; the sender ends when it has emptied the queue or run out of time."""
        self.forked = False
        """This process is a child of the one that owns the queue: nothing here is its own."""
        self.deadline: float | None = None
        """When closing: the monotonic time at which the sender gives up."""
        self.acknowledged = 0
        self.dropped = 0
        self.spooled = 0
        """Of those still pending: kept on disk, safe when the process ends."""

    def put(self, record: Record) -> None:
        """Queue `record`, or count it as dropped where there is no room."""
        held = self._bytes + record.size
        waiting = self._waiting
        if held > self._most_bytes or len(waiting) >= self._most or self.closing:
            self._refuse()
            return
        self._bytes = held
        waiting.append(record)
        if not self._started:
            self._begin()

    def _refuse(self) -> None:
        if self.forked:
            return
        with self._settled:
            self._refused += 1
        self.drop(1, "the queue is full or closed; is the collector reachable?")

    def _begin(self) -> None:
        with self._settled:
            begun, self._started = self._started, True  # first: starting a thread may lead here
        if not begun:
            self._thread = self._start(self)

    def leave_behind(self) -> None:
        """In a forked child: nothing here is this process's to send."""
        self.forked = self.closing = True

    @property
    def taken(self) -> int:
        """Everything that was ever recorded."""
        with self._settled:
            return self._gone + len(self._waiting) + self._refused

    def take(self, *, records: int, size: int) -> Batch:
        """Up to so many of the oldest records; for the one sender."""
        batch: list[Record] = []
        held = 0
        with self._settled:
            while self._waiting and len(batch) < records and held < size:
                record = self._waiting.popleft()
                batch.append(record)
                held += record.size
            self._gone += len(batch)
        return Batch(batch, held)

    def waiting(self) -> int:
        """How many records have not been taken yet."""
        return len(self._waiting)

    def waiting_bytes(self) -> int:
        """Roughly what the queue holds, and what was taken out of it and is not settled."""
        return self._bytes

    def release(self, size: int, *, all_is_sent: bool = False) -> None:
        """The memory of taken records is free again: sent, dropped, or on disk."""
        self._bytes = 0 if all_is_sent and not self._waiting else max(self._bytes - size, 0)

    def acknowledge(self, count: int) -> None:
        """The collector has confirmed `count` records."""
        with self._settled:
            self.acknowledged += count
            self._settled.notify_all()

    def drop(self, count: int, reason: str) -> None:
        """Count `count` records as lost, and say so in the log, once for each reason."""
        if not count:
            return
        GUARD.warn(f"drop: {reason}", "outerloop: spans or scores are being dropped: %s", reason)
        with self._settled:
            self.dropped += count
            self._settled.notify_all()

    def delivery(self) -> Delivery:
        """The books as they stand."""
        with self._settled:
            acknowledged, dropped, taken = self.acknowledged, self.dropped, self.taken
        return Delivery(acknowledged, max(taken - acknowledged - dropped, 0), dropped)

    def flush(self, timeout_s: float) -> Delivery:
        """Wait until everything taken so far is confirmed or dropped, at most `timeout_s`."""
        goal = self.taken
        self.wake.set()
        with self._settled:
            self._settled.wait_for(lambda: self.acknowledged + self.dropped >= goal, timeout_s)
        return self.delivery()

    def close(self, deadline: float) -> None:
        """Take no more; the sender has until the monotonic time `deadline` to empty the queue."""
        self.deadline = deadline
        self.closing = True
        self.wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the sender to end, at most `timeout_s`."""
        if self._thread is not None:
            self._thread.join(max(timeout_s, 0))
