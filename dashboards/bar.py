"""The filters above every view: time, a line to type conditions in, and a box per facet. The address holds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import streamlit as st

from dashboards import data, words
from dashboards.address import asked, choose, drop, put
from dashboards.filters import FACETS, Filters, moment, time_range
from dashboards.line import EXAMPLE, LONGEST, completions, items_of, read_item

__all__ = ["read_bar"]

RANGE_NAMES = {
    "1h": "1 hour",
    "6h": "6 hours",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "all": "All",
    "custom": "Custom",
}
DAY = re.compile(r"\d{4}-\d\d-\d\d")
LABELS = {
    "service": "Service",
    "release": "Release",
    "environment": "Environment",
    "model": "Model",
    "prompt_version": "Prompt version",
    "tag": "Tag",
}
LINE = "filter_line"
PROBLEM = "_line_problem"


def read_bar(url: str, now: datetime) -> tuple[str, Filters]:
    """Draw the filters; the range's name and what was chosen."""
    _refuse_nonsense()
    range_name, stretch = _range(now)
    known = data.facets(url, *stretch, asked("service"))
    _line(known, now)
    with st.popover("Facets", help="Each filter as a box, with how many calls every value leaves."):
        chosen = {name: _facet(name, known.get(name, {})) for name in FACETS}
    if problem := st.session_state.pop(PROBLEM, ""):
        st.warning(words.plain(problem))
    tag_key, _, tag_value = chosen.pop("tag").partition("=")
    return range_name, Filters(
        stretch[0], stretch[1], tag_key=tag_key, tag_value=tag_value, **chosen
    )


def _refuse_nonsense() -> None:
    """Take out of the address what can mean nothing, and say so; a value nobody sent stays and finds no call."""
    said = []
    span = asked("range")
    if span and span not in RANGE_NAMES:
        said.append(f"range={span[:40]} is no stretch of time; {RANGE_NAMES['7d']} are shown")
        drop("range")
    elif not span and any(asked(name) for name in ("since", "until")):
        put("range", "custom")
    for name in FACETS:
        value = asked(name)
        if len(value) > LONGEST or "\x00" in value:
            said.append(f"{name}={words.cut(value, 40)} is no value that a call can have")
            drop(name)
        elif name == "tag" and value and not value.partition("=")[0].strip():
            said.append(f"tag={value[:40]} names no tag; write tag=key=value")
            drop(name)
        elif name == "tag" and value and "=" not in value:
            said.append(f"tag={value[:40]} has no value; write tag=key=value")
            drop(name)
    if said:
        st.session_state[PROBLEM] = f"The address asks for what there is not: {'; '.join(said)}."


def _range(now: datetime) -> tuple[str, tuple[datetime, datetime]]:
    name = choose(
        st.selectbox,
        "Time",
        RANGE_NAMES,
        name="range",
        default="7d",
        shown=RANGE_NAMES.__getitem__,
        width=110,
    )
    if name != "custom":
        return name, time_range(name, now)
    since = _moment("From (UTC)", "since", now) or now - timedelta(days=7)
    until = _moment("To (UTC)", "until", now) or now
    start, end = sorted((since, until))
    return name, (start, max(end, start + timedelta(minutes=1)))


def _moment(label: str, name: str, now: datetime) -> datetime | None:
    """A time of the address; a day alone as the end of a stretch is included."""
    typed = st.text_input(
        label,
        key=name,
        bind="query-params",
        max_chars=40,
        placeholder="2024-01-31 06:00 or -3h",
        help="A day, a time (UTC, unless you write its zone: 2024-01-31T06:00+02:00), or how long ago: -90m, -3h, -7d.",
        width=190,
    )
    found = moment(typed, now) if typed else None
    if typed and found is None:
        st.warning(f"{words.plain(typed)} is no time. Write for example 2024-01-31 06:00, or -3h.")
    if found is not None and name == "until" and DAY.fullmatch(typed.strip()):
        return found + timedelta(days=1)
    return found


def _line(known: Mapping[str, Mapping[str, int]], now: datetime) -> None:
    """The line, drawn anew from the address, whoever changed that."""
    said = items_of({name: asked(name) for name in FACETS})
    offered = completions(known, said)
    st.session_state[LINE] = said
    st.multiselect(
        "Filter",
        list(offered),
        key=LINE,
        format_func=lambda item: _offer(item, offered.get(item)),
        accept_new_options=True,
        placeholder="type to filter: service:, release:, env:, model:, prompt:, tag.key:, time:",
        help=f"Choose from what the store holds, or type, for example {EXAMPLE}. Press / to come here.",
        on_change=_follow_line,
        args=(said, now),
        width=430,
    )


def _offer(item: str, calls: int | None) -> str:
    shown = words.cut(words.visible(item), 60)
    return shown if calls is None else f"{shown} ({words.count(calls)})"


def _follow_line(before: list[str], now: datetime) -> None:
    """A person has typed, chosen or taken away conditions: the address says so before it is read again."""
    said = list(st.session_state[LINE])
    gone = {name for text in before if text not in said for name in read_item(text, now).address}
    problems = []
    for text in said:
        if text in before:
            continue
        item = read_item(text, now)
        problems += [item.problem] if item.problem else []
        for name, value in item.address.items():
            gone.discard(name)
            put(name, value)
            st.session_state[name] = value
    for name in gone:
        drop(name)
    if problems:
        st.session_state[PROBLEM] = " ".join(problems)


def _facet(name: str, counts: Mapping[str, int]) -> str:
    """One facet's values, commonest first, each with how many calls it leaves."""
    wanted = asked(name)
    values = list(counts) if wanted in counts or not wanted else [*counts, wanted]
    if not values:
        return ""
    return choose(
        st.selectbox,
        LABELS[name],
        ["", *values],
        name=name,
        shown=lambda value: _offer(value, counts.get(value)) if value else "Any",
        width=300,
    )
