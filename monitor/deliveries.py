"""Every attempt to tell somebody something is a row of `deliveries`; what is tried again when follows from the rows.

Alerts and the webhooks of the retrain loop share it. Nothing is queued anywhere: what is owed follows from incidents
and retrains, what was told from here, so a process that starts after a crash finds the same things owed. An attempt
begins with a row `sending`: one that was begun and not confirmed may have arrived, and is told again under the same id.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from monitor.exceptions import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from monitor.incidents import Announcement
    from monitor.store import Store

__all__ = ["GIVE_UP", "REMEMBERED", "Delivery", "Journal", "Series", "pause"]

REMEMBERED = timedelta(days=7)
"""Attempts that are looked at; what is older than this is settled."""
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=4)
LONGEST_WISH = timedelta(hours=24)
"""Of `Retry-After`; who asks for more is asked again after a day."""
GIVE_UP = timedelta(hours=72)
"""So long after the first attempt a message becomes a dead letter."""
NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell one sink something, or what became of it: a row of `deliveries`."""

    timestamp: datetime
    sink: str
    key: str
    incident_id: str
    kind: str
    state: str
    """`sending`, `delivered`, `failed`, or `dead`: nobody tries any more."""
    channel: str = ""
    message_id: str = ""
    error: str = ""
    due_at: datetime = NEVER
    """Of a failed attempt: not to be tried again before."""


@dataclass(frozen=True, slots=True)
class Series:
    """The attempts at one message, up to now."""

    first_at: datetime
    attempts: int
    """Failed so far."""
    state: str
    """Of the last row."""
    error: str
    due_at: datetime

    def dead(self, now: datetime) -> bool:
        """Whether it was given up, or has to be."""
        return self.state == "dead" or (self.state == "failed" and now - self.first_at >= GIVE_UP)


def pause(key: str, attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: doubling from 30 s up to 4 h, the latter half of it at random.

    The randomness is a hash of key and number, so that many messages that failed together do not come back together.

    >>> [round(pause("rt-1", n) / FIRST_PAUSE, 1) for n in (1, 2, 3)]
    [0.7, 1.6, 3.0]
    >>> LONGEST_PAUSE / 2 <= pause("rt-1", 1000) <= LONGEST_PAUSE
    True
    """
    whole = min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 30), LONGEST_PAUSE)
    drawn = int.from_bytes(sha256(f"{key}:{attempts}".encode()).digest()[:4], "big") / 2**32
    return whole * (0.5 + 0.5 * drawn)


class Journal:
    """What was attempted lately, and the way to attempt more.

    Args:
        store: where the rows are.
        now: the time of this run.
    """

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now = store, now
        self._rows: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
        for row in store.read("deliveries_lately", Delivery, since=now - REMEMBERED):
            self._rows[row.sink, row.key].append(row)

    def __iter__(self) -> Iterator[Delivery]:
        """Every row, in no order over different messages."""
        return (row for rows in self._rows.values() for row in rows)

    def series(self, sink: str, key: str) -> Series | None:
        """How it stands with one message, since it was last taken or given up; None when it was never tried."""
        rows = list(_present(self._rows.get((sink, key), ())))
        if not rows:
            return None
        failed = [row for row in rows if row.state == "failed"]
        return Series(
            first_at=rows[0].timestamp,
            attempts=len(failed),
            state=rows[-1].state,
            error=failed[-1].error if failed else rows[-1].error,
            due_at=failed[-1].due_at if failed else NEVER,
        )

    def delivered(self, sink: str, key: str) -> bool:
        """Whether the sink has taken it."""
        rows = self._rows.get((sink, key), ())
        return any(row.state == "delivered" for row in rows[-1:])

    def wished(self, sink: str) -> datetime:
        """Until when a sink asked to be left alone."""
        return max((row.due_at for row in self if row.sink == sink), default=NEVER)

    def attempt(
        self,
        row: Delivery,
        send: Callable[[bool], Announcement],
        *,
        patient: bool = False,
    ) -> Announcement:
        """Tell it once, with a row before and one after.

        Args:
            row: what and to whom; its state is not looked at.
            send: tells it; given whether an earlier attempt may have arrived.
            patient: after a failure the next one waits as `pause` says; else only as long as the other end asked for.

        Raises:
            DeliveryError: the sink did not take it; the row that says so is kept.
            ConfigurationError: a setting is missing; likewise.
        """
        before = self.series(row.sink, row.key)
        unsure = before is not None and before.state != "delivered"
        self.keep(row, "sending")
        try:
            told = send(unsure)
        except (DeliveryError, ConfigurationError) as error:
            due = self._due(row.key, error, (before.attempts if before else 0) + 1, patient)
            final = patient and isinstance(error, DeliveryError) and error.final
            self.keep(row, "failed", error=str(error)[:500], due_at=due)
            if final:
                self.keep(row, "dead", error=str(error)[:500])
            raise
        self.keep(row, "delivered", channel=told.channel, message_id=told.message_id)
        return told

    def _due(self, key: str, error: Exception, attempts: int, patient: bool) -> datetime:  # noqa: FBT001 - as `attempt` was told
        wish = error.retry_after_s if isinstance(error, DeliveryError) else None
        asked = min(timedelta(seconds=wish or 0), LONGEST_WISH)
        own = pause(key, attempts) if patient else timedelta()
        return self.now + max(asked, own) if asked or own else NEVER

    def keep(
        self,
        row: Delivery,
        state: str,
        *,
        channel: str = "",
        message_id: str = "",
        error: str = "",
        due_at: datetime = NEVER,
    ) -> Delivery:
        """Append what became of it."""
        kept = Delivery(
            self.now, row.sink, row.key, row.incident_id, row.kind, state, channel, message_id, error, due_at
        )  # fmt: skip
        self.store.append("deliveries", [kept])
        self._rows[row.sink, row.key].append(kept)
        return kept


def _present(rows: Iterable[Delivery]) -> Iterator[Delivery]:
    """The rows since a message was last taken, or given up, and then told anew."""
    kept: list[Delivery] = []
    for row in rows:
        if kept and kept[-1].state in ("delivered", "dead"):
            kept = []
        kept.append(row)
    return iter(kept)
