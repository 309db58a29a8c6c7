"""What happens to a request whatever protocol brought it: check, keep, answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.ledger import Count, Ledger, minute_of
from collector.otlp import Accepted, MalformedError, decode
from collector.segment import Record
from collector.wal import NotDurableError, Wal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["Intake", "Receipt"]

LARGE_BYTES = 256 << 10
"""Larger bodies are checked in a thread, so that one sender's megabytes do not delay others."""
INVALID_IDS = "invalid ids"


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
    """

    def __init__(self, wal: Wal, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._wal, self._ledger, self._now = wal, ledger, now

    async def take(self, signal: str, body: bytes, *, json: bool = False) -> Receipt:
        """Return when the request is durable.

        Raises:
            MalformedError: it is no such request.
            NotDurableError: nothing can be kept now.
        """
        now = self._now()
        try:
            if json or len(body) > LARGE_BYTES:
                accepted = await asyncio.to_thread(decode, signal, body, json=json)
            else:
                accepted = decode(signal, body, json=json)
        except MalformedError:
            self.reject(signal, "malformed")
            raise
        self._count(signal, accepted, now)
        if signal != "metrics" and accepted.payload:
            await self._keep(signal, accepted, now)
        return Receipt(accepted.count, accepted.rejected.total())

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
        record = Record(signal, accepted.count, _microseconds(now), accepted.payload)
        try:
            await self._wal.keep(record)
        except NotDurableError:
            self.reject(signal, "not durable", number=accepted.count)
            raise

    def _count(self, signal: str, accepted: Accepted, now: datetime) -> None:
        minute = minute_of(now)
        for service, number in accepted.services.items():
            self._ledger.gather(Count(minute, signal, service, "counted"), number)
        for service, number in accepted.rejected.items():
            count = Count(minute, signal, service, "rejected", INVALID_IDS)
            self._ledger.gather(count, number)


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
