"""What a run may spend: what the day and the service have left, spread over the hours that are still to come."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from judges.running.budget import Account, Limits
from judges.statistics.power import judgements_needed
from monitor.clock import wall_now

if TYPE_CHECKING:
    from datetime import datetime

    from judges.running.journal import Journal
    from monitor.settings import Settings

__all__ = ["PER_DAY", "account_of", "affordable", "limits_of", "quota"]

RATE, WORSE = 0.03, 0.05
PER_DAY = judgements_needed(RATE, WORSE)
"""Verdicts a day of one judge on one service: enough to see a failure rate of 3 % become 5 % within that day, with
80 % power at a level of 5 %. More traffic does not need more."""
DAY = timedelta(days=1)


def limits_of(settings: Settings) -> Limits:
    """The hard limits that the settings give."""
    return Limits(
        day_usd=settings.judge_daily_budget_usd,
        service_day_usd=dict(settings.judge_service_budgets_usd),
    )


def account_of(journal: Journal, settings: Settings, run_id: str) -> Account:
    """A purse on the wall's day, whatever time is being replayed: providers bill by that."""
    return Account(journal, run_id, limits_of(settings), now=wall_now)


def affordable(
    journal: Journal, settings: Settings, service: str, *, span: timedelta, now: datetime
) -> float | None:
    """USD for the calls of `span`: its part of what is left until midnight, None without a limit.

    A limit that was used up by noon would leave the afternoon unseen.
    """
    limits, purse = limits_of(settings), account_of(journal, settings, "planning")
    day = now.astimezone(UTC).date().isoformat()
    left = []
    if limits.day_usd is not None:
        left.append(limits.day_usd - purse.spent_on(day).booked_usd)
    if service in limits.service_day_usd:
        left.append(limits.service_day_usd[service] - purse.spent_on(day, service).booked_usd)
    if not left:
        return None
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    return max(0.0, min(left)) * min(1.0, span / max(midnight - now, span))


def quota(span: timedelta, money_usd: float | None, price_usd: float | None) -> float:
    """Verdicts to draw for the calls of `span`, at most a day's worth, within the money if prices are known.

    >>> quota(timedelta(days=1), None, None) == PER_DAY
    True
    >>> quota(timedelta(days=30), 0.1, 0.001)
    100.0
    """
    wanted = PER_DAY * min(1.0, span / DAY)
    return min(wanted, money_usd / price_usd) if money_usd is not None and price_usd else wanted
