"""The series that are watched: which of them moved, how near the others are to an alarm, and one of them opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.drift import reads
from dashboards.drift.series import KINDS, STATES, Series, chosen, find, gathered, ranked
from dashboards.shell import CHART_WIDTH, Desk, link
from dashboards.words import plain
from monitor.clock import parse_time

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["show_list", "show_one"]

LISTED = 500
TIERS = {"": "Any tier", "page": "May wake somebody", "watch": "Is a ticket"}
ADDRESS = ("series", "detector", "of")
EXAMPLES = 10
FILTER_WIDTH = 232


def show_list(desk: Desk) -> None:
    """All of them, what needs a person first; a click opens one."""
    known = reads.latest_series(desk.url, desk.filters.service, desk.filters.until)
    if not known:
        st.info(
            "No series is watched yet. The detectors begin by themselves when calls arrive and"
            " the scheduler runs (`outerloop up`); `Health` says whether it does."
        )
        return
    _counts(known)
    kept = ranked(_asked(known))
    if not kept:
        st.info("No series matches these filters. Set one of them back to any.")
        return
    if len(kept) > LISTED:
        st.caption(f"The first {LISTED} of {words.count(len(kept))} are listed; narrow them above.")
    opened = _table(kept[:LISTED])
    if opened is not None:
        for name, value in zip(
            ADDRESS, (opened.series, opened.detector, opened.service), strict=True
        ):
            st.query_params[name] = value
        st.session_state.pop("drift_list", None)
        st.rerun()


def _counts(known: Sequence[Series]) -> None:
    """How many stand where."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for status, (name, colour) in STATES.items():
            if n := sum(one.status == status for one in known):
                st.badge(f"{words.count(n)} {name.lower()}", color=colour)  # type: ignore[arg-type]  # a colour of Streamlit's
    st.caption(
        "A series alarms when its evidence (an e-value) passes a threshold that keeps false alarms of"
        " all series together within the budget, however often it is looked at. “Worth a look” passed a"
        " looser line and wakes nobody; “learning” has too few samples for a baseline."
    )


def _asked(known: Sequence[Series]) -> list[Series]:
    """Those that the list's own filters leave."""
    present = {one.kind for one in known}
    with st.container(horizontal=True, gap="small"):
        kind = st.selectbox(
            "Kind",
            ["", *(kind for kind in KINDS if kind in present)],
            format_func=lambda name: KINDS.get(name, "Any kind"),
            key="kind",
            bind="query-params",
            width=FILTER_WIDTH,
        )
        status = st.selectbox(
            "State",
            ["", *STATES],
            format_func=lambda name: STATES[name][0] if name else "Any state",
            key="state",
            bind="query-params",
            width=FILTER_WIDTH,
        )
        tier = st.selectbox(
            "Tier",
            list(TIERS),
            format_func=TIERS.__getitem__,
            key="tier",
            bind="query-params",
            width=FILTER_WIDTH,
        )
        text = st.text_input(
            "Name",
            key="named",
            bind="query-params",
            placeholder="e.g. due_date or latency",
            max_chars=100,
            width=FILTER_WIDTH,
        )
    return chosen(known, kind=kind, status=status, tier=tier, text=text)


