"""Evaluations: the list of runs, one run opened down to its samples, two runs against each other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.shell import CHART_WIDTH, Desk, link, view
from dashboards.views.eval_samples import show_samples
from dashboards.words import plain
from monitor.evaluation.aggregates import INVALID_ALARM, Aggregate, aggregate, by_judge
from monitor.evaluation.comparison import Comparison, ComparisonError, compare_rows
from monitor.evaluation.report import figure, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.evaluation.comparison import Moved
    from monitor.evaluation.rows import EvaluationRow

__all__ = ["show"]

RUNS_SHOWN = 50
COLOURS: dict[str, words.Colour] = {
    "better": "green",
    "worse": "red",
    "no difference shown": "gray",
    "too few": "gray",
}


@view
def show(desk: Desk) -> None:
    """The list, or the run that the address names."""
    run_id = str(st.query_params.get("run", "")).strip()
    runs = data.evaluation_runs(desk.url)
    if not run_id:
        _list(desk, runs)
        return
    if st.button("All evals", icon=":material/arrow_back:"):
        for name in ("run", "against"):
            st.query_params.pop(name, None)
        st.rerun()
    rows = data.evaluation_rows(desk.url, run_id)
    if not rows:
        st.title("Eval")
        st.warning(
            f"There is no run {plain(words.cut(run_id, 80))} in this store; the list has those there are."
        )
        return
    _run(desk, rows, runs)


def _list(desk: Desk, runs: pd.DataFrame) -> None:
    st.title("Evals")
    if runs.empty:
        st.info(
            "No evaluation yet. `outerloop eval cases.jsonl --judge json_valid` makes one; tests with"
            " `assert_eval` judge too, without leaving rows."
        )
        return
    names = list(dict.fromkeys(runs["run_id"]))
    st.caption(
        f"{words.noun(len(names), 'run')}, newest first, whatever the filters; each judge's mean, a share"
        " of yes with its 95 % interval."
    )
    for name in names[:RUNS_SHOWN]:
        found = runs[runs["run_id"] == name]
        first = found.iloc[0]
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                link(
                    words.cut(f"{first['dataset']} · {first['candidate'] or name}", 120),
                    "evals",
                    run=str(name),
                )
                st.caption(plain(f"{words.ago(first['timestamp'], desk.now)}, {name}"))
            st.markdown(" · ".join(_in_a_line(one) for _, one in found.iterrows()))
            st.caption(plain(_account(found)))
    if len(names) > RUNS_SHOWN:
        st.caption(f"The newest {RUNS_SHOWN} of {len(names)} are listed.")


def _in_a_line(one: pd.Series) -> str:
    """One judge of one run in the list."""
    name = f"**{plain(one['judge'])}**"
    if not one["n"]:
        return f"{name} nothing judged"
    if one["kind"] == "yes_no":
        return f"{name} {plain(words.rate(int(one['yes']), int(one['n'])))}"
    if one["kind"] == "label":
        return f"{name} labels, n = {words.count(one['n'])}"
    mean = plain(f"{one['mean']:.3f}")
    return f"{name} {mean} (n = {words.count(one['n'])})"


def _account(found: pd.DataFrame) -> str:
    said = [words.noun(found["samples"].max(), "sample")]
    if failed := int(found["failed"].sum()):
        said.append(f"{words.noun(failed, 'verdict')} missing")
    unpriced = int(found["unpriced"].sum())
    cost = words.money(float(found["cost_usd"].fillna(0).sum()))
    said.append(f"cost {cost}" + (f" and {unpriced} verdicts of unknown price" if unpriced else ""))
    return " · ".join(said)


def _run(desk: Desk, rows: Sequence[EvaluationRow], runs: pd.DataFrame) -> None:
    first = rows[0]
    found = [aggregate(group) for group in by_judge(rows).values()]
    samples = len({row.sample_id for row in rows})
    st.title(plain(words.cut(first.dataset, 80)), anchor=False)
    st.caption(
        plain(
            f"{first.run_id} · {words.when(first.timestamp)} · {words.noun(samples, 'sample')}, content"
            f" {first.dataset_hash}"
            + (f" · candidate {first.candidate}" if first.candidate else "")
        )
    )
    st.subheader("Judges", anchor=False)
    _judges(found)
    st.subheader("Against another run", anchor=False)
    _against(desk, rows, runs)
    st.subheader("Samples", anchor=False)
    show_samples(rows)


def _judges(found: Sequence[Aggregate]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Judge": [words.visible(one.judge) + _direction(one) for one in found],
                "Mean (95 %)": [_mean(one) for one in found],
                "n": [one.n for one in found],
                "Not applicable": [one.not_applicable for one in found],
                "No verdict": [_missing(one) for one in found],
                "If all of these were bad, or good": [_bounds(one) for one in found],
                "Cost": [
                    "unknown" if one.cost_usd is None else words.money(one.cost_usd)
                    for one in found
                ],
                "From cache": [one.cache_hits for one in found],
                "Median": [
                    words.duration(one.p50_ms) if one.p50_ms >= 1 else "< 1 ms" for one in found
                ],
                "Model": [words.visible(one.model) for one in found],
                "Version": [one.version for one in found],
            }
        ),
        hide_index=True,
    )
    doubtful = [one for one in found if one.invalid_share > INVALID_ALARM]
    for one in doubtful:
        why = ", ".join(f"{count} {status}" for status, count in one.failures.items())
        st.warning(
            f"{plain(one.judge)} gave no verdict on {plain(words.percent(one.invalid_share))} of what it was"
            f" asked ({plain(why)}); its mean is of the others alone."
        )
    rated = [
        one for one in found if one.n and not math.isnan(one.low) and 0 <= one.low <= one.high <= 1
    ]
    if rated:
        st.markdown("**Means of 0 to 1** with their 95 % intervals")
        st.altair_chart(
            charts.rates(
                pd.DataFrame(
                    {
                        "name": [words.cut(words.visible(one.judge), 40) for one in rated],
                        "rate": [one.value for one in rated],
                        "low": [one.low for one in rated],
                        "high": [one.high for one in rated],
                        "n": [one.n for one in rated],
                        "meaning": ["as judged"] * len(rated),
                    }
                ),
                "mean",
            ),
            width=CHART_WIDTH * 2,
        )


def _direction(one: Aggregate) -> str:
    return " (less is better)" if one.direction == "lower" else ""


def _mean(one: Aggregate) -> str:
    if one.kind == "label":
        return ", ".join(f"{words.visible(label)} {count}" for label, count in one.labels.items())
    return spread(one.value, one.low, one.high, one.kind) if one.n else "nothing judged"


def _missing(one: Aggregate) -> str:
    return f"{one.failed} ({words.percent(one.invalid_share)})" if one.failed else "none"


def _bounds(one: Aggregate) -> str:
    if not one.failed or one.kind in ("label", ""):
        return ""
    return f"{figure(one.worst, one.kind)} to {figure(one.best, one.kind)}"


def _against(desk: Desk, rows: Sequence[EvaluationRow], runs: pd.DataFrame) -> None:
    mine = {row.judge for row in rows}
    others = runs[(runs["run_id"] != rows[0].run_id) & runs["judge"].isin(mine)]
    names = {
        str(one["run_id"]): f"{words.when(one['timestamp'])}, {one['dataset']}"
        f" {one['candidate'] or ''} ({one['run_id']})"
        for _, one in others.iterrows()
    }
    asked = str(st.query_params.get("against", ""))
    if asked and asked not in names:
        names[asked] = asked
    if not names:
        st.info("No other run has a judge of this one, so there is nothing to compare it with.")
        return
    options = ["", *names]
    chosen = st.selectbox(
        "Baseline",
        options,
        index=options.index(asked),
        format_func=lambda name: words.visible(names.get(name, "")) or "None chosen",
        key=f"against_{rows[0].run_id}",
    )
    if chosen:
        st.query_params["against"] = chosen
    else:
        st.query_params.pop("against", None)
    if not chosen:
        return
    try:
        compared = compare_rows(rows, data.evaluation_rows(desk.url, chosen))
    except ComparisonError as error:
        st.warning(plain(error))
        return
    for one in compared:
        _compared(one)


def _compared(one: Comparison) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(one.verdict, color=COLOURS[one.verdict])
            st.markdown(
                f"**{plain(one.judge)}**: {plain(figure(one.before, one.kind))} before,"
                f" {plain(figure(one.after, one.kind))} now; difference"
                f" {plain(spread(one.difference, one.low, one.high, one.kind, signed=True))},"
                f" p {plain(f'{one.p_value:.3g}')} ({plain(one.test)}), n = {words.count(one.n)}"
            )
        for title, moved in (("worse", one.worse), ("better", one.better)):
            if moved:
                with st.expander(f"{words.noun(len(moved), 'sample')} {title}"):
                    _moved(moved, one.kind)
        if one.unpaired:
            st.caption(
                f"{words.noun(one.unpaired, 'sample')} have a verdict in one of the two runs only"
                " and are not compared."
            )


def _moved(moved: Sequence[Moved], kind: str) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "Sample": [words.visible(one.sample_id) for one in moved],
                "Before": [figure(one.before, kind) for one in moved],
                "Now": [figure(one.after, kind) for one in moved],
                "Why the worse one": [words.visible(one.reason) for one in moved],
            }
        ),
        hide_index=True,
    )
