"""One order from acceptance to its last word: fetch, train, save, serve, tell."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from examples.finetune.fetching import fetch
from examples.finetune.making import Making, make
from examples.finetune.orders import LastWord, OrderBook, replace_text
from examples.finetune.protocol import TrainingError
from examples.finetune.telling import tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from examples.finetune.generation import Shelf
    from examples.finetune.protocol import Order
    from examples.finetune.settings import Settings
    from examples.finetune.training import Progress

__all__ = ["Job"]

log = logging.getLogger(__name__)
PROGRAM = "examples.finetune"
TELL_EVERY_S = 2.0
"""Pause between two reports of progress."""


@dataclass(slots=True)
class Job:
    """Carries out orders, one at a time."""

    book: OrderBook
    base: Path
    settings: Settings
    fixed: frozenset[str]
    """Settings that a request cannot change."""
    endpoint: str
    """Under which address the candidates are reached, `http://host:port/v1`."""
    shelf: Shelf
    max_bytes: int = 1 << 30
    """Largest file that is taken."""
    stopping: threading.Event = field(default_factory=threading.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    bench: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "training"))
    """The one place where training happens."""

    def resume(self) -> None:
        """Serve what was trained before, and go on with what was not finished."""
        for retrain_id in self.book.known():
            last = self.book.last_word(retrain_id)
            if last and last.event == "finished":
                self.shelf.put(last.data["model"], self.book.folder(retrain_id) / "model")
        for retrain_id in self.book.open():
            self.begin(retrain_id)

    def begin(self, retrain_id: str) -> None:
        """Work on an accepted order, beside everything else."""
        task = asyncio.create_task(self._work(retrain_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def stop(self) -> None:
        """Leave every order where it is; the next start goes on with it."""
        self.stopping.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.bench.shutdown(wait=False, cancel_futures=True)

    async def _work(self, retrain_id: str) -> None:
        order = self.book.order(retrain_id)
        last = self.book.last_word(retrain_id) or await self._try(order)
        told = await tell(order, last.event, last.data)
        replace_text(self.book.folder(retrain_id) / "reported.json", json.dumps({"last": told}))

    async def _try(self, order: Order) -> LastWord:
        try:
            return self.book.conclude(order.retrain_id, "finished", await self._carry_out(order))
        except TrainingError as error:
            log.warning("training failed: %s: %s", order.retrain_id, error)
            reason = str(error)
        except Exception as error:  # a fault of this program: the other end must learn of it
            log.exception("training crashed: %s", order.retrain_id)
            reason = f"the job crashed: {error!r}"
        return self.book.conclude(order.retrain_id, "failed", {"reason": reason[:4000]})

    async def _carry_out(self, order: Order) -> dict[str, Any]:
        folder = self.book.folder(order.retrain_id)
        self.book.count_start(order.retrain_id)
        await tell(order, "started", {"job": PROGRAM})
        news: asyncio.Queue[Progress] = asyncio.Queue()
        teller = asyncio.create_task(_tell_progress(order, news))
        loop = asyncio.get_running_loop()
        making = Making(
            order=order,
            base=self.shelf.folder(order.base_release) or self.base,
            folder=folder,
            settings=self.settings.suggested(order.suggested_settings, fixed=self.fixed),
            files={},
            progress=_pass_on(news, self.stopping),
        )
        try:
            files = await asyncio.to_thread(fetch, order, folder / "data", max_bytes=self.max_bytes)
            lineage = await loop.run_in_executor(self.bench, make, making.with_files(files))
        finally:
            teller.cancel()
            await asyncio.gather(teller, return_exceptions=True)
        result = {
            "release": lineage.name,
            "model": lineage.name,
            "endpoint": self.endpoint,
            "artifact": (folder / "model").absolute().as_uri(),
            "note": f"{lineage.method} on dataset {order.dataset.version}, {lineage.trained.steps} steps",
            "metrics": {
                "validation_error_rate": lineage.after.error_rate,
                "validation_error_rate_base": lineage.before.error_rate,
                "validation_loss": lineage.after.loss,
                "validation_loss_base": lineage.before.loss,
                "training_loss_first": lineage.trained.losses[0],
                "training_loss_last": lineage.trained.losses[-1],
                "training_tokens_per_s": lineage.trained.tokens_per_s,
            },
        }
        self.shelf.put(lineage.name, folder / "model")
        return result


def _pass_on(
    news: asyncio.Queue[Progress], stopping: threading.Event
) -> Callable[[Progress], None]:
    """From the training thread into this one; ends training when the program is to stop."""
    loop = asyncio.get_running_loop()

    def pass_on(one: Progress) -> None:
        if stopping.is_set():
            raise TrainingError(
                "the job was stopped; the next start goes on at the last checkpoint"
            )
        loop.call_soon_threadsafe(news.put_nowait, one)

    return pass_on


async def _tell_progress(order: Order, news: asyncio.Queue[Progress]) -> None:
    """The newest of the news, every few seconds; what was overtaken is not told."""
    told = -TELL_EVERY_S
    while True:
        one = await news.get()
        await asyncio.sleep(max(0.0, told + TELL_EVERY_S - time.monotonic()))
        while not news.empty():
            one = news.get_nowait()
        told = time.monotonic()
        position = {
            "step": one.step,
            "steps": one.steps,
            "loss": one.loss,
            "note": f"{one.tokens_per_s:,.0f} tokens/s",
        }
        await tell(order, "progress", position, suffix=f"-{one.step}")
