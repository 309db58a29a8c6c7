"""What the store knows of a change: the calls around it with their attributes, and who else saw something."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from monitor.causes.dating import LOOK_BACK
from monitor.causes.situation import JudgeWitness, SampledCall, Sighting
from monitor.judging.rows import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.records import CheckRow
    from monitor.store import Store

__all__ = ["FaultCall", "Flagged", "Subject", "judge_witness", "read_calls", "sightings"]

SAMPLE = 10_000
"""Calls before, and as many after, that are looked at."""
NEAR = timedelta(days=2)
"""What happened so near to a change may have to do with it."""
INPUTS = re.compile(r"input|embedding|term|novel|language|oov|vocabulary", re.IGNORECASE)
"""Detectors and series that watch what comes in."""
WORD = re.compile(r"[^\W\d_]{3,30}")
CALENDAR = """
january february march april may june july august september october november december jan feb mar apr jun jul aug sep
oct nov dec monday tuesday wednesday thursday friday saturday sunday year month week today
"""
CALENDAR_WORDS = frozenset(CALENDAR.split())
"""Words that move with the calendar, whatever the inputs are about."""
SCORED = ("judge", "outcome", "user", "human", "check")
"""Sources whose series look at the calls that have their score, and at no others."""
TOLD_WHEN_TRUE = ("regenerate", "abandon", "copy")
"""What users do and nobody tells when they do not: every call was looked at."""
QUANTILE = re.compile(r"[<>]q[0-9]+$")
"""The end of a series of readings beyond a quantile of their baseline."""
KINDS = {'"': "text", "[": "list", "{": "object", "t": "boolean", "f": "boolean", "n": "null"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What an incident is about."""

    service: str
    field: str
    """The output field, or '' for a rate."""
    series: str
    """Its leading series without the slice: `judge/right`, `call/error`, a field's own."""
    started: datetime
    root: tuple[tuple[str, str], ...] = ()
    """(attribute, value) of the slice that it is about."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A call that shows the fault."""

    timestamp: datetime
    trace_id: str
    span_id: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class FaultCall:
    """A call as the search for a cause sees it: a row of `calls_sampled`."""

    timestamp: datetime
    trace_id: str
    span_id: str
    release: str
    environment: str
    request_model: str
    response_model: str
    prompt_name: str
    prompt_version: str
    tags: dict[str, str]
    text: str
    size: int
    keys: list[str]
    instructions: int

    def attributes(self, fingerprint: str = "") -> dict[str, str]:
        """What slices and suspects are made of; what is not known is left out."""
        known = {
            "release": self.release,
            "model": self.request_model,
            "answering model": self.response_model,
            "fingerprint": fingerprint,
            "prompt version": self.prompt_version,
            "system prompt": f"{self.instructions:016x}" if self.instructions else "",
            "environment": self.environment,
            **{f"tag {name}": value for name, value in self.tags.items()},
        }
        return {name: value for name, value in known.items() if value}

    def sampled(self, *, fault: bool, fingerprint: str = "") -> SampledCall:
        """The call as the causes are weighed on."""
        words = (word.lower() for word in WORD.findall(self.text))
        return SampledCall(
            timestamp=self.timestamp,
            attributes=self.attributes(fingerprint),
            keys=frozenset(map(_key, self.keys)),
            words=frozenset(words) - CALENDAR_WORDS,
            size=self.size,
            fault=fault,
            key=(self.trace_id, self.span_id),
        )


def _key(raw: str) -> str:
    name, _, kind = raw.partition("\t")
    if kind in ("line", "date"):
        return f"{name} {kind}"
    return f"{name} {KINDS.get(kind, 'number')}"


