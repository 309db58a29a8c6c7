"""One judge: what it says, how far people agree, whether it moved, where it holds."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from dashboards import words
from dashboards.review.agreement import kappa_of_table
from dashboards.views.figure import figure
from dashboards.views.judge_evidence import (
    show_anchors,
    show_course,
    show_disagreements,
    show_outlook,
)
from dashboards.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.shell import Desk
    from judges.statistics.agreement import Confusion
    from judges.statistics.rates import Rate
    from judges.statistics.sampling import WeightedMean
    from judges.statistics.trust import Trust
    from monitor.judging.trust import JudgeHealth

__all__ = ["corrected", "show_judge"]

TRANSPORT = {
    "pass": "means the same there",
    "fail": "means something else there",
    "inconclusive": "not known: too few labels there",
}


def show_judge(desk: Desk, one: JudgeHealth, older: Sequence[JudgeHealth]) -> None:
    """Its latest version, and older ones on demand."""
    trust = one.trust
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(one.judge)}** on {plain(one.service)}", width="content")
            for label, colour in _badges(one):
                st.badge(label, color=colour)
        st.caption(
            plain(
                f"version {one.version} · calls of {words.when(one.first_call)} to {words.when(one.last_call)}"
            )
        )
        with st.container(horizontal=True, gap="small"):
            figure("As judged", *_mean(trust.raw))
            figure("Corrected", *_level(trust))
            figure("Agreement", *_agreement(trust))
            figure("No verdict", *_missing(one))
            figure(
                "Cost",
                "unknown" if one.cost_usd is None else words.money(one.cost_usd),
                f"{words.count(trust.judged + trust.failed)} verdicts",
            )
        st.markdown(plain(trust.note[:1].upper() + trust.note[1:]) + ".")
        _place(one)
        _breaks(one)
        show_anchors(desk, one)
        show_outlook(one)
        show_course(desk, one)
        left, right = st.columns(2)
        with left:
            _confusion(trust.confusion)
        with right:
            _releases(one)
        show_disagreements(desk, one)
        if older:
            with st.expander(f"{words.noun(len(older), 'older version')}"):
                _versions([one, *older])


def _place(one: JudgeHealth) -> None:
    """Of a judge of pairs: what the place of an answer decides."""
    said = []
    if one.first is not None:
        said.append(
            f"the answer shown first wins {words.percent(one.first.value)} of its pairs that have a winner"
            f" ({_between(one.first.low, one.first.high)}, n = {words.count(one.first.n)}; half is fair)"
        )
    if one.trust.orders is not None:
        orders = one.trust.orders
        said.append(
            f"asked in both orders it says the same {words.percent(orders.consistent.value)} of the time"
            f" ({_between(orders.consistent.low, orders.consistent.high)}, n = {words.count(orders.consistent.n)});"
            f" the first place alone decides {words.percent(orders.primacy.value)}, the second"
            f" {words.percent(orders.recency.value)}"
        )
    if said:
        st.markdown("**Place of the answers**: " + plain("; ".join(said)) + ".")
    if one.own_family:
        st.warning(
            f"{words.noun(one.own_family, 'verdict')} on answers of the judging model's own family, which judges"
            " commonly favour; take a model of another vendor."
        )


def _badges(one: JudgeHealth) -> list[tuple[str, words.Colour]]:
    found: list[tuple[str, words.Colour]] = (
        [("gives too few verdicts", "red")] if one.alarming else []
    )
    level = one.trust.level
    found += [("adds nothing", "orange")] if level is not None and level.adds_nothing else []
    found += [("changed", "violet")] if one.breaks else []
    found += [("judges its own family", "orange")] if one.own_family else []
    failing = [part for part in one.releases if part.transport.status == "fail"]
    found += [("does not carry over", "red")] if failing else []
    return found


def _mean(mean: WeightedMean | None) -> tuple[str, str]:
    if mean is None:
        return "none yet", "no verdict on these calls"
    if mean.low == mean.high:  # all alike: their spread says nothing of what was not judged
        return _number(mean.value), f"no interval: {words.noun(mean.n, 'verdict')}, all alike"
    worth = f", worth {words.count(mean.n_eff)} equal ones" if mean.n_eff < 0.98 * mean.n else ""
    return _number(mean.value), f"{_between(mean.low, mean.high)}, n = {words.count(mean.n)}{worth}"


def corrected(trust: Trust) -> Rate | None:
    """Its rate as people's labels correct it; None without enough of them."""
    return None if trust.level is None else trust.level.rate


