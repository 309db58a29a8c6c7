"""What happens to a request whatever protocol brought it: check, keep, answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from collector.ledger import Count, Ledger, minute_of
from collector.otlp import Accepted, MalformedError, decode
from collector.segment import Note, Record
from collector.wal import NotDurableError, Wal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from collector.masking import Masking

__all__ = ["Intake", "Receipt"]

LARGE_BYTES, LARGE_IF_SLOW_BYTES = 256 << 10, 16 << 10
"""Larger bodies are checked in a thread, so that one sender's megabytes do not delay others; JSON and
masking are the slow ones."""
HUGE_BYTES = 4 << 20
"""Larger bodies are checked one after the other: as messages they take many times their size."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request that was taken."""

    kept: int
    """Items that are durable now."""
    rejected: int
    """Items that were not taken."""


class Intake:
    """Takes requests in.

    Args:
        wal: keeps them.
        ledger: counts what is not kept.
        now: product time.
        masking: takes out what must never be written down.
    """

    def __init__(
        self,
        wal: Wal,
        ledger: Ledger,
        now: Callable[[], datetime],
        masking: Masking | None = None,
    ) -> None:
        self._wal, self._ledger, self._now, self._masking = wal, ledger, now, masking
        self._huge = asyncio.Semaphore(1)

    async def take(self, signal: str, body: bytes, *, json: bool = False) -> Receipt:
        """Return when the request is durable.

        Raises:
            MalformedError: it is no such request.
            NotDurableError: nothing can be kept now.
        """
        now = self._now()
        try:
            accepted = await self._check(signal, body, json=json)
        except MalformedError:
            self.reject(signal, "malformed")
            raise
        if signal != "metrics" and (accepted.count or accepted.note.levels):
            await self._keep(signal, accepted, now)
        else:
            self._gather(signal, accepted.note, now)
        return Receipt(accepted.count, accepted.rejected)

    async def _check(self, signal: str, body: bytes, *, json: bool) -> Accepted:
        work = partial(decode, signal, body, json=json, masking=self._masking)
        large = LARGE_IF_SLOW_BYTES if self._masking or json else LARGE_BYTES
        if len(body) <= large:
            return work()
        if len(body) <= HUGE_BYTES:
            return await asyncio.to_thread(work)
        async with self._huge:
            return await asyncio.to_thread(work)

    def reject(self, signal: str, reason: str, *, number: int = 1, service: str = "") -> None:
        """Count what is turned away."""
        count = Count(minute_of(self._now()), signal, service, "rejected", reason)
        self._ledger.gather(count, number)

    async def record_counts(self) -> None:
        """Put the counts gathered so far into the log; they stay gathered when it takes nothing."""
        payload = self._ledger.harvest()
        if payload is not None:
            try:
                await self._wal.keep(Record("ledger", 0, _microseconds(self._now()), payload))
            except NotDurableError:
                self._ledger.regather(payload)

    async def _keep(self, signal: str, accepted: Accepted, now: datetime) -> None:
        record = Record(signal, accepted.count, _microseconds(now), accepted.payload, accepted.note)
        try:
            await self._wal.keep(record)
        except NotDurableError:
            self.reject(signal, "not durable", number=accepted.count)
            raise
        for _, entry, reason, number in accepted.note.counts:
            if entry == "rejected":
                self._ledger.rejected[signal, reason] += number

    def _gather(self, signal: str, note: Note, now: datetime) -> None:
        for service, entry, reason, number in note.counts:
            self._ledger.gather(Count(minute_of(now), signal, service, entry, reason), number)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
