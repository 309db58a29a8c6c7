"""What judges cost: today and this month, by service, against the budget, and where the money is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboards import charts, data, words
from dashboards.shell import CHART_WIDTH
from dashboards.views.figure import figure
from dashboards.words import plain
from judges.running.journal import Journal, JournalError
from monitor.evaluation.bench import JOURNAL
from monitor.judging.money import account_of

if TYPE_CHECKING:
    from datetime import datetime

    from dashboards.shell import Desk
    from judges.running.budget import Spend
    from monitor.settings import Settings

__all__ = ["show_spend"]

SPEND_DAYS = 14


def show_spend(desk: Desk) -> None:
    """Sums, the budget, the books, and the days."""
    midnight = desk.now.replace(hour=0, minute=0, second=0, microsecond=0)
    first, until = midnight.replace(day=1), midnight + timedelta(days=1)
    shown_since = midnight - timedelta(days=SPEND_DAYS - 1)
    spent = data.kept(desk.url, "judge_spend", min(first, shown_since), until)
    if spent.empty:
        st.caption("No judge has been asked this month.")
        _budget(desk, 0.0)
        return
    today, month = spent[spent["day"] >= midnight], spent[spent["day"] >= first]
    with st.container(horizontal=True, gap="small"):
        for name, part in (("Today (UTC)", today), ("This month", month)):
            figure(
                name,
                words.money(float(part["usd"].sum())),
                words.noun(int(part["verdicts"].sum()), "verdict"),
            )
        books = _books(desk.settings, midnight)
        if books is not None:
            figure(
                "Settled today", words.money(books.settled_usd), "answers that came and were paid"
            )
            figure("Held", words.money(books.held_usd), "set aside for answers under way, at most")
            figure(
                "Lost", words.money(books.lost_usd), "paid at most for answers that a crash took"
            )
    _budget(desk, max(float(today["usd"].sum()), books.booked_usd if books is not None else 0.0))
    if unpriced := int(today["unpriced"].sum()):
        st.warning(
            f"{words.noun(unpriced, 'verdict')} of today {'has' if unpriced == 1 else 'have'} no known price"
            " and stand for nothing in these sums."
        )
    left, right = st.columns([3, 2])
    with left:
        shown = spent[spent["day"] >= shown_since]
        by_day = shown.groupby(["day", "purpose"], as_index=False)[["usd", "verdicts"]].sum()
        if by_day["usd"].sum() > 0:
            budget = desk.settings.judge_daily_budget_usd
            st.altair_chart(charts.judge_spend(by_day, budget), width=CHART_WIDTH)
        else:
            st.caption(f"Nothing was spent in the last {SPEND_DAYS} days.")
    with right:
        _services(desk, today, month)


def _budget(desk: Desk, booked_usd: float) -> None:
    budget = desk.settings.judge_daily_budget_usd
    if budget is None:
        st.markdown("No daily budget is set (`OUTERLOOP_JUDGE_DAILY_BUDGET_USD`).")
        return
    st.progress(
        min(1.0, booked_usd / budget) if budget else 1.0,
        text=f"{plain(words.money(booked_usd))} of {plain(words.money(budget))} spent today (UTC), what is held or"
        " lost counted in; no judge is asked beyond it",
    )


def _books(settings: Settings, midnight: datetime) -> Spend | None:
    """The day as the budget counts it; None where this machine keeps no books."""
    path = settings.data_dir / JOURNAL
    if not path.exists():
        return None
    try:
        with Journal(path) as journal:
            return account_of(journal, settings, "dashboard").spent_on(midnight.date().isoformat())
    except JournalError as error:
        st.warning(f"The books of the budget cannot be read: {plain(error)}")
        return None


def _services(desk: Desk, today: pd.DataFrame, month: pd.DataFrame) -> None:
    limits = desk.settings.judge_service_budgets_usd
    names = sorted({*month["service"], *limits})
    of_day, of_month = (part.groupby("service")["usd"].sum() for part in (today, month))
    st.dataframe(
        pd.DataFrame(
            {
                "Service": [words.visible(name) or "(evals)" for name in names],
                "Today": [words.money(float(of_day.get(name, 0.0))) for name in names],
                "Budget of a day": [
                    words.money(limits[name]) if name in limits else "none" for name in names
                ],
                "This month": [words.money(float(of_month.get(name, 0.0))) for name in names],
            }
        ),
        hide_index=True,
    )
