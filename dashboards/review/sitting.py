"""One person's sitting at the review queue: calls are fetched many at once, so that the next one is there at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dashboards.data import QUESTIONS
from dashboards.review.fields import choices
from dashboards.review.table import Table
from monitor.curation.messages import chat_messages, given_answer, readable
from monitor.curation.queue import ReviewItem, look, record_label, undo

if TYPE_CHECKING:
    from dashboards.review.table import Call
    from monitor.curation.progress import Progress
    from monitor.records import ScoreRow
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Answered", "Place", "Sitting", "begin"]

AT_ONCE = 50
"""Calls that are fetched at once."""
LOOK_AGAIN = timedelta(seconds=30)
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


@dataclass(frozen=True, slots=True)
class _Taken:
    trace_id: str
    span_id: str


@dataclass(slots=True)
class Sitting:
    """What is in hand between two clicks."""

    place: Place
    table: Table
    """Who else is asked at this moment."""
    began: datetime
    said_at: datetime
    """When something was last written."""
    fetched_at: datetime
    looked_at: datetime
    """When the store was last asked what others have answered, perhaps elsewhere."""
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
        self.table.finish([_name(item)])
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
            self.table.reopen(_name(last.item))
            self.waiting.appendleft(last.item)
        self._turn()
        return True

    def fetch(self, store: Store, settings: Settings, *, now: datetime) -> None:
        """Get more calls, and how far the review is."""
        place = self.place
        who = {"service": place.service, "reviewer": place.reviewer}
        found, told = look(store, settings, limit=0 if place.dataset else AT_ONCE, now=now, **who)
        found = _members(store, place) if place.dataset else found
        self.waiting.extend(found)
        self.fetched_at = self.looked_at = now
        self.progress = told
        self.choices = choices(one.output for one in found)

    def settle(self, store: Store, *, now: datetime) -> None:
        """Come to a call that nobody else answers at this moment or has answered since the fetch.

        A second answer, and a member of a dataset, may be had of several at once.
        """
        if not self.waiting or self.place.dataset:
            return
        if now - self.looked_at > LOOK_AGAIN:
            service = self.place.service
            found = store.read("review_answered", _Taken, service=service, since=self.fetched_at)
            self.table.finish((service, one.trace_id, one.span_id) for one in found)
            self.looked_at = now
        self.waiting = deque(
            one
            for one in self.waiting
            if one.why == "second" or not self.table.finished(_name(one))
        )
        for _ in range(len(self.waiting)):
            if self._mine(now):
                return
            self.waiting.rotate(-1)
        self.waiting.clear()  # all that is left is in others' hands

    def _mine(self, now: datetime) -> bool:
        """Whether the present call is this person's to answer; takes it where it is free."""
        one = self.waiting[0]
        if one.why == "second":
            return True
        return self.table.take(_name(one), self.place.reviewer, now)

    def _turn(self) -> None:
        self.serial += 1
        self.correcting, self.complaint = False, ""


def begin(
    store: Store, settings: Settings, place: Place, *, now: datetime, table: Table | None = None
) -> Sitting:
    """A sitting with its first calls."""
    sitting = Sitting(
        place, table or Table(), began=now, said_at=now, fetched_at=now, looked_at=now
    )
    sitting.fetch(store, settings, now=now)
    return sitting


def _name(item: ReviewItem) -> Call:
    return item.service, item.trace_id, item.span_id


def _members(store: Store, place: Place) -> list[ReviewItem]:
    """Members of the dataset, or example calls of the incident, that wait for this person."""
    asked = "incident_to_label" if place.dataset.startswith("inc-") else "members_to_label"
    found = store.read(
        asked, _Member, package=QUESTIONS,
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
