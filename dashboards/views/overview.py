"""Is it still good? One line per service, then how it went, with changes and faults marked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.filters import bucket_s
from dashboards.shell import CHART_WIDTH, Desk, link, view
from dashboards.words import plain
from monitor.drift.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.filters import Filters
    from monitor.incidents import Incident

__all__ = ["show"]

CARDS = 6
"""Services shown as cards; more of them are a table."""
TRAFFIC_BARS, QUALITY_POINTS = 90, 30
"""Points in time at most; a rate needs more calls a point than a count does."""
CHARTED = 6
SOURCES = {
    "outcome": "Outcome",
    "check": "Check",
    "judge": "Judge",
    "user": "User",
    "human": "Person",
}
ORDER = list(SOURCES)
DRIFT = {
    "drift": ("Drift", "orange"),
    "stable": ("No drift", "green"),
    "insufficient_data": ("Learning its baseline", "gray"),
}


@view
def show(desk: Desk) -> None:
    """The overview page."""
    st.title("Overview")
    services = data.asked(desk.url, "services", desk.filters)
    if services.empty:
        say_why_empty(desk)
        return
    quality = data.asked(desk.url, "quality", desk.filters)
    detectors = data.detectors(desk.url, desk.filters.service, desk.filters.until)
    open_ones = [one for one in data.incidents(desk.url) if one.state != "resolved"]
    st.caption(
        f"{words.noun(services['calls'].sum(), 'call')} of {words.noun(len(services), 'service')}, {desk.range_words}."
    )
    for _, line in services.head(CARDS).iterrows():
        mine = [one for one in open_ones if one.service == line["service"]]
        _card(desk, line, _of(quality, line["service"]), _of(detectors, line["service"]), mine)
    if len(services) > CARDS:
        st.caption(
            f"The {CARDS} busiest services are above; all {len(services)} are in this table."
        )
    with st.expander("All services as a table", expanded=len(services) > CARDS):
        _table(services)
    _trends(desk, services)


def say_why_empty(desk: Desk) -> None:
    """Say why there is nothing to see, and where there is something."""
    extent = data.extent(desk.url)
    if not extent.calls:
        st.info(
            'No call has arrived yet. Point an app at the collector: `monitor.init(service="…")`, or any OpenTelemetry'
            f" exporter, to {plain(desk.settings.told_url)}."
        )
        return
    chosen = ", ".join(f"{name} {plain(value)}" for name, value in desk.filters.facets().items())
    st.info(
        f"No call matches {desk.range_words}{' with ' + chosen if chosen else ''}. The store has"
        f" {words.noun(extent.calls, 'call')},"
        f" from {words.when(extent.first_call)} to {words.when(extent.last_call)}; choose"
        " another time or fewer filters above."
    )


def _of(frame: pd.DataFrame, service: str) -> pd.DataFrame:
    return frame if frame.empty else frame[frame["service"] == service]


def _card(
    desk: Desk,
    line: pd.Series,
    quality: pd.DataFrame,
    detectors: pd.DataFrame,
    open_ones: Sequence[Incident],
) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(
                plain(line["service"] or "(no service name)"), anchor=False, width="content"
            )
            _badges(detectors)
            for one in open_ones[:3]:
                link(
                    f"{one.state}: {words.cut(one.title, 90)}",
                    "incidents",
                    incident=one.incident_id,
                )
        n = int(line["calls"])
        with st.container(horizontal=True, gap="small"):
            _figure(
                "Calls",
                words.count(n),
                f"last {words.ago(line['last_call'].floor('us').to_pydatetime(), desk.now)}",
            )
            _figure(
                "Errors",
                words.percent(line["error_share"]),
                _interval(round(line["error_share"] * n), n, n),
            )
            _figure(
                "Latency p50 / p95",
                f"{words.duration(line['p50_ms'])} / {words.duration(line['p95_ms'])}",
                _first_token(line["ttft_p50_ms"]),
            )
            _figure(
                "Tokens in / out",
                f"{words.short(line['input_tokens'])} / {words.short(line['output_tokens'])}",
                f"{line['output_tokens'] / n:,.0f} out per call",
            )
            _figure(
                "Cost",
                "unknown" if line["unpriced"] == n else words.money(line["cost_usd"]),
                _unpriced(int(line["unpriced"]), n),
            )
        _quality(quality)


def _figure(label: str, value: str, below: str) -> None:
    with st.container(width=178, gap="xxsmall"):
        st.caption(label)
        st.markdown(f"**{plain(value)}**")
        st.caption(plain(below))


def _interval(failures: int, worth: int, n: int) -> str:
    """Of `failures` in the effective number of `n` scores, which is smaller where they were drawn unequally."""
    interval = wilson(failures, worth)
    return f"95 %: {words.percent(interval.low)} to {words.percent(interval.high)}, n = {words.count(n)}"


def _first_token(milliseconds: float) -> str:
    return (
        "first token: not streamed"
        if pd.isna(milliseconds)
        else f"first token p50 {words.duration(milliseconds)}"
    )


def _unpriced(unpriced: int, n: int) -> str:
    return (
        f"{words.count(unpriced)} of {words.count(n)} calls have no known cost"
        if unpriced
        else f"{words.noun(n, 'call')}, all priced"
    )


def _badges(detectors: pd.DataFrame) -> None:
    if detectors.empty:
        st.badge("Drift: not watched yet", color="gray")
        return
    states = set(detectors["status"])
    state = next((name for name in DRIFT if name in states), "stable")
    label, colour = DRIFT[state]
    drifting = detectors[detectors["status"] == "drift"]
    named = ", ".join(
        sorted({str(row["field"] or row["series"]) for _, row in drifting.iterrows()})[:3]
    )
    said = f"{label}: {plain(named)}" if named else f"{label} ({len(detectors)} series)"
    st.badge(said, color=colour)  # type: ignore[arg-type]  # a value of DRIFT


def _quality(quality: pd.DataFrame) -> None:
    if quality.empty:
        st.caption(
            "Quality: no outcome, check, judge or user has said anything about these calls yet."
        )
        return
    rank = {name: place for place, name in enumerate(ORDER)}
    rows = quality.assign(rank=quality["source"].map(rank).fillna(len(rank))).sort_values(
        ["rank", "name"]
    )
    with st.container(horizontal=True, gap="small"):
        for _, row in rows.head(8).iterrows():
            n, rate, worth = int(row["n"]), float(row["rate"]), round(row["n_eff"])
            label = f"{SOURCES.get(row['source'], row['source'])}: {row['name']}"
            if row["largest"] > 1:
                _figure(plain(label), f"mean {row['mean']:.2f}", f"n = {words.count(n)}")
            else:
                _figure(
                    plain(label),
                    f"{words.percent(rate)} failing",
                    _interval(round(rate * worth), worth, n) + _waiting(row),
                )


def _waiting(row: pd.Series) -> str:
    waiting = int(row["all_traces"]) - int(row["traces"])
    if row["source"] not in {"outcome", "user"} or waiting <= 0:
        return ""
    return f"; {words.count(waiting)} of {words.noun(row['all_traces'], 'trace')} not told yet"


def _table(services: pd.DataFrame) -> None:
    st.dataframe(
        services,
        hide_index=True,
        column_config={
            "service": "Service",
            "calls": st.column_config.NumberColumn("Calls", format="localized"),
            "errors": st.column_config.NumberColumn("Errors", format="localized"),
            "error_share": st.column_config.NumberColumn("Error share", format="percent"),
            "abandoned": st.column_config.NumberColumn("Abandoned", format="localized"),
            "p50_ms": st.column_config.NumberColumn("p50 (ms)", format="%.0f"),
            "p95_ms": st.column_config.NumberColumn("p95 (ms)", format="%.0f"),
            "p99_ms": st.column_config.NumberColumn("p99 (ms)", format="%.0f"),
            "ttft_p50_ms": st.column_config.NumberColumn("First token p50 (ms)", format="%.0f"),
            "input_tokens": st.column_config.NumberColumn("Input tokens", format="localized"),
            "output_tokens": st.column_config.NumberColumn("Output tokens", format="localized"),
            "cost_usd": st.column_config.NumberColumn("Cost (USD)", format="%.4f"),
            "unpriced": st.column_config.NumberColumn(
                "Calls without known cost", format="localized"
            ),
            "last_call": st.column_config.DatetimeColumn(
                "Last call (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )
    st.download_button(
        "Download as CSV",
        services.to_csv(index=False),
        "services.csv",
        "text/csv",
        on_click="ignore",
    )


def _trends(desk: Desk, services: pd.DataFrame) -> None:
    st.subheader("Over time", anchor=False)
    names = list(services["service"])
    service = (
        names[0]
        if len(names) == 1
        else st.segmented_control(
            "Service", names, default=names[0], required=True, key="trend_service"
        )
    )
    filters = replace(desk.filters, service=service)
    marks = _marks(desk, service)
    _quality_over_time(desk, service, filters, marks)
    traffic = data.asked(desk.url, "traffic", filters, _bucket(desk, TRAFFIC_BARS))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CHART_WIDTH):
            st.markdown("**Volume**: calls")
            st.altair_chart(charts.volume(traffic, marks))
        with st.container(width=CHART_WIDTH):
            st.markdown("**Latency**: p50 and p95")
            st.altair_chart(charts.latency(traffic, marks))
    st.markdown("**Cost**: US dollars of the calls whose cost is known")
    if traffic["cost_usd"].sum() > 0:
        st.altair_chart(charts.spend(traffic, marks))
    else:
        st.info(
            "No call in this stretch has a known cost: the sender gave none, and the model has"
            " no row in the table `prices`."
        )


def _quality_over_time(desk: Desk, service: str, filters: Filters, marks: pd.DataFrame) -> None:
    size = _bucket(desk, QUALITY_POINTS)
    st.markdown(
        f"**Quality** of {plain(service)}: failing share by"
        f" {words.span(timedelta(seconds=size))} of the call; band: 95 % interval"
    )
    st.caption(
        "Upright lines: orange, an incident began; purple and dashed, a release or a prompt"
        " came. Grey points: so young that most outcomes are not told yet."
    )
    over_time = data.asked(desk.url, "quality_over_time", filters, size)
    if over_time.empty:
        st.info(
            "No two-valued score has been told about these calls, so there is no failing share to draw."
        )
        return
    ripe = _ripe(over_time, data.asked(desk.url, "quality", filters), desk)
    shown = ripe.groupby("score")["n"].sum().sort_values(ascending=False).index[:CHARTED]
    with st.container(horizontal=True, gap="small"):
        for score in sorted(shown, key=_rank):
            mine = ripe[ripe["score"] == score]
            with st.container(width=CHART_WIDTH):
                st.markdown(plain(f"{score} (n = {words.count(mine['n'].sum())})"))
                st.altair_chart(charts.quality(mine, marks))
    rest = ripe["score"].nunique() - len(shown)
    if rest:
        st.caption(f"{words.noun(rest, 'score')} with fewer verdicts not drawn.")


def _rank(score: str) -> tuple[int, str]:
    source = score.partition(":")[0]
    return (ORDER.index(source) if source in ORDER else len(ORDER), score)


def _bucket(desk: Desk, most: int) -> int:
    """Seconds of a bar, for the part of the stretch in which there are calls."""
    extent = data.extent(desk.url)
    since, until = (
        max(desk.filters.since, extent.first_call),
        min(desk.filters.until, extent.last_call + timedelta(seconds=1)),
    )
    return bucket_s(since, max(until, since), most=most)


def _ripe(frame: pd.DataFrame, totals: pd.DataFrame, desk: Desk) -> pd.DataFrame:
    """Mark the outcomes of calls younger than 95 % of outcomes take as not ripe yet."""
    delays = {
        (row["source"], row["name"]): float(row["delay_p95_s"]) for _, row in totals.iterrows()
    }
    ripe_until = [
        pd.Timestamp(desk.now) - pd.Timedelta(seconds=delays.get((source, name), 0.0))
        if source in {"outcome", "user"}
        else pd.Timestamp(desk.now)
        for source, name in zip(frame["source"], frame["name"], strict=True)
    ]
    return frame.assign(
        score=frame["source"] + ": " + frame["name"],
        immature=frame["bucket"] > pd.Series(ripe_until, index=frame.index),
    )


def _marks(desk: Desk, service: str) -> pd.DataFrame:
    """Releases and prompts first seen in this stretch, and incidents that began in it."""
    seen = data.asked(desk.url, "releases", replace(desk.filters, service=service))
    rows = []
    if not seen.empty:
        first = seen["first_seen"].min()
        for _, row in seen.drop_duplicates("release").iterrows():
            if row["first_seen"] > first:
                rows.append(
                    {
                        "time": row["first_seen"],
                        "what": f"release {words.cut(str(row['release']), 40)}",
                        "meaning": "change",
                    }
                )
        for _, row in seen.drop_duplicates("prompt_version").iterrows():
            if row["first_seen"] > first and row["prompt_version"]:
                rows.append(
                    {
                        "time": row["first_seen"],
                        "what": f"prompt {words.cut(str(row['prompt_version']), 40)}",
                        "meaning": "change",
                    }
                )
    rows += [
        {
            "time": pd.Timestamp(one.started_at),
            "what": f"incident: {words.cut(words.visible(one.field or one.title), 40)}",
            "meaning": "fault",
        }
        for one in data.incidents(desk.url)
        if one.service == service and desk.filters.since <= one.started_at < desk.filters.until
    ]
    return pd.DataFrame(rows, columns=["time", "what", "meaning"])
