"""The instrumented app of the story: an extractor service with three lines of SDK.

It reads call logs through an OpenAI-compatible model and is told by the release pointer which model that is, as a real
service would be. Its clock is the story's, so a day passes in a blink; the durations are real.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from openai import OpenAI

import monitor

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from monitor.demo.mortgage import CallLog

__all__ = ["SERVICE", "Answer", "Extractor", "StoryClock"]

SERVICE = "loan-extractor"
PROMPT_VERSION = "3"
INSTRUCTIONS = (
    "Extract the fields of this mortgage call as JSON with the keys borrower, loan_number, amount, due_date (ISO 8601)"
    " and intent (payment, autopay, escrow, hardship, payoff, extra_payment or other). Answer with the JSON alone."
)


class StoryClock:
    """Unix nanoseconds of the story: stands at the moment it was set to and runs on in real time from there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._story_ns = 0
        self._real_ns = time.perf_counter_ns()

    def set(self, moment: datetime) -> None:
        """It is now `moment`."""
        with self._lock:
            self._story_ns = int(moment.timestamp() * 1e9)
            self._real_ns = time.perf_counter_ns()

    def __call__(self) -> int:
        """Unix nanoseconds."""
        with self._lock:
            return self._story_ns + time.perf_counter_ns() - self._real_ns


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

    def answer(self, log: CallLog) -> Answer:
        """Handle one call at its time."""
        self.clock.set(log.at)
        with monitor.context(
            session=f"call-{log.truth['loan_number']}",
            tags={"call_type": log.kind},
            prompt_version=PROMPT_VERSION,
        ):
            return self._handle(log.text)

    @monitor.observe(kind="chain", name="handle_call")
    def _handle(self, text: str) -> Answer:
        place = monitor.current()
        return Answer(place.trace_id if place else "", self._extract(text))

    @monitor.observe(name="extract")
    def _extract(self, text: str) -> dict[str, object]:
        response = self.client.chat.completions.create(
            model=self.release,
            temperature=0,
            response_format={"type": "json_object"},
            messages=[
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": text},
            ],
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
