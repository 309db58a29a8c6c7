"""The review queue: which calls people are asked about next, and what they say.

An answer is a row of `scores`, source `human`, name `review`: value 1 for right and 0 for wrong, the
right answer in `expected`. Answering again adds a row, and the latest counts; taking one back makes
the one before it count again. What a judge or an outcome has said is not shown here: a label that
knows the verdict cannot test the judge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from judges.statistics.agreement import agreement as rate_of_agreement
from judges.statistics.agreement import cohen_kappa, gwet_ac1
from monitor.curation.messages import given_answer
from monitor.curation.order import Asking, asking_order
from monitor.curation.progress import Progress, progress_of
from monitor.curation.reserve import load_key
from monitor.curation.shortlist import open_incidents, shortlist
from monitor.curation.traffic import CallText, TrafficCall, call_texts, flag_drifted, message_text
from monitor.curation.verdicts import VERDICTS, LabelError, right_answer
from monitor.exceptions import NotFoundError
from monitor.records import ScoreRow

if TYPE_CHECKING:
    from judges.statistics.rates import Rate
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = [
    "VERDICTS",
    "Agreement",
    "LabelError",
    "Progress",
    "ReviewItem",
    "agreement",
    "find_call",
    "look",
    "next_calls",
    "progress",
    "record_label",
    "undo",
]

WINDOW = timedelta(days=30)
"""How far back calls are asked about."""
NAME = "review"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A call that somebody is asked about."""

    service: str
    trace_id: str
    span_id: str
    timestamp: datetime
    release: str
    model: str
    tags: Mapping[str, str]
    input: str
    """Readable."""
    input_messages: str
    output: str
    """Readable."""
    output_messages: str
    why: str
    """Why it is asked about; to be shown, if at all, after the answer."""
    probability: float
    """With which the design asks about such a call."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far people agree on the calls that two of them answered."""

    people: tuple[str, str]
    n: int
    same: Rate | None
    """Share of calls with the same verdict."""
    kappa: float | None
    """Cohen's; None where all said the same."""
    ac1: float | None
    """Gwet's, for verdicts of which one dominates."""


@dataclass(frozen=True, slots=True)
class _Pair:
    one: str
    other: str
    one_value: float
    other_value: float


def next_calls(
    store: Store, settings: Settings, *, service: str, reviewer: str, limit: int, now: datetime
) -> list[ReviewItem]:
    """What to ask this person about, the next first."""
    return look(store, settings, service=service, reviewer=reviewer, limit=limit, now=now)[0]


def look(
    store: Store, settings: Settings, *, service: str, reviewer: str, limit: int, now: datetime
) -> tuple[list[ReviewItem], Progress]:
    """What to ask this person about, the next first, and how far the review is: one reading of the store."""
    key, open_ = load_key(settings.data_dir), open_incidents(store, service)
    calls = shortlist(store, service, now - WINDOW, now, key=key, open_=open_)
    drifted = list(flag_drifted(calls, open_))
    told = progress_of(calls, drifted, reviewer=reviewer, key=key)
    wanted = asking_order(
        calls, drifted, reviewer=reviewer, key=key, answered=told.answers.get(reviewer, 0)
    )
    chosen = list(islice(wanted, limit))
    texts = call_texts(store, service, [one.call for one in chosen])
    found = [
        _item(one, texts[one.call.trace_id, one.call.span_id], service)
        for one in chosen
        if (one.call.trace_id, one.call.span_id) in texts
    ]
    return found, told


def find_call(store: Store, *, service: str, trace_id: str, span_id: str = "") -> ReviewItem:
    """One call that somebody wants to label, whatever the queue would ask about next.

    Raises:
        NotFoundError: there is no such call of the service, or the trace has several.
    """
    found = store.read("review_call", CallText, service=service, trace_id=trace_id, span_id=span_id)
    if len(found) != 1:
        spans = ", ".join(one.span_id for one in found)
        raise NotFoundError(
            f"trace {trace_id} has several calls; name one with --span: {spans}"
            if found
            else f"service {service!r} has no call of trace {trace_id!r}; the Calls page of the dashboard shows them"
        )
    [text] = found
    call = TrafficCall(text.timestamp, text.trace_id, text.span_id, 0, release=text.release)
    return _item(Asking(call, "chosen", 1.0), text, service)