def _table(kept: Sequence[Series]) -> Series | None:
    """The list; returns the series that was chosen."""
    frame = pd.DataFrame(
        {
            "State": [STATES.get(one.status, (one.status,))[0] for one in kept],
            "Series": [words.visible(one.series) for one in kept],
            "Detector": [one.detector.replace("_", " ") for one in kept],
            "Evidence": [100 * one.nearness if one.threshold else None for one in kept],
            "Last look": [_measured(one) for one in kept],
            "Baseline": [_baseline(one) for one in kept],
            "Needs": [float("nan") if one.needed is None else one.needed for one in kept],
            "Looked until": [one.window_end for one in kept],
            "Service": [words.visible(one.service) for one in kept],
        }
    )
    st.caption("Choose a row to open its history.")
    event = st.dataframe(
        frame,
        hide_index=True,
        height=min(560, 38 + 35 * len(frame)),
        key="drift_list",
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "State": st.column_config.TextColumn(width=88),
            "Series": st.column_config.TextColumn(width=255),
            "Detector": st.column_config.TextColumn(width=92),
            "Evidence": st.column_config.ProgressColumn(
                "To an alarm (%)",
                format="%.0f %%",
                min_value=0,
                max_value=100,
                width=110,
                help="How much of the evidence for an alarm is there: log e-value over log threshold.",
            ),
            "Last look": st.column_config.TextColumn(
                width=180, help="What its last run measured, with its 95 % interval and n."
            ),
            "Baseline": st.column_config.TextColumn(width=112),
            "Needs": st.column_config.NumberColumn(
                "Doubling needs",
                format="localized",
                width=100,
                help="Further samples until a doubled rate would be seen; empty where that cannot be said.",
            ),
            "Looked until": st.column_config.DatetimeColumn(
                "Looked until (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC", width=135
            ),
        },
    )
    st.download_button(
        "Download these rows as CSV",
        frame.to_csv(index=False),
        "series.csv",
        "text/csv",
        on_click="ignore",
    )
    rows = event["selection"]["rows"]
    return kept[rows[0]] if rows else None


def _measured(one: Series) -> str:
    """What its last run saw, with interval and n."""
    if not one.n:
        return "nothing yet"
    if one.kind == "descriptors":
        return f"{one.effect:,.1f} ({one.low:,.1f} to {one.high:,.1f}, n = {words.count(one.n)})"
    if one.is_rate:
        return words.rate(one.count, one.n)
    share = one.told.get("share")
    return f"{words.percent(float(share))} of a window" if share is not None else "see its history"


def _baseline(one: Series) -> str:
    if not one.baseline_n or not one.is_rate:
        return ""
    return f"{words.percent(one.baseline)} (n = {words.count(one.baseline_n)})"


def show_one(desk: Desk, name: str) -> None:
    """The series that the address names, or the ones that it may mean."""
    if st.button("All series", icon=":material/arrow_back:"):
        for part in ADDRESS:
            st.query_params.pop(part, None)
        st.rerun()
    known = reads.latest_series(desk.url, "", desk.filters.until)
    found = find(
        known,
        name,
        detector=str(st.query_params.get("detector", "")),
        service=str(st.query_params.get("of", "")),
    )
    if not found:
        st.title("Series")
        st.warning(
            f"There is no series {plain(words.cut(name, 80))} with a row in the 30 days before"
            f" {words.when(min(desk.filters.until, desk.now))}; the list has those there are."
        )
    elif len(found) > 1:
        st.title(plain(words.cut(name, 100)), anchor=False)
        st.markdown("Several detectors watch this series. Which one?")
        for one in ranked(found):
            link(
                f"{one.detector.replace('_', ' ')} on {one.service}: {STATES.get(one.status, (one.status,))[0]}",
                "drift", series=one.series, detector=one.detector, of=one.service,
            )  # fmt: skip
    else:
        _one(desk, found[0])


