"""What changed, since when, how sure, where, what to do: the incidents and their evidence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.shell import CHART_WIDTH, Desk, link, view
from dashboards.words import plain
from monitor.incidents import act
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident, IncidentDetails
    from monitor.records import IncidentEvent

__all__ = ["show"]

COLOURS = {"open": "red", "acknowledged": "orange", "snoozed": "gray", "resolved": "green"}
CAUSES = {
    "calendar": "The calendar turned: nothing was deployed, the date moved on and the model did not.",
    "input": "The inputs moved: the model gets calls unlike those it got before.",
    "schema": "What comes from upstream is built differently.",
    "model": "The model moved: the same inputs get different answers.",
    "provider": "The provider serves another model under the same name.",
    "prompt": "A prompt was deployed.",
    "decay": "It got worse little by little: the world moved on and the model did not.",
    "judge": "The judge itself drifted: the answers may be as good as before.",
    "silence": "Traffic that used to come does not come.",
    "ingestion": "Rows are kept from being stored, or were lost.",
    "delivery": "Messages do not reach the people they are for.",
    "unknown": "The cause is not known yet.",
}
SNOOZES = {"1 hour": timedelta(hours=1), "1 day": timedelta(days=1), "1 week": timedelta(days=7)}


@view
def show(desk: Desk) -> None:
    """The list, or the incident that the address names."""
    incident_id = str(st.query_params.get("incident", "")).strip()
    known = data.incidents(desk.url)
    if not incident_id:
        _list(desk, known)
        return
    if st.button("All incidents", icon=":material/arrow_back:"):
        st.query_params.pop("incident", None)
        st.rerun()
    found = next((one for one in known if one.incident_id == incident_id), None)
    if found is None:
        st.title("Incident")
        st.warning(
            f"There is no incident {plain(words.cut(incident_id, 80))} in this store; the list has those there are."
        )
        return
    _incident(desk, found)


def _list(desk: Desk, known: Sequence[Incident]) -> None:
    st.title("Incidents")
    mine = [one for one in known if desk.filters.service in {"", one.service}]
    if not mine:
        st.info(
            "No incident yet. One opens when a detector's evidence passes its threshold;"
            " `Health` says whether the detectors run."
        )
        return
    open_ones = [one for one in mine if one.state != "resolved"]
    st.caption(
        f"{words.noun(len(open_ones), 'incident')} not resolved,"
        f" {words.noun(len(mine) - len(open_ones), 'resolved incident', 'resolved incidents')}."
        " All of them, whatever the time filter."
    )
    for one in [*open_ones, *(one for one in mine if one.state == "resolved")][:50]:
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.badge(one.state, color=COLOURS[one.state])  # type: ignore[arg-type]  # a value of COLOURS
                link(words.cut(one.title, 140), "incidents", incident=one.incident_id)
            st.caption(
                plain(
                    f"{one.service} · {one.severity} · began {words.when(one.started_at)} ·"
                    f" opened {words.when(one.opened_at)} · {_bad(one.details)}"
                )
            )
    if len(mine) > 50:
        st.caption(
            f"The first 50 of {len(mine)} are listed; choose a service in the side bar to narrow them."
        )


def _bad(details: IncidentDetails) -> str:
    if not details.n:
        return "no rate told"
    return (
        f"{words.percent(details.rate)} of calls (95 %: {words.percent(details.low)} to {words.percent(details.high)},"
        f" n = {words.count(details.n)}), before {words.percent(details.baseline)} (n ="
        f" {words.count(details.baseline_n)})"
    )


def _incident(desk: Desk, one: Incident) -> None:
    details = one.details
    st.title(plain(one.title), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(one.state, color=COLOURS[one.state])  # type: ignore[arg-type]  # a value of COLOURS
        st.badge(plain(one.severity), color="gray")
        st.markdown(
            plain(
                f"service {one.service or 'unknown'}"
                + (f", field {one.field}" if one.field else "")
                + (f", release {details.release}" if details.release else "")
            )
        )
    if details.summary:
        st.markdown(plain(details.summary))
    _figures(desk, one)
    _act(desk, one)
    st.subheader("Since when", anchor=False)
    _history(desk, one)
    st.subheader("Why", anchor=False)
    st.markdown(f"**{CAUSES.get(one.cause, CAUSES['unknown'])}**")
    _causes(details)
    _confirmations(details)
    if details.advice:
        st.markdown(f"What to do: {plain(details.advice)}")
    _cures(details)
    _retrains(desk, one)
    st.subheader("Where", anchor=False)
    _slices(details)
    st.subheader("Calls to look at", anchor=False)
    _examples(details)
    st.subheader("What happened to it", anchor=False)
    _timeline(
        [event for event in data.incident_events(desk.url) if event.incident_id == one.incident_id]
    )


def _figures(desk: Desk, one: Incident) -> None:
    details = one.details
    with st.container(horizontal=True, gap="small"):
        _fact(
            "Rate now",
            words.percent(details.rate) if details.n else "unknown",
            f"95 %: {words.percent(details.low)} to {words.percent(details.high)}, n = {words.count(details.n)}"
            if details.n
            else "no rate told",
        )
        _fact(
            "Before",
            words.percent(details.baseline) if details.baseline_n else "unknown",
            f"baseline of {words.noun(details.baseline_n, 'call')}",
        )
        _fact("Began", words.when(one.started_at), words.ago(one.started_at, desk.now))
        _fact(
            "Opened",
            words.when(one.opened_at),
            f"{words.span(one.opened_at - one.started_at)} after it began",
        )
        _fact(
            "How sure",
            f"e-value {_magnitude(details.e_value)}",
            f"alarms at {_magnitude(details.threshold)}; "
            + ("needed labels" if details.needed_labels else "needed no labels"),
        )
    if details.e_value and details.threshold:
        st.caption(
            "In words: were nothing wrong, a false alarm would be expected once in"
            f" {_magnitude(details.threshold)} looks at most;"
            f" the evidence stands {_magnitude(details.e_value / details.threshold)} times"
            f" {'above' if details.e_value >= details.threshold else 'the share of'} that line."
        )


def _magnitude(number: float) -> str:
    if number >= 1e6:
        exponent = int(f"{number:e}".split("e")[1])
        return f"{number / 10**exponent:.1f} x 10^{exponent}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _fact(label: str, value: str, below: str) -> None:
    with st.container(width=184, gap="xxsmall"):
        st.caption(label)
        st.markdown(f"**{plain(value)}**")
        st.caption(plain(below))


def _causes(details: IncidentDetails) -> None:
    """What speaks for and against each cause that was weighed, the likeliest first."""
    for found in details.causes:
        with st.expander(f"{found.cause}: {words.percent(found.score)} of belief"):
            said = [("for", one) for one in found.speaks_for]
            said += [("against", one) for one in found.speaks_against]
            st.markdown("\n".join(f"- {side}: {plain(text)}" for side, text in said) or "nothing")


def _cures(details: IncidentDetails) -> None:
    """Every cure that was weighed, the one that fits first, with its evidence."""
    for cure in details.cures:
        name = f"{cure.name}: not now" if cure.forbidden else cure.name
        with st.expander(plain(name)):
            said = [("not now", one) for one in cure.forbidden]
            said += [("for", one) for one in cure.speaks_for]
            said += [("against", one) for one in cure.speaks_against]
            said += [("expected", cure.effect)] if cure.effect else []
            said += [("takes", cure.cost)] if cure.cost else []
            st.markdown("\n".join(f"- {side}: {plain(text)}" for side, text in said) or "nothing")


def _act(desk: Desk, one: Incident) -> None:
    if one.state == "resolved":
        st.success(f"Resolved {words.when(one.resolved_at)} by {plain(one.actor)}.")
        return
    note = st.text_input(
        "Note",
        key=f"note_{one.incident_id}",
        placeholder="what you found or did (optional)",
        max_chars=500,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        acknowledged = st.button(
            "Acknowledge", type="primary", disabled=one.state == "acknowledged"
        )
        length = st.selectbox(
            "Snooze for",
            list(SNOOZES),
            label_visibility="collapsed",
            width=120,
            key="snooze_length",
        )
        snoozed = st.button("Snooze")
        resolved = st.button("Resolve")
    event = (
        "acknowledged" if acknowledged else "snoozed" if snoozed else "resolved" if resolved else ""
    )
    if not event:
        return
    act(
        data.store(desk.url),
        one.incident_id,
        event,
        now=desk.now,
        actor=desk.actor,
        via="dashboard",
        note=note,
        until=desk.now + SNOOZES[length] if snoozed else None,
    )
    st.toast(f"{event.capitalize()} as {plain(desk.actor)}.")
    st.rerun()


def _history(desk: Desk, one: Incident) -> None:
    history = data.series_history(desk.url, one.detector, one.series)
    rated = (
        history
        if history.empty
        else history[(history["status"] != "insufficient_data") & (history["n"] > 0)]
    )
    if rated.empty:
        st.info(
            "The detector has left no history of this series, so there is no rate to draw; the"
            " store may have aged it out."
        )
        return
    first, last = rated["window_end"].min(), rated["window_end"].max()
    size = max(bucket_s(first.to_pydatetime(), last.to_pydatetime() + timedelta(seconds=1)), 3600)
    short = rated[
        (rated["window_end"] - rated["window_start"]) <= pd.Timedelta(seconds=max(size, 172_800))
    ]
    bars = (
        short.assign(bucket=short["window_start"].dt.floor(f"{size}s"))
        .groupby("bucket", as_index=False)[["count", "n"]]
        .sum()
    )
    baseline = one.details.baseline or float(rated["baseline"].iloc[-1])
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            st.markdown(
                f"**Faults per call**, by {words.span(timedelta(seconds=size))}; band: 95 %"
                f" interval; dashed: baseline {plain(words.percent(baseline))}"
            )
            if bars.empty:
                st.info(
                    "Every run looked at more than a bar's time at once, so there is no rate over time to draw."
                )
            else:
                st.altair_chart(
                    charts.incident_rate(
                        bars,
                        baseline=baseline,
                        started_at=one.started_at,
                        resolved_at=one.resolved_at,
                    )
                )
        with st.container(width=CHART_WIDTH):
            st.markdown(
                f"**Evidence** of the detector {plain(one.detector)} on {plain(one.series)}"
            )
            threshold = one.details.threshold or float(rated["threshold"].max())
            if threshold > 0 and rated["e_value"].max() > 0:
                st.altair_chart(
                    charts.evidence(rated[["window_end", "e_value", "status"]], threshold)
                )
            else:
                st.info(
                    "This detector tells no e-value, so there is no evidence to draw over time."
                )


def _confirmations(details: IncidentDetails) -> None:
    for other in details.alarms:
        if other.e_value and other.threshold:
            st.markdown(
                plain(
                    f"Alarm of {other.detector} on {other.series} at"
                    f" {words.when(other.detected_at)}: e-value {_magnitude(other.e_value)}"
                    f" against {_magnitude(other.threshold)}"
                )
            )
    if not details.confirmations:
        st.caption("No second witness has confirmed it yet: no judge, outcome or user.")
        return
    for witness in details.confirmations:
        st.markdown(
            f"Confirmed by the {plain(witness.source)} **{plain(witness.name)}**:"
            f" {plain(words.percent(witness.rate))} failing"
            f" (95 %: {plain(words.percent(witness.low))} to"
            f" {plain(words.percent(witness.high))}, n = {words.count(witness.n)}),"
            f" before {plain(words.percent(witness.baseline))}."
        )


def _retrains(desk: Desk, one: Incident) -> None:
    for retrain in retrains(data.store(desk.url)):
        if retrain.incident_id == one.incident_id:
            link(
                f"Its retrain {retrain.retrain_id}: {retrain.state.replace('_', ' ')}",
                "retrains",
                retrain=retrain.retrain_id,
            )


def _slices(details: IncidentDetails) -> None:
    if not details.slices:
        st.info(
            "No slice stands out: the fault is spread over the traffic, or there are too few faults to tell."
        )
        return
    ranked = sorted(
        details.slices,
        key=lambda part: part.share_of_faults * (part.rate - part.rate_elsewhere),
        reverse=True,
    )
    st.dataframe(
        pd.DataFrame(
            {
                "Slice": [words.visible(f"{part.attribute} = {part.value}") for part in ranked],
                "Lift": [
                    f"{part.rate / part.rate_elsewhere:.1f} x"
                    if part.rate_elsewhere
                    else "only here"
                    for part in ranked
                ],
                "Fault rate inside": [_with_n(part.rate, part.n) for part in ranked],
                "Elsewhere": [words.percent(part.rate_elsewhere) for part in ranked],
                "Share of all faults (%)": [part.share_of_faults * 100 for part in ranked],
            }
        ),
        hide_index=True,
        column_config={
            "Share of all faults (%)": st.column_config.ProgressColumn(
                format="%.0f %%", min_value=0, max_value=100
            )
        },
    )


def _with_n(rate: float, n: int) -> str:
    return words.rate(min(n, round(rate * n)), n)


def _examples(details: IncidentDetails) -> None:
    if not details.examples:
        st.info("No example call was kept with the evidence.")
        return
    for example in details.examples[:10]:
        with st.container(border=True), st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(words.cut(example.value, 120)) or '(empty)'}**", width="content")
            st.markdown(plain(words.cut(example.why, 300)), width="stretch")
            link(
                f"Open the call of {words.when(example.timestamp)}",
                "calls",
                trace_id=example.trace_id,
            )


def _timeline(events: Sequence[IncidentEvent]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Time (UTC)": [event.timestamp for event in events],
                "What": [event.event for event in events],
                "Who": [words.visible(event.actor) for event in events],
                "By way of": [event.via for event in events],
                "Note": [words.visible(event.note) for event in events],
            }
        ),
        hide_index=True,
        column_config={
            "Time (UTC)": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "Note": st.column_config.TextColumn(width=360),
        },
    )
