"""Runs judges over interactions: many at a time, within hard budgets, resumable after any crash.

The order of work is that of a hash of the interaction, so that wherever money or time ends, what was
judged is the beginning of a random order. What exactly is promised:

* Verdicts are begun in that order. The first one whose most does not fit the budget ends the run:
  no later, cheaper one is judged in its place, which would favour what is cheap to judge.
* `Run.results` has no gap. Its length depends on the costs of its own samples and of the one that
  did not fit, so that a mean over it differs from one over all by no more than that one sample does.
* With several judges the last sample may lack the verdicts of some.

`concurrency` bounds the verdicts under way; how fast an endpoint is asked is the endpoint's matter.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from judges.asking.pace import DEADLINE
from judges.interaction import Interaction, Judge, Verdict
from judges.running.budget import LONGEST_PAUSE_S, PAUSE_S, Account, Claim, Settlement
from judges.running.journal import JournalError
from judges.running.money import usd
from judges.running.runs import Run
from judges.running.worklist import (
    Item,
    UnpricedError,
    ask,
    cost_of,
    failure,
    price,
    queue_of,
    sound,
)

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from judges.running.books import Asked, HoldRow
    from judges.running.journal import Journal

__all__ = ["Run", "UnpricedError", "run"]


async def run(  # noqa: PLR0913 - each option stands alone, and has a default
    judges: Sequence[Judge],
    interactions: Sequence[Interaction],
    *,
    concurrency: int = 64,
    account: Account | None = None,
    journal: Journal | None = None,
    run_id: str = "",
    deadline_s: float | None = None,
    salt: str = "outerloop",
    on_verdict: Callable[[Interaction, Verdict], None] | None = None,
) -> Run:
    """Ask every judge about every interaction, until the money or the time is used up.

    A judge that raises is a `JudgeFailure` and does not stop the others. One that costs money has
    `most_usd(interaction)`, the most that one verdict can cost; one without is taken to cost nothing.
    A run with a journal goes on where one of the same id ended or died: what it has settled is not
    asked again, failures included. Cancelled, it keeps what is finished; what was under way is lost.

    Args:
        judges: async functions of an interaction, told apart by `name`, `version` and `repeat`.
        interactions: what is to be judged, each key once; their order does not matter.
        concurrency: verdicts under way at once.
        account: the budgets; its journal, if it has one, is the run's.
        journal: keeps verdicts for resuming, without budgets, when no account is given.
        run_id: names the run in the journal.
        deadline_s: no verdict is begun and no request sent later than so many seconds after the
            start; requests under way are waited for.
        salt: another one gives another order; a resumed run needs the same.
        on_verdict: told of each verdict once it is kept, those of the journal first.

    Raises:
        UnpricedError: there is a budget, and a judge does not know its price.
        ValueError: two interactions have one key, or two judges are the same.
        RunningError: the run is under way elsewhere.
        JournalError: the books cannot be kept; nothing more is asked.
    """
    if concurrency < 1:
        raise ValueError("concurrency is at least 1")
    until = None if deadline_s is None else time.monotonic() + deadline_s
    with _opened(account, journal, run_id) as (purse, known):
        queue = queue_of(judges, interactions, salt, known)
        if purse is not None:
            await price(queue, limited=bool(purse.limits))
        work = _Work(queue, concurrency, purse, until, on_verdict)
        told = DEADLINE.set(until)  # endpoints give up waiting for their turn, too
        try:
            await work.run()
        finally:
            DEADLINE.reset(told)
    return work.outcome()


@dataclass(slots=True)
class _Work:
    """The loop: settle what is finished, set money aside for what is next, start it, wait."""

    queue: list[Item]
    concurrency: int
    purse: Account | None
    until: float | None
    on_verdict: Callable[[Interaction, Verdict], None] | None
    pending: list[Item] = field(init=False)
    begun: int = 0
    finished: list[tuple[Item, Verdict]] = field(default_factory=list)
    tasks: dict[Task[Verdict], Item] = field(default_factory=dict)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    pause_s: float = 0.0
    stopped: str = ""
    ending: bool = False
    shut: bool = False
    """The books cannot be kept: trying again would only take longer."""
    fatal: BaseException | None = None
    spent: int = 0
    overruns: int = 0

    def __post_init__(self) -> None:
        self.pending = [item for item in self.queue if item.verdict is None]

    async def run(self) -> None:
        """Until all is judged, or something ends it."""
        try:
            for item in self.queue:
                if item.resumed:
                    self._tell(item)
            while True:
                self._turn()
                if not self.tasks and (self.stopped or self.begun == len(self.pending)):
                    break
                await self._wait()
        finally:
            await self._end()

    def outcome(self) -> Run:
        """What came of it."""
        verdicts = [item.verdict for item in self.queue]
        whole = verdicts.index(None) if None in verdicts else len(verdicts)
        had = [item for item in self.queue[:whole] if item.verdict is not None]
        return Run(
            results=tuple((item.interaction, item.verdict) for item in had if item.verdict),
            spent_usd=usd(self.spent),
            unjudged=verdicts.count(None),
            stopped=self.stopped,
            resumed=sum(item.resumed for item in had),
            beyond=len(verdicts) - whole - verdicts.count(None),
            unpriced=sum(item.verdict.usage.cost_usd is None for item in had if item.verdict),
            overruns=self.overruns,
        )

    def _turn(self) -> None:
        """One transaction, and what follows from it."""
        if self.fatal is not None:
            raise self.fatal
        if self.until is not None and time.monotonic() >= self.until and not self.stopped:
            self.stopped = "deadline" if self.begun < len(self.pending) else ""
        room = 0 if self.stopped else self.concurrency - len(self.tasks)
        finished, wanted = self.finished, self.pending[self.begun : self.begun + room]
        holds = self._book(finished, wanted)
        self.finished = []
        for item, hold in zip(wanted, holds, strict=False):
            item.hold = hold
            task = asyncio.create_task(ask(item))
            self.tasks[task] = item
            task.add_done_callback(self._done)
        self.begun += len(holds)
        for item, verdict in finished:
            item.verdict = verdict
            self._tell(item)

    def _book(
        self, finished: Sequence[tuple[Item, Verdict]], wanted: Sequence[Item]
    ) -> Sequence[HoldRow | None]:
        """Settle and hold; holds for as many of the wanted, from the first on, as may be begun."""
        settlements = [self._settlement(item, verdict) for item, verdict in finished]
        if self.purse is None:
            return [None] * len(wanted)
        if not settlements and not wanted:
            return []
        claims = [Claim(one.asked, one.most, one.interaction.service) for one in wanted]
        try:
            turn = self.purse.turn([one for one in settlements if one], claims)
        except JournalError:
            self.shut = True
            raise
        if turn.blocked == "full":
            self.stopped = "budget"
        waits = turn.blocked == "wait"
        self.pause_s = min(LONGEST_PAUSE_S, 2 * self.pause_s or PAUSE_S) if waits else 0.0
        return turn.holds

    def _settlement(self, item: Item, verdict: Verdict) -> Settlement | None:
        cost = cost_of(verdict)
        self.spent += item.most if cost is None else cost
        self.overruns += self.purse is not None and cost is not None and cost > item.most
        return None if item.hold is None else Settlement(item.hold, cost, verdict)

    def _done(self, task: Task[Verdict]) -> None:
        """A judge has ended, one way or another."""
        if task.cancelled() and self.ending:
            return  # it stays among the tasks: nobody learns what it cost
        item = self.tasks.pop(task)
        error = asyncio.CancelledError("of its own") if task.cancelled() else task.exception()
        if error is None:
            self.finished.append((item, sound(item, task.result())))
        elif isinstance(error, JournalError) or not isinstance(
            error, (Exception, asyncio.CancelledError)
        ):
            self.fatal = error
        else:
            self.finished.append((item, failure(item, f"{type(error).__name__}: {error}")))
        self.moved.set()

    async def _wait(self) -> None:
        """Until a judge has ended; not long when other processes hold the money."""
        pause_s = self.pause_s or None
        if pause_s is not None and self.until is not None:
            pause_s = min(pause_s, max(0.0, self.until - time.monotonic()))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self.moved.wait()
        await asyncio.sleep(0)  # what ends in the same moment is settled in the same transaction
        self.moved.clear()

    async def _end(self) -> None:
        """Keep what is finished, stop what is under way, and book it as lost."""
        self.ending = True
        try:
            self._keep()
            for task in self.tasks:
                task.cancel()
            if self.tasks:
                await asyncio.gather(*self.tasks, return_exceptions=True)
        finally:
            self._keep()
            lost = [item.hold for item in self.tasks.values() if item.hold is not None]
            if lost and self.purse is not None and not self.shut:
                self.purse.give_up(lost)

    def _keep(self) -> None:
        """Settle what is finished, unless the books are what failed."""
        if self.finished and not self.shut:
            self._book(self.finished, ())
            self.finished = []

    def _tell(self, item: Item) -> None:
        if self.on_verdict is not None and item.verdict is not None:
            self.on_verdict(item.interaction, item.verdict)


@contextmanager
def _opened(
    account: Account | None, journal: Journal | None, run_id: str
) -> Iterator[tuple[Account | None, Mapping[Asked, Verdict]]]:
    """The purse, and what the run has settled before; the run is ours as long as it is open."""
    purse = _purse(account, journal, run_id)
    if purse is None or not purse.keeps:
        yield purse, {}
        return
    try:
        purse.journal.open_run(purse.run_id, purse.holder, purse.today())
        try:
            yield purse, purse.journal.verdicts(purse.run_id)
        finally:
            # All is kept by now. If this fails, the run stays ours until the account is closed.
            with suppress(JournalError):
                purse.journal.close_run(purse.run_id, purse.holder)
    finally:
        if account is None:
            purse.close()


def _purse(account: Account | None, journal: Journal | None, run_id: str) -> Account | None:
    if account is None:
        return None if journal is None else Account(journal, run_id)
    if journal not in (None, account.journal) or run_id not in ("", account.run_id):
        raise ValueError("journal and run_id are the account's; leave them out, or pass the same")
    return account