def _one(desk: Desk, one: Series) -> None:
    st.title(plain(words.cut(one.series, 100)), anchor=False)
    name, colour = STATES.get(one.status, (one.status, "gray"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(name, color=colour)  # type: ignore[arg-type]  # a colour of Streamlit's
        st.markdown(
            plain(
                f"{KINDS[one.kind]}, detector {one.detector.replace('_', ' ')}, service {one.service}"
                + (f", release {one.release}" if one.release else "")
            )
        )
    if one.sentence:
        st.markdown(plain(one.sentence))
    _facts(desk, one)
    history = reads.course(desk.url, one.key, desk.filters.until)
    _history(one, history[history["window_end"] >= pd.Timestamp(desk.filters.since)], len(history))
    _others(desk, one)
    _examples(one)


def _facts(desk: Desk, one: Series) -> None:
    with st.container(horizontal=True, gap="small"):
        if one.is_rate or one.kind == "descriptors":
            _fact("Last look", _measured(one), f"until {words.when(one.window_end)}")
        if one.threshold:
            _fact("Baseline", _baseline(one) or "unknown", _whose(one))
            _fact(
                "Evidence",
                f"e-value {one.e_value:,.0f}"
                if one.e_value >= 10
                else f"e-value {one.e_value:.2g}",
                f"alarms at {one.threshold:,.0f}; "
                + (f"{words.percent(one.nearness)} of the way" if one.nearness < 1 else "passed"),
            )
            _fact("Tier", TIERS.get(one.tier, one.tier), "what its alarm is worth")
        if one.needed is not None:
            _fact(
                "To see a doubling",
                f"needs {words.count(one.needed)} more samples",
                "if the rate doubled now",
            )
        if one.began is not None:
            _fact("Began", words.when(one.began), words.ago(one.began, desk.now))


def _whose(one: Series) -> str:
    release = str(one.told.get("baseline_release") or "")
    return f"learnt on {words.cut(release, 40)}" if release else "what was usual"


def _fact(label: str, value: str, below: str) -> None:
    with st.container(width=184, gap="xxsmall"):
        st.caption(label)
        st.markdown(f"**{plain(value)}**")
        st.caption(plain(below))


def _history(one: Series, history: pd.DataFrame, runs: int) -> None:
    """Its level and its evidence over the time that was chosen."""
    rated = history if history.empty else history[history["n"] > 0]
    if rated.empty:
        older = (
            f" It has {words.noun(runs, 'older run')}; choose a longer time in the side bar."
            if runs
            else ""
        )
        st.info(f"No run of this series with data ends in the chosen time.{older}")
        return
    with st.container(horizontal=True, gap="small"):
        if one.is_rate or one.kind == "descriptors":
            with st.container(width=CHART_WIDTH):
                band = "band: 95 % interval" + ("; dashed: baseline" if one.baseline_n else "")
                st.markdown(f"**Level** over time; {band}; orange: alarmed")
                st.altair_chart(
                    charts.level(
                        gathered(rated) if one.is_rate else rated,
                        title=one.unit,
                        share=one.kind != "descriptors",
                        baseline=one.baseline if one.baseline_n and one.is_rate else None,
                    )
                )
        if one.threshold and rated["e_value"].max() > 0:
            with st.container(width=CHART_WIDTH):
                st.markdown("**Evidence** against the line where it alarms")
                st.altair_chart(
                    charts.evidence(rated[["window_end", "e_value", "status"]], one.threshold)
                )
        told = rated[rated["p_value"].notna()]
        if not told.empty:
            with st.container(width=CHART_WIDTH):
                st.markdown("**Surprise** of each window by itself (calibrated)")
                st.altair_chart(charts.surprises(told))
    if not one.threshold:
        st.caption("This series is there to look at: it has no threshold and never alarms.")
    with st.expander(f"{words.noun(len(rated), 'run')} as a table"):
        st.dataframe(
            rated[
                [
                    "window_end",
                    "status",
                    "count",
                    "n",
                    "effect",
                    "low",
                    "high",
                    "e_value",
                    "threshold",
                ]
            ].iloc[::-1],
            hide_index=True,
        )
        st.download_button(
            "Download as CSV",
            rated.to_csv(index=False),
            "series.csv",
            "text/csv",
            on_click="ignore",
        )


def _others(desk: Desk, one: Series) -> None:
    """Incidents that this series opened, and the other detectors that watch the same."""
    for incident in data.incidents(desk.url):
        if (incident.service, incident.series) == (one.service, one.series):
            link(
                f"Incident: {words.cut(incident.title, 100)} ({incident.state})",
                "incidents", incident=incident.incident_id,
            )  # fmt: skip


def _examples(one: Series) -> None:
    """Calls that show it."""
    told = [each for each in one.told.get("examples") or [] if isinstance(each, dict)]
    if not told:
        return
    st.subheader("Calls that show it", anchor=False)
    for example in told[-EXAMPLES:][::-1]:
        trace = str(example.get("trace_id", ""))
        why = str(
            example.get("why") or json.dumps(example.get("value", "")).strip('"') or "an example"
        )
        at = words.when(parse_time(str(example["timestamp"]))) if example.get("timestamp") else ""
        link(words.cut(f"{at}  {why}".strip(), 160), "calls", trace_id=trace)
