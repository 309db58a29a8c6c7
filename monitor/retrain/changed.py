"""Reserved calls on which candidate and production differ in right or wrong: for people to read before they decide.

They are kept on the retrain as objects that name their call, so that an erasure finds them and cuts them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from monitor.retrain.answers import is_right

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.retrain.candidate import Reply
    from monitor.retrain.questions import Question

__all__ = ["ChangedAnswer", "changed_answers"]

MOST = 12
"""Of each kind; the questions come in the order of a keyed hash, so the first are a random draw."""
LONGEST = 1500
"""Characters of a text that are kept."""


@dataclass(frozen=True, slots=True)
class ChangedAnswer:
    """One call that got better or worse."""

    trace_id: str
    span_id: str
    timestamp: datetime
    change: str
    """`better` (the candidate alone is right) or `worse` (production alone was)."""
    label: str
    production: str
    candidate: str
    problem: str
    """Why the candidate gave no answer; '' where it did."""


def changed_answers(asked: Sequence[Question], replies: Sequence[Reply]) -> list[ChangedAnswer]:
    """A few of either kind, those that got worse first."""
    found: dict[str, list[ChangedAnswer]] = {"worse": [], "better": []}
    for one, reply in zip(asked, replies, strict=True):
        if not one.label:
            continue
        before = is_right(one.label, one.answer)
        after = reply.text is not None and is_right(one.label, reply.text)
        if before == after:
            continue
        found["worse" if before else "better"].append(_changed(one, reply, better=after))
    return [*found["worse"][:MOST], *found["better"][:MOST]]


def _changed(one: Question, reply: Reply, *, better: bool) -> ChangedAnswer:
    return ChangedAnswer(
        trace_id=one.call.trace_id,
        span_id=one.call.span_id,
        timestamp=one.call.timestamp,
        change="better" if better else "worse",
        label=one.label[:LONGEST],
        production=one.answer[:LONGEST],
        candidate=(reply.text or "")[:LONGEST],
        problem=reply.problem if reply.text is None else "",
    )
