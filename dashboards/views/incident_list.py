"""All incidents: what is open first, then a table to sort, filter and take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.address import choose
from dashboards.shell import Desk, link
from dashboards.words import plain
from monitor.incidents import TIERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident

__all__ = ["COLOURS", "show_list"]

COLOURS = {"open": "red", "acknowledged": "orange", "snoozed": "gray", "resolved": "green"}
STATES = {
    "": "Any state",
    "unresolved": "Not resolved",
    **{name: name.capitalize() for name in COLOURS},
}
SEVERITIES = {"": "Any severity", **{name: name.capitalize() for name in TIERS}}
AT_HAND, ENDED = 8, 3
"""Incidents that are not resolved, or where there are none the last that were, with a card each; the table has all."""


def show_list(desk: Desk, known: Sequence[Incident]) -> None:
    """The cards of what is not resolved, and the table."""
    st.title("Incidents")
    mine = [one for one in known if desk.filters.service in {"", one.service}]
    if not mine:
        of = f" of the service {plain(desk.filters.service)}" if desk.filters.service else ""
        st.info(
            f"No incident{of} yet. One opens when a detector's evidence passes its threshold;"
            " `Health` says whether the detectors run."
        )
        return
    standing = sorted(
        (one for one in mine if one.state != "resolved"),
        key=lambda one: (one.state != "open", _rank(one), -one.started_at.timestamp()),
    )
    ended = len(mine) - len(standing)
    st.caption(
        f"{words.noun(len(standing), 'incident')} not resolved,"
        f" {words.noun(ended, 'resolved incident')}. All of them, whatever the time filter."
    )
    for one in standing[:AT_HAND] or mine[:ENDED]:
        _card(one)
    st.subheader("All incidents", anchor=False)
    _table(_chosen(mine))


def _rank(one: Incident) -> int:
    return TIERS.index(one.severity) if one.severity in TIERS else len(TIERS)


def _card(one: Incident) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(one.state, color=COLOURS[one.state])  # type: ignore[arg-type]  # a value of COLOURS
            st.badge(plain(one.severity), color="gray")
            link(words.cut(one.title, 140), "incidents", incident=one.incident_id)
        st.caption(
            plain(
                f"{one.service} · began {words.when(one.started_at)} ·"
                f" opened {words.when(one.opened_at)} · {_effect(one)}"
            )
        )


def _effect(one: Incident) -> str:
    details = one.details
    if not details.n:
        return f"{words.noun(details.count, 'row')} concerned" if details.count else "no rate told"
    return (
        f"{words.percent(details.rate)} of calls (95 %: {words.percent(details.low)} to {words.percent(details.high)},"
        f" n = {words.count(details.n)}), before {words.percent(details.baseline)} (n ="
        f" {words.count(details.baseline_n)})"
    )


def _chosen(known: Sequence[Incident]) -> list[Incident]:
    """The incidents that the filters of this page leave; the filters stand in the address."""
    left, middle, right = st.columns([1, 1, 2])
    state = choose(left.selectbox, "State", STATES, name="state", shown=STATES.__getitem__)
    severity = choose(
        middle.selectbox, "Severity", SEVERITIES, name="severity", shown=SEVERITIES.__getitem__
    )
    line = right.text_input(
        "Find",
        key="find",
        bind="query-params",
        placeholder="in title, service, cause, field, series or id",
        max_chars=100,
    )
    wanted = line.strip().casefold()
    return [
        one
        for one in known
        if (not state or one.state == state or (state == "unresolved" and one.state != "resolved"))
        and severity in ("", one.severity)
        and wanted in _text(one)
    ]


def _text(one: Incident) -> str:
    told = (one.title, one.service, one.cause, one.field, one.series, one.incident_id)
    return " ".join(told).casefold()


def _table(found: Sequence[Incident]) -> None:
    """A row opens its incident."""
    if not found:
        st.info("No incident matches. Take a filter away.")
        return
    rows = _rows(found)
    st.caption(
        f"{words.noun(len(found), 'incident')}, newest first. Choose a row to open it; a head sorts."
    )
    event = st.dataframe(
        rows,
        hide_index=True,
        height=min(36 * len(rows) + 40, 560),
        key="incident_list",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "State": st.column_config.TextColumn(width=95),
            "Severity": st.column_config.TextColumn(width=65),
            "Incident": st.column_config.TextColumn(width=290),
            **{
                name: st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm", timezone="UTC", width=125
                )
                for name in ("Since (UTC)", "Opened (UTC)", "Resolved (UTC)")
            },
            **{
                name: st.column_config.NumberColumn(format="%.2f", width=80)
                for name in ("Rate (%)", "95 % from (%)", "95 % to (%)", "Before (%)")
            },
            "Calls (n)": st.column_config.NumberColumn(format="localized", width=80),
            "Lasted (h)": st.column_config.NumberColumn(format="%.1f", width=75),
        },
    )
    st.download_button(
        "Download these rows as CSV",
        lambda: rows.to_csv(index=False),
        "incidents.csv",
        "text/csv",
        on_click="ignore",
    )
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(found):
        st.session_state.pop("incident_list", None)
        st.query_params["incident"] = found[chosen[0]].incident_id
        st.rerun()


def _rows(found: Sequence[Incident]) -> pd.DataFrame:
    rated = [one.details if one.details.n else None for one in found]
    return pd.DataFrame(
        {
            "State": [one.state for one in found],
            "Severity": [one.severity for one in found],
            "Incident": [words.visible(one.title) for one in found],
            "Service": [words.visible(one.service) for one in found],
            "Since (UTC)": pd.to_datetime([one.started_at for one in found], utc=True),
            "Rate (%)": [told.rate * 100 if told else None for told in rated],
            "95 % from (%)": [told.low * 100 if told else None for told in rated],
            "95 % to (%)": [told.high * 100 if told else None for told in rated],
            "Calls (n)": [told.n if told else None for told in rated],
            "Before (%)": [told.baseline * 100 if told else None for told in rated],
            "Cause": [one.cause for one in found],
            "Lasted (h)": [
                ((one.resolved_at or one.updated_at) - one.started_at).total_seconds() / 3600
                for one in found
            ],
            "Opened (UTC)": pd.to_datetime([one.opened_at for one in found], utc=True),
            "Resolved (UTC)": pd.Series(
                [one.resolved_at for one in found], dtype="datetime64[us, UTC]"
            ),
            "Id": [one.incident_id for one in found],
        }
    )
