"""The instrumented app of the story: an extractor service with three lines of SDK.

It takes borrower, loan number, amount and intent out of a call log by rules, and asks an OpenAI-compatible model for
the due date; the release pointer says which model that is, as a real service would be told. Several calls are handled
at once. Its clock is the story's, so a day passes in a blink; the durations are real.
"""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openai import OpenAI

import monitor
from monitor.demo.mortgage import WISHES
from monitor.demo.pretraining import question

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from monitor.demo.mortgage import CallLog

__all__ = ["SERVICE", "Answer", "Extractor", "StoryClock"]

SERVICE = "loan-extractor"
PROMPT_VERSION = "3"
AT_ONCE = 24
"""Calls that the service handles at the same time."""
BORROWER = re.compile(r"this is ([^,]+),")
LOAN = re.compile(r"loan number (\d{3}-\d{6})")
AMOUNT = re.compile(r"\$([\d,]+\.\d\d)")


class StoryClock:
    """Unix nanoseconds of the story, a time of its own for every thread.

    It stands at the moment that the thread has set and runs on in real time from there.
    """

    def __init__(self) -> None:
        self._here = threading.local()

    def set(self, moment: datetime) -> None:
        """For this thread it is now `moment`."""
        self._here.story_ns = int(moment.timestamp() * 1e9)
        self._here.real_ns = time.perf_counter_ns()

    def __call__(self) -> int:
        """Unix nanoseconds."""
        return int(self._here.story_ns) + time.perf_counter_ns() - int(self._here.real_ns)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said to one call."""

    trace_id: str
    fields: dict[str, object]


class Extractor:
    """Answers calls with the production model, and with another as soon as the pointer says so.

    Args:
        endpoint: the collector.
        clock: the story's.
        release: release and model name it starts with.
        base_url: of the model server.
        pointer: file that a promotion writes.
    """

    def __init__(
        self, endpoint: str, clock: StoryClock, *, release: str, base_url: str, pointer: Path
    ) -> None:
        self.clock = clock
        self.endpoint = endpoint
        self.pointer = pointer
        self.release = ""
        self._workers = ThreadPoolExecutor(AT_ONCE, "calls")
        self._serve(release, base_url)

    def follow_pointer(self) -> bool:
        """Read the release pointer; returns whether production changed."""
        if not self.pointer.exists():
            return False
        said = json.loads(self.pointer.read_text("utf-8"))
        if said["release"] == self.release:
            return False
        self._serve(said["release"], said["endpoint"])
        return True

    def answers(self, logs: Sequence[CallLog]) -> list[Answer]:
        """Handle calls, each at its time; the answers come in the order of the calls."""
        return list(self._workers.map(self.answer, logs))

    def answer(self, log: CallLog) -> Answer:
        """Handle one call at its time."""
        self.clock.set(log.at)
        with monitor.context(
            session=f"call-{log.truth['loan_number']}",
            tags={"call_type": log.kind, "lender": log.lender},
            prompt_version=PROMPT_VERSION,
        ):
            return self._handle(log.text)

    @monitor.observe(kind="chain", name="handle_call")
    def _handle(self, text: str) -> Answer:
        place = monitor.current()
        return Answer(place.trace_id if place else "", {**_spoken(text), **self._due_date(text)})

    @monitor.observe(name="read_due_date")
    def _due_date(self, text: str) -> dict[str, object]:
        response = self.client.chat.completions.create(
            model=self.release,
            temperature=0,
            messages=[{"role": "user", "content": question(text)}],
        )
        return dict(json.loads(response.choices[0].message.content or "{}"))

    def _serve(self, release: str, base_url: str) -> None:
        monitor.init(
            service=SERVICE,
            release=release,
            environment="production",
            endpoint=self.endpoint,
            clock=self.clock,
            spool=False,
        )
        self.client = monitor.wrap(OpenAI(base_url=base_url, api_key="none", max_retries=2))
        self.release = release


@monitor.observe(kind="tool", name="read_fields")
def _spoken(text: str) -> dict[str, object]:
    """What is said word for word in every call."""
    borrower, loan, amount = BORROWER.search(text), LOAN.search(text), AMOUNT.search(text)
    return {
        "borrower": borrower and borrower.group(1),
        "loan_number": loan and loan.group(1),
        "amount": amount and float(amount.group(1).replace(",", "")),
        "intent": next((kind for kind, (wish, *_) in WISHES.items() if wish in text), "other"),
    }
