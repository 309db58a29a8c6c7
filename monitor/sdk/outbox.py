"""The bounded queue between the app's threads and the one that sends, and the books over it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.sdk.guard import GUARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.sdk.configuration import Limits

__all__ = ["GIVEN_UP", "Batch", "Delivery", "Outbox", "Record"]

GIVEN_UP = "the collector could not be reached before the end of the process"


class Record(Protocol):
    """A span or a score that waits to be sent."""

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
    """Takes records from any thread and never blocks for longer than another `put` takes.

    `put` may be entered again by the same thread in the middle of itself (a generator that the
    garbage collector closes there is recorded too), hence the reentrant lock.
    """

    def __init__(self, limits: Limits, *, start: Callable[[Outbox], threading.Thread]) -> None:
        self._limits = limits
        self._start = start
        self._thread: threading.Thread | None = None
        self._started = False
        self._waiting: deque[Record] = deque()
        self._bytes = 0
        self._lock = threading.RLock()
        self._settled = threading.Condition(threading.RLock())
        self.wake = threading.Event()
        self.closing = False
        """No more is taken; the sender ends when it has emptied the queue or run out of time."""
        self.forked = False
        """This process is a child of the one that owns the queue: nothing here is its own."""
        self.deadline: float | None = None
        """When closing: the monotonic time at which the sender gives up."""
        self.taken = 0
        self.acknowledged = 0
        self.dropped = 0

    def put(self, record: Record) -> None:
        """Queue `record`, or count it as dropped where there is no room."""
        if self.forked:
            return
        with self._lock:
            self.taken += 1
            full = (
                self._bytes + record.size > self._limits.queue_bytes
                or len(self._waiting) >= self._limits.queue_records
                or self.closing
            )
            if not full:
                self._bytes += record.size
                self._waiting.append(record)
        if not full:
            if not self._started:  # set first: starting a thread may lead back here
                self._started = True
                self._thread = self._start(self)
            return
        self.drop(1, "the queue is full or closed; is the collector reachable?")

    def take(self, *, records: int, size: int) -> Batch:
        """Up to so many of the oldest records."""
        batch: list[Record] = []
        held = 0
        with self._lock:
            while self._waiting and len(batch) < records and held < size:
                record = self._waiting.popleft()
                batch.append(record)
                held += record.size
        return Batch(batch, held)

    def release(self, size: int) -> None:
        """The memory of a taken batch is free again: sent or dropped."""
        with self._lock:
            self._bytes = max(self._bytes - size, 0)

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
            acknowledged, dropped = self.acknowledged, self.dropped
        return Delivery(acknowledged, max(self.taken - acknowledged - dropped, 0), dropped)

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
