"""Juries in production: whom people's labels admit, and how many votes the others are really worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import isnan
from typing import TYPE_CHECKING

from judges.panels.admission import MIN_ANCHORS, admit, effective_votes
from judges.panels.jury import Jury
from monitor.judging.trust import VerdictRow, two_valued

if TYPE_CHECKING:
    from judges.definitions.reading import Definition
    from judges.interaction import Judge
    from monitor.store import Store

__all__ = ["seated"]

SINCE = timedelta(days=400)


def seated(store: Store, definition: Definition, judge: Judge, now: datetime) -> Judge:
    """The jury with those jurors left out that people's labels do not admit; any other judge as it is.

    What a juror said stands in the details of the jury's verdicts. One that is left out says nothing
    any more, so its last word counts until its definition is another one. Below 50 labels nobody is
    tested, and every verdict says that.
    """
    if not isinstance(judge, Jury) or judge.admissions:
        return judge
    rows = store.read(
        "verdicts_with_labels",
        VerdictRow,
        service="",
        since=now - SINCE,
        until=now,
        pairs=[f"{definition.score}/{name}" for name in definition.labels],
    )
    told = [
        (row, json.loads(row.details).get("details", {}))
        for row in rows
        if row.judge == definition.score and row.labelled and row.details
    ]
    values = {row.label: row.value for row, _ in told if row.label and not isnan(row.value)}
    labels = [two_valued(row.truth) for row, _ in told]
    said = {
        name: _words(name, [parts for _, parts in told], values, labels) for name in judge.names
    }
    if (
        max((sum(was is not None for _, was in one) for one in said.values()), default=0)
        < MIN_ANCHORS
    ):
        return judge
    admissions = tuple(
        admit([word for _, word in one], [label for label, _ in one]) for one in said.values()
    )
    return replace(judge, admissions=admissions, worth=_worth(list(said.values())))


Word = tuple[float, float | None]
"""People's label, and what the juror said; None where that was nothing."""


def _words(
    name: str,
    parts: Sequence[Mapping[str, object]],
    values: Mapping[str, float],
    labels: Sequence[float],
) -> list[Word]:
    """What one juror said of the labelled calls that it sat on."""
    key = f"juror {name}"
    return [
        (label, _value(str(one[key]), values, labels))
        for one, label in zip(parts, labels, strict=True)
        if key in one
    ]


def _value(word: str, values: Mapping[str, float], labels: Sequence[float]) -> float | None:
    """A juror's label as a person would have had to say it; None of a failure."""
    try:
        said = values[word] if word in values else float(word)
    except ValueError:
        return None
    return min(set(labels), key=lambda label: (abs(label - said), label))


def _worth(said: Sequence[Sequence[Word]]) -> float | None:
    """Effective votes, where all jurors sat on the same calls."""
    if len({len(one) for one in said}) != 1:
        return None
    errors = [[float(word != label) for label, word in call] for call in zip(*said, strict=True)]
    return effective_votes(errors)