def _item(one: Asking, text: CallText, service: str) -> ReviewItem:
    return ReviewItem(
        service=service,
        trace_id=one.call.trace_id,
        span_id=one.call.span_id,
        timestamp=one.call.timestamp,
        release=one.call.release,
        model=one.call.model,
        tags=one.call.tags,
        input=text.input,
        input_messages=message_text(text),
        output=text.output,
        output_messages=text.output_messages,
        why=one.why,
        probability=one.probability,
    )


def record_label(
    store: Store,
    item: ReviewItem,
    *,
    reviewer: str,
    verdict: str,
    corrected_output: str = "",
    note: str = "",
    now: datetime,
    as_text: bool = False,
) -> ScoreRow:
    """Keep what a person says of a call; returns the row.

    Args:
        store: where labels are kept.
        item: the call.
        reviewer: who says it.
        verdict: one of `VERDICTS`.
        corrected_output: the right answer, or the fields of it that were wrong.
        note: why.
        now: when.
        as_text: the right answer is a text although the model's was JSON.

    Raises:
        LabelError: what is said does not fit together; says how.
    """
    given = given_answer(item.output_messages, item.output)
    row = ScoreRow(
        timestamp=now,
        score_id=f"review:{item.trace_id}:{item.span_id}:{reviewer}:{now.timestamp():.6f}",
        target="call",
        trace_id=item.trace_id,
        span_id=item.span_id,
        session_id="",
        service=item.service,
        name=NAME,
        source="human",
        value=VERDICTS.get(verdict, math.nan),
        label=verdict,
        explanation=note,
        expected=right_answer(given, reviewer, verdict, corrected_output, as_text=as_text),
        author=reviewer,
        observed_at=now,
        sampling_probability=item.probability,
    )
    store.append("scores", [row])
    return row


def undo(store: Store, *, service: str, reviewer: str, now: datetime) -> ScoreRow | None:
    """Take back this person's latest answer; returns what it was, None where there is none."""
    found = store.read("review_latest", ScoreRow, service=service, reviewer=reviewer)
    if not found:
        return None
    [row] = found
    # the same id, so that it replaces the answer and an earlier one of the same person counts again
    withdrawn = replace(
        row,
        timestamp=max(now, row.timestamp + timedelta(microseconds=1)),
        value=math.nan,
        label="withdrawn",
        expected="",
        explanation="",
    )
    store.append("scores", [withdrawn])
    return row


def progress(
    store: Store, settings: Settings, *, service: str, reviewer: str, now: datetime
) -> Progress:
    """How far the review of a service is, and what waits for this person."""
    key, open_ = load_key(settings.data_dir), open_incidents(store, service)
    calls = shortlist(store, service, now - WINDOW, now, key=key, open_=open_)
    return progress_of(calls, list(flag_drifted(calls, open_)), reviewer=reviewer, key=key)


def agreement(store: Store, *, service: str, now: datetime) -> list[Agreement]:
    """How far each two people agree who answered the same calls, those with the most calls first."""
    by_people: dict[tuple[str, str], list[_Pair]] = {}
    for pair in store.read("review_pairs", _Pair, service=service, since=now - WINDOW, until=now):
        by_people.setdefault((pair.one, pair.other), []).append(pair)
    told = []
    for people, pairs in by_people.items():
        first, second = [p.one_value for p in pairs], [p.other_value for p in pairs]
        told.append(
            Agreement(
                people,
                len(pairs),
                rate_of_agreement(first, second),
                cohen_kappa(first, second),
                gwet_ac1(first, second),
            )
        )
    return sorted(told, key=lambda one: (-one.n, one.people))
