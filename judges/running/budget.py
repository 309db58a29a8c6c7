"""Hard budgets: money is set aside before a model is asked, and settled when its answer is kept.

Settled, held and lost money together never pass a limit, whatever runs at once and whatever is
killed. That is as hard as the bounds of the judges: a verdict that costs more than its judge said
is booked as what it cost, and counted as an overrun by the engine.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import count, takewhile
from typing import TYPE_CHECKING, Literal

from judges.running.books import Asked, HoldRow, Scope
from judges.running.journal import Journal, JournalError
from judges.running.kept import dumps
from judges.running.limits import Ledger, Limits
from judges.running.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from judges.interaction import Verdict
    from judges.running.books import Books

__all__ = ["Account", "Claim", "Limits", "Settlement", "Spend", "Turn"]

PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
"""Between two looks at what other processes have settled."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Money that is wanted for one verdict."""

    asked: Asked
    most: int
    """Nano-USD (`judges.running.money.nano_above`)."""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a hold."""

    hold: HoldRow
    cost: int | None
    """Nano-USD; None, not known, is booked as the most it can have been."""
    verdict: Verdict | None = None
    """Kept in the same transaction, so that it is never paid twice."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of the claims: the longest run of them, from the first on, that fits the limits."""

    holds: tuple[HoldRow, ...]
    blocked: Literal["", "wait", "full"]
    """Why the next claim got nothing: `wait` while others hold what it needs, `full` when it can
    never be had."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Where money is."""

    settled_usd: float
    lost_usd: float
    """The most that calls can have cost whose answer a crash or an interruption took."""
    held_usd: float
    """Of calls that are under way, at most."""

    @property
    def booked_usd(self) -> float:
        """What counts against a limit."""
        return round(self.settled_usd + self.lost_usd + self.held_usd, 9)