def read_calls(
    store: Store, subject: Subject, until: datetime, faults: set[tuple[str, str]]
) -> list[SampledCall]:
    """Calls before and after the change on which the subject's series looked, at most `SAMPLE` of each."""
    found: list[SampledCall] = []
    for since, end in ((subject.started - LOOK_BACK, subject.started), (subject.started, until)):
        period: dict[str, Any] = {"service": subject.service, "since": since, "until": end}
        many = int(store.value("calls_in_window", **period))
        of = max(1, ceil(many / SAMPLE))
        calls = store.read("calls_sampled", FaultCall, of=of, **period)
        looked = _looked(store, subject, period, of)
        prints = {
            (trace, span): value
            for trace, span, value in store.rows("fingerprints_seen", of=of, **period)
        }
        found += [
            call.sampled(
                fault=(call.trace_id, call.span_id) in faults,
                fingerprint=prints.get((call.trace_id, call.span_id), ""),
            )
            for call in calls
            if looked is None or (call.trace_id, call.span_id) in looked
        ]
    return [call for call in found if _in_slice(call.attributes, subject.root)]


def _looked(
    store: Store, subject: Subject, period: Mapping[str, Any], of: int
) -> set[tuple[str, str]] | None:
    """Calls that the series looked at, where it is a score's; None when it looks at every call."""
    source, _, name = QUANTILE.sub("", subject.series).partition("/")
    if subject.field or source not in SCORED or name in TOLD_WHEN_TRUE:
        return None
    return set(store.rows("calls_with_score", series=f"{source}/{name}", of=of, **period))


def _in_slice(attributes: Mapping[str, str], root: Iterable[tuple[str, str]]) -> bool:
    return all(attributes.get(spelled(name), "") == value for name, value in root)


def spelled(name: str) -> str:
    """An attribute's name as slices of calls spell it, whatever a series called it.

    >>> spelled("prompt_version"), spelled("request_model"), spelled("tag.tenant"), spelled("tenant")
    ('prompt version', 'model', 'tag tenant', 'tag tenant')
    """
    plain = name.replace("_", " ")
    known = {"request model": "model", "response model": "answering model"}
    plain = known.get(plain, plain)
    if plain in (
        "release",
        "model",
        "answering model",
        "fingerprint",
        "prompt version",
        "environment",
    ):
        return plain
    return "tag " + re.sub(r"^tags?[ .:]", "", name)


def sightings(rows: Iterable[CheckRow], near: datetime) -> tuple[list[Sighting], bool]:
    """Series of the inputs that moved near the change, and whether any was watched then."""
    found, watched = [], False
    for row in rows:
        if not (INPUTS.search(row.detector) or INPUTS.search(row.series)) or "output" in row.series:
            continue
        if row.status == "insufficient_data":
            continue
        watched = watched or row.window_end >= near
        if row.status not in ("drift", "watch"):
            continue
        began = _began(row)
        if abs(began - near) <= NEAR:
            found.append(Sighting(row.series, began, f"{row.detector} of {row.series} moved too"))
    return found, watched


def _began(row: CheckRow) -> datetime:
    marked = json.loads(row.evidence or "{}").get("started_at", "")
    return datetime.fromisoformat(marked) if marked else row.window_start


@dataclass(frozen=True, slots=True)
class JudgeVersion:
    """A version of a judge, and when it gave its first and last verdict."""

    version: str
    first: datetime
    last: datetime
    n: int


def judge_witness(
    store: Store, service: str, judge: str, near: datetime, until: datetime
) -> JudgeWitness:
    """What is known of a judge around a change: new versions, shifts on its anchors, tests that found nothing."""
    seen = store.read(
        "judge_versions_seen", JudgeVersion, service=service, name=judge,
        since=near - LOOK_BACK, until=until,
    )  # fmt: skip
    earliest = min((one.first for one in seen), default=near)
    new = [
        (one.version, one.first) for one in seen if one.first > earliest and _near(one.first, near)
    ]
    shifts = [
        (one.crossed_at, one.difference, one.low, one.high)
        for one in store.read("bridges_of_judge", Bridge, judge=judge)
        if _near(one.crossed_at, near, until) and not one.low <= 0 <= one.high
    ]
    [(tests, last)] = store.rows("anchors_tested", judge=judge, since=near)
    tested = last if tests and not shifts else None
    return JudgeWitness(judge, tuple(new), tuple(shifts), tested)


def _near(moment: datetime, change: datetime, until: datetime | None = None) -> bool:
    """Within two days of the change; a shift may be found as late as its first test after it."""
    return change - NEAR <= moment <= (until or change + NEAR)
