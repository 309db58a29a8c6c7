"""How many requests an endpoint gets at once: found out while working, and shared by all judges.

Begins with 8. Every clean round trip doubles it, up to the cap, until the endpoint pushes back (429,
5xx, no answer in time). Then as many are taken off as were refused of those under way, and a little
more; after a clean round trip it goes back to just below where it was refused, stays there for
several, and then looks beyond by 1, 2, 4, … That is TCP's way (slow start, and CUBIC's plateau
below the last known ceiling, RFC 9438) with the round trip for a clock; halving at every refusal
would leave a quarter of what a server allows unused.

When nothing but refusals come back, nobody asks before the time that the endpoint named.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from asyncio import Future

__all__ = ["DEADLINE", "Outcome", "Pace", "Place", "TooLateError"]

Outcome: TypeAlias = Literal["clean", "refused", "failed", "left"]
"""`refused`: 429; `failed`: 5xx, no answer in time; `left`: says nothing about the endpoint."""

DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)
"""The `time.monotonic()` after which nothing is asked any more; set it before tasks are made."""

BELOW_CEILING = 0.95
PLATEAU_ROUNDS = 6
SPORADIC = 0.1
"""A smaller share of 5xx and timeouts is bad luck and not too many requests."""
PATIENCE = 4
"""So many refusals in a row, and more than there are requests under way, close the gate."""


HOPELESS = 12
"""After so many in a row nobody waits for the endpoint any more: one attempt has to do."""


class TooLateError(Exception):
    """The run's deadline comes first."""


@dataclass(slots=True)
class Place:
    """Leave to have one request under way."""

    epoch: int
    sent: float = 0.0


@dataclass(slots=True)
class Pace:
    """The number of requests that are under way, and may be.

    Args:
        start: how many to begin with.
        cap: never more.
    """

    start: int = 8
    cap: int = 64
    under_way: int = 0
    most_under_way: int = 0
    """The highest that `under_way` has been."""
    window: float = field(init=False)
    ceiling: float = field(init=False, default=float("inf"))
    """What the endpoint last allowed."""
    _epoch: int = 0
    _before: float = 0.0
    """Requests under way when this epoch's first refusal came."""
    _refused: int = 0
    _failed: int = 0
    _clean: int = 0
    """Clean answers since the window was last changed."""
    _rounds: int = 0
    """Clean round trips at the ceiling."""
    _step: int = 1
    _in_a_row: int = 0
    _closed_until: float = 0.0
    _waiting: deque[Future[None]] = field(default_factory=deque)
    _again: deque[Future[None]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if not 1 <= self.start <= self.cap:
            raise ValueError("a pace needs 1 <= start <= cap")
        self.window = float(self.start)

    async def enter(self, *, again: bool = False) -> Place:
        """Wait for a place; who was refused before goes first.

        Raises:
            TooLateError: the run's deadline would come before.
        """
        if self._waiting or self._again or self.under_way >= int(self.window) or self._shut_s():
            await self._queue(self._again if again else self._waiting)
        else:
            self._take()
        return Place(self._epoch, time.monotonic())

    def leave(self, place: Place, outcome: Outcome, *, wait_s: float = 0.0) -> None:
        """Give the place back and say how it went; `wait_s` is what the endpoint asked for."""
        before = self.under_way
        self.under_way -= 1
        if outcome == "clean":
            self._grow()
        elif outcome == "refused" or (outcome == "failed" and self._is_much()):
            self._shrink(place, before)
        if outcome in {"refused", "failed"}:
            self._in_a_row += 1
            much = self._in_a_row >= max(PATIENCE, self.under_way)
            if much and wait_s > 0 and not self.hopeless:
                self._closed_until = max(self._closed_until, time.monotonic() + wait_s)
        self._admit()

    @property
    def hopeless(self) -> bool:
        """Nothing but refusals and failures for long; a clean answer ends it."""
        return self._in_a_row >= HOPELESS

    def _take(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)

    async def _queue(self, line: deque[Future[None]]) -> None:
        turn: Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._admit()
        try:
            async with asyncio.timeout(_left_s()):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.under_way -= 1  # the turn came together with the cancellation
            elif turn in line:
                line.remove(turn)
            self._admit()
            if isinstance(error, TimeoutError):
                raise TooLateError("the run's deadline came first") from error
            raise

    def _shut_s(self) -> float:
        return max(0.0, self._closed_until - time.monotonic())

    def _admit(self) -> None:
        if (shut_s := self._shut_s()) > 0 and (self._again or self._waiting):
            asyncio.get_running_loop().call_later(shut_s + 0.001, self._admit)
            return
        while self.under_way < int(self.window) and (self._again or self._waiting):
            turn = (self._again or self._waiting).popleft()
            if not turn.done():
                self._take()
                turn.set_result(None)

    def _grow(self) -> None:
        self._in_a_row = 0
        self._clean += 1
        if self.ceiling == float("inf"):
            self.window = min(self.window + 1, self.cap)  # doubles in a round trip
            return
        if self._clean < self.window:
            return
        self._clean = self._failed = 0
        if self.window < self.ceiling:
            self.window = min(self.ceiling, self.cap)
            self._rounds = 0
            return
        self._rounds += 1
        if self._rounds > PLATEAU_ROUNDS:
            self.window = self.ceiling = min(self.window + self._step, self.cap)
            self._step *= 2

    def _is_much(self) -> bool:
        """Whether failures are more than bad luck; counted over about two windows."""
        self._failed += 1
        if self.ceiling == float("inf") and self._clean > 2 * self.window:
            self._clean, self._failed = 0, 1
        return self._failed > 1 and self._failed > SPORADIC * (self._failed + self._clean)

    def _shrink(self, place: Place, before: int) -> None:
        """One change for all that were under way together: each refusal takes off one more."""
        if place.epoch == self._epoch:
            self._epoch += 1
            self._before, self._refused = float(before), 0
            self._rounds, self._step = 0, 1
        elif place.epoch < self._epoch - 1:
            return
        self._refused += 1
        self._clean = 0
        self.ceiling = max(1.0, self._before - self._refused)
        self.window = max(1.0, min(self.window, self.ceiling * BELOW_CEILING))


async def nap(wait_s: float) -> None:
    """Sleep, unless the run's deadline comes first.

    Raises:
        TooLateError: it does.
    """
    left_s = _left_s()
    if left_s is not None and wait_s >= left_s:
        raise TooLateError("the run's deadline came first")
    await asyncio.sleep(wait_s)


def _left_s() -> float | None:
    deadline = DEADLINE.get()
    return None if deadline is None else max(0.0, deadline - time.monotonic())
