"""What the drift page reads of the store: cached for a while, without a widget in sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.data import QUESTIONS, store
from dashboards.drift.dates import LearntField, SlippedDate
from dashboards.drift.embedding_map import Mapped, draw_map
from dashboards.drift.fields import Distribution, distributions
from dashboards.drift.looks import FieldLook, field_looks
from dashboards.drift.series import Series
from monitor.jobs.structured import Answer
from monitor.report import Period
from monitor.report.frames import columns_of, read_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MapRead",
    "Said",
    "VectorsKept",
    "answers",
    "course",
    "date_fields",
    "distribution_list",
    "latest_series",
    "looks",
    "said_of_series",
    "slipped_dates",
    "text_map",
    "vectors_kept",
]

FRESH_S, PICTURE_S = 5, 300
"""Seconds that a list, and that a picture, may be old."""
SILENT = timedelta(days=30)
"""A series without a row for so long is listed only where a longer time was chosen."""
RUNS = 3_000
"""Runs of one series that are drawn, the latest."""
TEXTS_DRAWN, LONGEST_TEXT = 600, 400
"""Texts of each stretch on a map, and characters of each that are read."""
CALLS_DRAWN = 1_500
"""Calls of each stretch whose fields are compared."""
ANSWERS_DRAWN, SLIPPED_DRAWN = 1_500, 500


@dataclass(frozen=True, slots=True)
class VectorsKept:
    """How many vectors there are of one part of a service's calls."""

    service: str
    part: str
    model: str
    vectors: int
    first_text: datetime
    last_text: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """A person's word on what is normal for a series, columns of `series_words.sql`."""

    said_at: datetime
    status: str
    """`accepted`, `pinned`, `dataset` or `unpinned`."""
    actor: str
    note: str
    since: datetime
    until: datetime
    dataset: str


@dataclass(frozen=True, slots=True)
class MapRead:
    """Texts of two stretches, placed. `texts` has columns trace, time, now, text."""

    texts: pd.DataFrame
    drawn: Mapped | None
    """None where one of the stretches has hardly any."""


@st.cache_data(ttl=FRESH_S, max_entries=20, show_spinner="Reading the series…")
def latest_series(
    url: str, service: str, until: datetime, since: datetime | None = None
) -> list[Series]:
    """The last word of every series that was looked at in the 30 days before a moment, or since an earlier one."""
    silent = until - SILENT
    return store(url).read(
        "series_latest",
        Series,
        package=QUESTIONS,
        service=service,
        since=silent if since is None else min(since, silent),
        until=until,
    )


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner="Reading the series' history…")
def course(url: str, key: tuple[str, str, str], until: datetime) -> pd.DataFrame:
    """One series run by run, in order of time."""
    service, detector, series = key
    found = store(url).frame(
        "series_course", package=QUESTIONS,
        service=service, detector=detector, series=series, until=until, how_many=RUNS,
    )  # fmt: skip
    return found if found.empty else found.iloc[::-1].reset_index(drop=True)


@st.cache_data(ttl=FRESH_S, max_entries=50, show_spinner=False)
def said_of_series(url: str, service: str, series: str) -> list[Said]:
    """What people have said is normal for a series, the latest word first."""
    return store(url).read("series_words", Said, package=QUESTIONS, service=service, series=series)


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def vectors_kept(url: str, service: str) -> list[VectorsKept]:
    """Which vectors there are."""
    return store(url).read("vectors_kept", VectorsKept, package=QUESTIONS, service=service)


@st.cache_data(ttl=PICTURE_S, max_entries=20, show_spinner="Placing texts on the map…")
def text_map(url: str, kept: VectorsKept, before: Period, now: Period) -> MapRead:
    """A sample of both stretches' texts on one plane."""
    drawn = [_drawn(url, kept, one) for one in (before, now)]
    frame = pd.concat(
        [one.assign(now=is_now) for one, is_now in zip(drawn, (False, True), strict=True)],
        ignore_index=True,
    )
    if min(map(len, drawn)) < 2:
        return MapRead(frame, None)
    vectors = np.vstack([np.asarray(one, dtype=float) for one in frame.pop("vector")])
    texts = _texts(url, kept, before, now, list(frame["trace"]))
    frame["text"] = [
        texts.get((trace, span), "")
        for trace, span in zip(frame["trace"], frame["span"], strict=True)
    ]
    rng = np.random.default_rng(7)
    return MapRead(frame, draw_map(vectors, list(frame["now"]), list(frame["text"]), rng=rng))


def _drawn(url: str, kept: VectorsKept, of: Period) -> pd.DataFrame:
    rows = store(url).rows(
        "vectors_drawn", package=QUESTIONS, service=kept.service, part=kept.part, model=kept.model,
        since=of.since, until=of.until, how_many=TEXTS_DRAWN,
    )  # fmt: skip
    return pd.DataFrame(rows, columns=["time", "trace", "span", "vector"])


def _texts(
    url: str, kept: VectorsKept, before: Period, now: Period, traces: Sequence[str]
) -> dict[tuple[str, str], str]:
    rows = store(url).rows(
        "texts_drawn", package=QUESTIONS, service=kept.service, part=kept.part,
        since=min(before.since, now.since), until=max(before.until, now.until),
        traces=sorted(set(traces)), longest=LONGEST_TEXT,
    )  # fmt: skip
    return {(str(trace), str(span)): str(text) for trace, span, text in rows}


@st.cache_data(ttl=PICTURE_S, max_entries=20, show_spinner="Comparing what answers held…")
def distribution_list(url: str, service: str, before: Period, now: Period) -> list[Distribution]:
    """Every field, tag, score and figure of a sample of calls, the one that moved most first."""
    old, new = (read_calls(store(url), service, one, most=CALLS_DRAWN) for one in (before, now))
    if old.empty or new.empty:
        return []
    return distributions(old, new, columns_of(new, old))


@st.cache_data(ttl=PICTURE_S, max_entries=20, show_spinner="Reading the fields of answers…")
def looks(url: str, service: str, before: Period, now: Period) -> list[FieldLook]:
    """Every field of a sample of both stretches' answers, those that changed first."""
    return field_looks(answers(url, service, before), answers(url, service, now))


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def date_fields(url: str, service: str, until: datetime) -> list[LearntField]:
    """What was learnt of every date field."""
    return store(url).read(
        "date_fields", LearntField, package=QUESTIONS, service=service, until=until
    )


@st.cache_data(ttl=60, max_entries=20, show_spinner="Reading dates…")
def answers(url: str, service: str, of: Period) -> list[Answer]:
    """A sample of answers, in order of time."""
    return store(url).read(
        "answers_drawn", Answer, package=QUESTIONS, service=service,
        since=of.since, until=of.until, how_many=ANSWERS_DRAWN,
    )  # fmt: skip


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def slipped_dates(
    url: str, service: str, field: str, of: Period, detectors: tuple[str, ...]
) -> list[SlippedDate]:
    """The dates that the detectors marked, the latest first."""
    return store(url).read(
        "dates_slipped", SlippedDate, package=QUESTIONS, service=service, field=field,
        since=of.since, until=of.until, detectors=list(detectors), how_many=SLIPPED_DRAWN,
    )  # fmt: skip