class Account:
    """One run's purse; several, also in other processes, share the limits through the journal.

    Args:
        journal: None keeps the books in memory.
        run_id: what the run limit is about, and under what verdicts are kept for resuming.
        limits: see there.
        now: tells the aware present; needed for limits per day.

    Raises:
        ValueError: a journal without a run id, or a daily limit without a clock.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        run_id: str = "",
        limits: Limits | None = None,
        *,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        if journal is not None and not run_id:
            raise ValueError("an account in a journal needs a run id")
        if now is None and (self.limits.day_usd is not None or self.limits.service_day_usd):
            raise ValueError("limits per day need a clock; pass now=")
        for service in ("", *self.limits.service_day_usd):
            for kind in ("run", "day", "service"):
                self.limits.of(Scope(kind, "", service))  # a limit that is none is refused here
        self.run_id = run_id
        self.keeps = journal is not None
        """Whether verdicts outlive the run."""
        self.journal = Journal(None) if journal is None else journal
        self._now = now
        self._holder, self._pid = 0, 0
        self._leave: Callable[[], object] | None = None

    def today(self) -> str:
        """The UTC day that is booked on; '' without a clock."""
        return "" if self._now is None else self._now().astimezone(UTC).date().isoformat()

    @property
    def holder(self) -> int:
        """This account in this process, alive until `close` or the end of the process."""
        if self._pid != os.getpid():
            self._holder, self._pid = self.journal.enter(), os.getpid()
            # One that nobody closes leaves when it is forgotten.
            self._leave = weakref.finalize(self, self.journal.presence.leave, self._holder)
        return self._holder

    def close(self) -> None:
        """Give up what is still held: from now on it is lost. Idempotent."""
        if self._leave is not None and self._pid == os.getpid():
            self._leave()
        self._pid = 0

    def turn(self, settlements: Sequence[Settlement], claims: Sequence[Claim]) -> Turn:
        """Settle and hold in one transaction.

        Raises:
            JournalError: the books cannot be kept; then nothing has changed.
        """
        holder, day = self.holder, self.today()
        self.journal.day = max(self.journal.day, day)
        with self.journal.writing() as books:
            ledger = Ledger(books, self.limits)
            self._settle(books, ledger, settlements)
            wanted = [self._row(claim, holder, day) for claim in claims]
            fitting = sum(1 for _ in takewhile(ledger.take, wanted))
            rows = _numbered(wanted[:fitting], books)
            books.add_holds(row for row in rows if row.id)
            blocked = self._blocked(books, ledger, wanted[fitting]) if fitting < len(wanted) else ""
            ledger.write()
        return Turn(rows, blocked)

    async def hold(self, claim: Claim) -> HoldRow | None:
        """Set money aside, if need be once others settle; None when it cannot be had."""
        pause_s = PAUSE_S
        while True:
            turn = self.turn((), (claim,))
            if turn.holds:
                return turn.holds[0]
            if turn.blocked == "full":
                return None
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def settle(self, hold: HoldRow, cost: int | None, verdict: Verdict | None = None) -> None:
        """Book what a call cost, in nano-USD; None, not known, as the most it can have been."""
        self.turn((Settlement(hold, cost, verdict),), ())

    def give_up(self, holds: Iterable[HoldRow]) -> None:
        """Nobody will learn what these cost: they are lost."""
        with self.journal.writing() as books:
            books.give_up(hold.id for hold in holds)

    def spent(self) -> Spend:
        """Of the run."""
        return self._spend(Scope("run", "", self.run_id))

    def spent_on(self, day: str, service: str | None = None) -> Spend:
        """Of a UTC day, as `2026-03-01`, over all runs; of one service, if one is given."""
        return self._spend(
            Scope("day", day, "") if service is None else Scope("service", day, service)
        )

    def _spend(self, scope: Scope) -> Spend:
        with self.journal.reading() as books:
            total = books.totals([scope])[scope]
            held = min(total.open, self._living(books, scope))
        return Spend(usd(total.settled), usd(total.open - held), usd(held))

    def _row(self, claim: Claim, holder: int, day: str) -> HoldRow:
        return HoldRow(0, self.run_id, claim.service, day, claim.asked, claim.most, None, holder)

    def _settle(self, books: Books, ledger: Ledger, settlements: Sequence[Settlement]) -> None:
        costs: list[tuple[int, int, int]] = []
        free: list[HoldRow] = []
        for one in settlements:
            hold, cost = one.hold, one.hold.most if one.cost is None else one.cost
            if hold.id:
                costs.append((cost, hold.id, hold.holder))
            elif cost:  # nothing was held for it, and it cost something all the same
                free.append(replace(hold, settled=cost))
            ledger.settle(hold, cost)
        if costs and books.settle_holds(costs) != len(costs):
            raise JournalError("a hold was settled twice, or its row is gone from the journal")
        books.add_holds(_numbered(free, books))
        if self.keeps:
            kept = ((one.hold.asked, dumps(one.verdict)) for one in settlements if one.verdict)
            books.keep_verdicts(self.run_id, kept)

    def _blocked(self, books: Books, ledger: Ledger, row: HoldRow) -> Literal["wait", "full"]:
        """Whether the limits would let it pass if all that is under way came to nothing."""
        for scope in row.scopes:
            limit, total = ledger.limit(scope), ledger.total(scope)
            if limit is None or ledger.fits(scope, row.most):
                continue
            lost = total.open - self._living(books, scope)
            if total.settled + lost + row.most > limit:
                return "full"
        return "wait"

    def _living(self, books: Books, scope: Scope) -> int:
        """What living holders hold under the scope."""
        alive = self.journal.presence.alive
        return sum(
            most for holder, most in books.open_holds(scope).items() if holder and alive(holder)
        )


def _numbered(rows: Sequence[HoldRow], books: Books) -> tuple[HoldRow, ...]:
    """Rows with numbers of their own; one of no money is not stored and has none."""
    numbers = count(books.next_hold()) if rows else count()
    return tuple(replace(row, id=next(numbers)) if row.most or row.settled else row for row in rows)
