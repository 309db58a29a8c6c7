"""How many requests an endpoint gets at once: found out while working, and shared by all judges.

Begins with 16. Every clean round trip makes four times as many of them, up to the cap, as long as they
would be answered in time even by an endpoint that answers one after another (a local one may). When
it pushes back (429, 5xx, no answer in time), as many are taken off as were refused of those under way,
and a little more; after a clean round trip it goes back to just below where it was refused, stays
there for several, and then looks beyond by 1, 2, 4, … That is TCP's way (slow start from a good first
guess, RFC 6928, and CUBIC's plateau below the last known ceiling, RFC 9438) with the round trip for a
clock; halving at every refusal would leave a quarter of what a server allows unused.

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

START = 16
GROWTH = 4.0
BEARABLE_S = 40.0
"""Two thirds of the time that an answer may take by default."""
BELOW_CEILING = 0.95
PLATEAU_ROUNDS = 6
SPORADIC = 0.1
"""A smaller share of 5xx and timeouts is bad luck and not too many requests."""
IN_A_ROW = 4
"""So many refusals in a row, and more than there are requests under way, close the gate."""
HOPELESS = 12
"""After so many failures in a row nobody waits for the endpoint any more: one attempt has to do."""
PATIENCE_S = 600.0
"""Ten minutes: a rate limit is of a minute, as a rule; one of a day says so in its Retry-After."""


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
        patience_s: so long one question is asked again and again while it is refused by rate limit
            (429); and after so long without a single answer nobody waits any more.
    """

    start: int = START
    cap: int = 64
    patience_s: float = PATIENCE_S
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
    _answered: int = 0
    """Clean answers of this round trip, before anything was refused."""
    _slowest_s: float = 0.0
    """The longest that one of them took."""
    _rounds: int = 0
    """Clean round trips at the ceiling."""
    _step: int = 1
    _in_a_row: int = 0
    _failed_in_a_row: int = 0
    _refused_since: float = 0.0
    """When the first refusal came after the last clean answer; 0 when none has."""
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
            self._grow(time.monotonic() - place.sent)
        elif outcome == "refused" or (outcome == "failed" and self._is_much()):
            self._shrink(place, before)
        if outcome in {"refused", "failed"}:
            self._in_a_row += 1
            if outcome == "failed":
                self._failed_in_a_row += 1
            else:
                self._refused_since = self._refused_since or time.monotonic()
            much = self._in_a_row >= max(IN_A_ROW, self.under_way)
            if much and 0 < wait_s <= self.patience_s and not self.hopeless:
                self._closed_until = max(self._closed_until, time.monotonic() + wait_s)
        self._admit()

    @property
    def hopeless(self) -> bool:
        """Nothing but failures, or nothing but refusals for long; a clean answer ends it."""
        if self._failed_in_a_row >= HOPELESS:
            return True
        since = self._refused_since
        return bool(since) and time.monotonic() - since > self.patience_s

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

    def _grow(self, took_s: float) -> None:
        self._in_a_row = self._failed_in_a_row = 0
        self._refused_since = 0.0
        self._clean += 1
        if self.ceiling == float("inf"):
            self._open(took_s)
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

    def _open(self, took_s: float) -> None:
        """More places after a round trip, if the slowest answer leaves room for a longer queue."""
        self._answered += 1
        self._slowest_s = max(self._slowest_s, took_s)
        if self._answered >= int(self.window):
            times = min(GROWTH, BEARABLE_S / max(self._slowest_s, 0.001))
            self.window = min(self.window * max(times, 1.0), float(self.cap))
            self._answered, self._slowest_s = 0, 0.0

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
