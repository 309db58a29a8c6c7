"""One person's sitting at the review queue: calls are fetched many at once, so that the next one is there at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dashboards.data import QUESTIONS
from dashboards.review.fields import choices
from monitor.curation.messages import chat_messages, given_answer, readable
from monitor.curation.queue import ReviewItem, next_calls, progress, record_label, undo

if TYPE_CHECKING:
    from monitor.curation.queue import Progress
    from monitor.records import ScoreRow
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Answered", "Place", "Sitting", "begin"]

AT_ONCE = 50
"""Calls that are fetched at once."""
TICK = timedelta(microseconds=1)
"""Two answers are never of the same instant: the later one counts."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose sitting at which queue."""

    url: str
    service: str
    reviewer: str
    dataset: str = ""
    """A dataset version whose members are labelled; '' for the review queue."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A call and what was said of it."""

    item: ReviewItem
    row: ScoreRow


@dataclass(frozen=True, slots=True)
class _Member:
    service: str
    trace_id: str
    span_id: str
    timestamp: datetime
    input_messages: str
    output: str
    output_messages: str
    reason: str


@dataclass(slots=True)
class Sitting:
    """What is in hand between two clicks."""

    place: Place
    began: datetime
    said_at: datetime
    """When something was last written."""
    waiting: deque[ReviewItem] = field(default_factory=deque)
    progress: Progress | None = None
    """As of the last fetch."""
    answered: list[Answered] = field(default_factory=list)
    serial: int = 0
    """Counts the calls that were shown, so that each has widgets of its own."""
    correcting: bool = False
    complaint: str = ""
    choices: dict[str, list[str]] = field(default_factory=dict)
    """By field: values to choose from."""

    @property
    def item(self) -> ReviewItem | None:
        """The call that is asked about now."""
        return self.waiting[0] if self.waiting else None

    @property
    def given(self) -> str:
        """Its answer, as a label would have it."""
        return given_answer(self.waiting[0].output_messages, self.waiting[0].output)

    def say(
        self, store: Store, verdict: str, *, now: datetime, right: str = "", note: str = ""
    ) -> None:
        """Keep an answer about the present call and go on to the next.

        Raises:
            LabelError: what is said does not fit together.
        """
        item = self.waiting[0]
        self.said_at = max(now, self.said_at + TICK)
        row = record_label(
            store, item, reviewer=self.place.reviewer, verdict=verdict,
            corrected_output=right, note=note, now=self.said_at,
        )  # fmt: skip
        self.answered.append(Answered(item, row))
        self.waiting.popleft()
        self._turn()

    def skip(self) -> None:
        """Put the present call behind the others in hand."""
        self.waiting.rotate(-1)
        self._turn()

    def take_back(self, store: Store, *, now: datetime) -> bool:
        """Undo this person's latest answer, of this sitting or an earlier one; False where there is none."""
        self.said_at = max(now, self.said_at + TICK)
        row = undo(
            store, service=self.place.service, reviewer=self.place.reviewer, now=self.said_at
        )
        if row is None:
            return False
        last = self.answered[-1] if self.answered else None
        if last is not None and last.row.score_id == row.score_id:
            self.answered.pop()
            self.waiting.appendleft(last.item)
        self._turn()
        return True

    def fetch(self, store: Store, settings: Settings, *, now: datetime) -> None:
        """Get more calls, and how far the review is."""
        place = self.place
        who = {"service": place.service, "reviewer": place.reviewer}
        found = (
            _members(store, place)
            if place.dataset
            else next_calls(store, settings, limit=AT_ONCE, now=now, **who)
        )
        self.waiting.extend(found)
        self.choices = choices(one.output for one in found)
        self.progress = progress(store, settings, now=now, **who)

    def _turn(self) -> None:
        self.serial += 1
        self.correcting, self.complaint = False, ""


def begin(store: Store, settings: Settings, place: Place, *, now: datetime) -> Sitting:
    """A sitting with its first calls."""
    sitting = Sitting(place, began=now, said_at=now)
    sitting.fetch(store, settings, now=now)
    return sitting


def _members(store: Store, place: Place) -> list[ReviewItem]:
    """Members of the dataset that wait for this person."""
    found = store.read(
        "members_to_label", _Member, package=QUESTIONS,
        version=place.dataset, reviewer=place.reviewer, how_many=AT_ONCE,
    )  # fmt: skip
    return [
        ReviewItem(
            service=one.service, trace_id=one.trace_id, span_id=one.span_id, timestamp=one.timestamp,
            release="", model="", tags={}, input=readable(chat_messages(one.input_messages)),
            input_messages=one.input_messages, output=one.output, output_messages=one.output_messages,
            why=f"in the dataset: {one.reason}", probability=1.0,
        )
        for one in found
    ]  # fmt: skip