def _level(trust: Trust) -> tuple[str, str]:
    rate = corrected(trust)
    if rate is not None:
        return _number(
            rate.value
        ), f"{_between(rate.low, rate.high)}, {words.count(trust.n)} labels"
    return "not shown", f"{words.noun(trust.n, 'label')}; a level needs 30"


def _agreement(trust: Trust) -> tuple[str, str]:
    if trust.agreement is None:
        return "not known", "nobody has labelled a judged call"
    said = f"{_between(trust.agreement.low, trust.agreement.high)}, n = {words.count(trust.agreement.n)}"
    for name, told in (("kappa", trust.kappa), ("AC1", trust.ac1)):
        said += f", {name} {told:.2f}" if told is not None and not isnan(told) else ""
        said += _kappa_between(trust.confusion) if name == "kappa" and told is not None else ""
    if trust.human_agreement is not None:
        said += f"; two people agree on {words.percent(trust.human_agreement.value)}"
    return words.percent(trust.agreement.value), said


def _kappa_between(table: Confusion | None) -> str:
    """The interval of a yes/no judge's kappa."""
    if table is None or len(table.labels) != 2:
        return ""
    found = kappa_of_table(np.array(table.counts, dtype=float), rng=np.random.default_rng(7))
    return "" if found is None else f" ({found.low:.2f} to {found.high:.2f})"


def _missing(one: JudgeHealth) -> tuple[str, str]:
    said = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in one.failures.items())
    if one.trust.worst is not None and one.trust.best is not None and one.trust.failed:
        said += f"; with them the mean lies from {_number(one.trust.worst)} to {_number(one.trust.best)}"
    return words.percent(one.trust.invalid_share), said or "every call got one"


def _number(value: float) -> str:
    return words.percent(value) if 0 <= value <= 1 else f"{value:.2f}"


def _between(low: float, high: float) -> str:
    return f"95 %: {_number(max(0.0, low))} to {_number(high)}"


def _breaks(one: JudgeHealth) -> None:
    for crossed in one.breaks:
        what = "was changed" if crossed.reason == "version" else "changed behind the same name"
        st.warning(
            plain(
                f"{words.when(crossed.crossed_at)}: the judge {what}. On {crossed.n} anchors it says"
                f" {crossed.difference:+.3f} (95 %: {crossed.low:+.3f} to {crossed.high:+.3f}) against before;"
                " verdicts before and after are two series."
            )
        )


def _confusion(table: Confusion | None) -> None:
    st.caption("People's labels (rows) against its verdicts (columns)")
    if table is None or not table.n:
        st.info("No judged call has a label yet.")
        return
    names = [f"{label:g}" if isinstance(label, float) else str(label) for label in table.labels]
    st.dataframe(
        pd.DataFrame(
            [[f"people: {name}", *row] for name, row in zip(names, table.counts, strict=True)],
            columns=["", *(f"judge: {name}" for name in names)],
        ),
        hide_index=True,
    )


def _releases(one: JudgeHealth) -> None:
    st.caption("By release and prompt version: does a verdict mean the same?")
    st.dataframe(
        pd.DataFrame(
            {
                "Release": [words.visible(part.release) for part in one.releases],
                "Prompt": [words.visible(part.prompt_version) for part in one.releases],
                "Judged": [part.judged for part in one.releases],
                "Labels": [part.transport.n for part in one.releases],
                "Verdict": [TRANSPORT[part.transport.status] for part in one.releases],
                "Off by": [
                    "" if part.transport.residual is None or part.transport.low is None
                    or part.transport.high is None
                    else f"{part.transport.residual:+.3f} ({part.transport.low:+.3f} to {part.transport.high:+.3f})"
                    for part in one.releases
                ],
            }
        ),
        hide_index=True,
    )  # fmt: skip


def _versions(found: Sequence[JudgeHealth]) -> None:
    def told(rate: Rate | WeightedMean | None) -> str:
        if rate is None:
            return "none"
        return f"{_number(rate.value)} ({_between(rate.low, rate.high)}, n = {words.count(rate.n)})"

    st.dataframe(
        pd.DataFrame(
            {
                "Version": [one.version for one in found],
                "Model": [words.visible(one.model) or "none" for one in found],
                "Last call": [words.when(one.last_call) for one in found],
                "As judged": [told(one.trust.raw) for one in found],
                "Corrected": [told(corrected(one.trust)) for one in found],
                "Agreement": [told(one.trust.agreement) for one in found],
                "Kappa": [
                    "" if one.trust.kappa is None else f"{one.trust.kappa:.2f}" for one in found
                ],
            }
        ),
        hide_index=True,
    )
