"""Other looks at one call: calls like it, what was made of it, and the span as it arrived."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboards import data, words
from dashboards import trace as reading
from dashboards.calls import reads
from dashboards.shell import Desk, link
from dashboards.words import plain

if TYPE_CHECKING:
    from dashboards.calls.reads import Likeness
    from dashboards.rows import Near, RawSpan, Span
    from monitor.retrain.lineage import Membership
    from monitor.retrain.state import Retrain

__all__ = ["show_nearby", "show_raw", "show_use"]

SPLITS = {
    "train": "to train on",
    "validation": "to stop the training in time",
    "reserved": "kept back to compare candidates on; never trained on",
    "import": "brought by a person",
}


def show_nearby(desk: Desk, trace_id: str, span: Span) -> None:
    """Calls whose input, or output, says nearly the same, and how these went."""
    found = reads.near_calls(desk.url, trace_id, span)
    if not found:
        st.info(
            "There is no vector of this call's texts, so nothing can be said to be similar. The job"
            f" `embed` makes vectors of a sample of the calls, {desk.settings.embeddings_per_day} a"
            " day of each service (OUTERLOOP_EMBEDDINGS_PER_DAY); a newer call may have to wait"
            " for its next run."
        )
        return
    for one in found:
        st.markdown(f"**By their {plain(one.part)}**")
        if one.near:
            _near_table(one)
        else:
            st.caption("There is no other vector of this service within 45 days.")
    st.caption(
        "Likeness is the cosine of the two texts' vectors: 1 says the same. A text that was said"
        " often stands here once, with its latest call. Choose a row to open its trace."
    )


def _near_table(one: Likeness) -> None:
    texts = [one.texts.get(near.span_id, ("(its call is gone)", "")) for near in one.near]
    event = st.dataframe(
        pd.DataFrame(
            {
                "likeness": [near.likeness for near in one.near],
                "went": [_went(one, near) for near in one.near],
                "input": [words.visible(" ".join(asked.split())) for asked, _ in texts],
                "output": [words.visible(" ".join(said.split())) for _, said in texts],
                "times": [near.times for near in one.near],
                "at": [near.timestamp for near in one.near],
            }
        ),
        hide_index=True, key=f"near_{one.part}", on_select="rerun", selection_mode="single-row",
        column_config={
            "likeness": st.column_config.NumberColumn("Likeness", format="%.3f", width=70),
            "went": st.column_config.TextColumn("Verdicts", width=110),
            "input": st.column_config.TextColumn("Input", width=300),
            "output": st.column_config.TextColumn("Output", width=300),
            "times": st.column_config.NumberColumn("Said (times)", width=80),
            "at": st.column_config.DatetimeColumn(
                "Last said (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )  # fmt: skip
    rows = event["selection"]["rows"]
    if rows:
        st.query_params["trace_id"] = one.near[rows[0]].trace_id
        st.query_params.pop("step", None)
        st.session_state.pop(f"near_{one.part}", None)
        st.rerun()


def _went(one: Likeness, near: Near) -> str:
    n, failed = one.verdicts.get(near.trace_id, (0, 0))
    if not n:
        return "none yet"
    if failed:
        return f"{failed} of {n} fail"
    return "passes" if n == 1 else f"all {n} pass"


def show_use(desk: Desk, trace_id: str, span: Span) -> None:
    """Call, dataset, retrain, release: what was made of it, each a link."""
    found = reads.lineage(desk.url, trace_id)
    held = [one for one in found.datasets if one.span_id in {span.span_id, ""}] if found else []
    told = [one for one in found.labels if one.span_id in {span.span_id, ""}] if found else []
    # what was told of the trace stands at its call too: it is one word
    for one in {(one.source, one.author, one.name, one.observed_at): one for one in told}.values():
        by = f" by {one.author}" if one.author else ""
        st.markdown(
            plain(f"Its right answer was told: {one.source} {one.name}{by},")
            + f" {words.when(one.observed_at)}"
        )
    if not held:
        st.info(
            "This call is in no dataset, so nothing was trained on it. A retrain builds one;"
            " `outerloop dataset build` does it by hand."
        )
        return
    known = reads.trained(desk.url)
    for member in held:
        _membership(member, [each for each in known if each.dataset_version == member.version])


def _membership(one: Membership, made: list[Retrain]) -> None:
    with st.container(border=True):
        st.markdown(
            f"**Dataset {plain(one.version)}** · "
            + plain(SPLITS.get(one.split, one.split))
            + (f" · chosen because: {plain(', '.join(one.reasons))}" if one.reasons else "")
            + (f" · label by {plain(one.label_author)}" if one.label_author else "")
        )
        if one.tainted:
            st.warning("Tainted: calls in it have been erased since.")
        for retrain in made:
            link(
                f"Retrain {retrain.retrain_id} ({retrain.state})", "retrains",
                retrain=retrain.retrain_id,
            )  # fmt: skip
            if retrain.candidate_release:
                how = "was trained on it" if one.trained else "was compared on it, not trained"
                link(
                    f"Release {retrain.candidate_release} {how}", "calls",
                    release=retrain.candidate_release, range="all",
                )  # fmt: skip
        if not made:
            st.caption("No retrain has used this dataset.")


def show_raw(desk: Desk, trace_id: str, span: Span) -> None:
    """The span as it arrived, before it was read; with the log records that came with it."""
    raw = reads.raw_span(desk.url, trace_id, span)
    if raw is None:
        st.info(
            "The span as it arrived is not in the store: it was written in another way than by a"
            " span, or has aged out."
        )
        return
    records = reads.raw_records(desk.url, trace_id, span)
    document = _document(raw, trace_id, span)
    if records:
        document["log records"] = [
            {"time": str(one.at), "name": one.name, "body": one.body, "attributes": one.attributes}
            for one in records
        ]
    text = reading.pretty(document)
    st.caption(
        f"Each value up to {words.count(reads.RAW_LONGEST)} characters, as its sender sent it."
    )
    st.code(
        words.visible(words.cut(text, 5 * data.LONGEST_TEXT)), language="json", wrap_lines=True,
        height=560,
    )  # fmt: skip
    st.download_button(
        "Download as JSON", functools.partial(str.encode, text, "utf-8", "replace"), "span.json",
        "application/json", on_click="ignore",
    )  # fmt: skip


def _document(raw: RawSpan, trace_id: str, span: Span) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": raw.name, "kind": raw.kind, "scope": f"{raw.scope} {raw.scope_version}".strip(),
        "trace id": trace_id, "span id": span.span_id, "parent span id": span.parent_span_id,
        "trace state": raw.trace_state, "started at": str(raw.started_at),
        "duration (ns)": raw.duration_ns, "status": f"{raw.status_code} {raw.status_message}",
        "attributes": dict(sorted(raw.attributes.items())),
        "resource": dict(sorted(raw.resource.items())),
        "events": [dict(one) for one in raw.events],
        "links": [list(one) for one in raw.links],
    }  # fmt: skip
    return {name: value for name, value in document.items() if value not in ("", [], {})}
