"""What a wished-for sensitivity costs, and the smallest change that the present budget can see.

The price of a verdict is what the judge's verdicts have cost so far, in evaluations and in production;
before any, it is estimated from sample texts. Where calls were drawn with unequal probability, more are
needed by the design effect of the stored probabilities; where people's labels say how often the judge
errs, by what it misses and wrongly accuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from judges.statistics.power import judgements_needed, smallest_change
from monitor.exceptions import ConfigurationError

__all__ = ["Errors", "Plan", "Wish", "make_plan", "read_within"]

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
POWER, ALPHA = 0.8, 0.05


@dataclass(frozen=True, slots=True)
class Wish:
    """The change that is to be seen."""

    rate: float
    """Failing share now."""
    to: float
    within: timedelta


@dataclass(frozen=True, slots=True)
class Errors:
    """How often a judge sees what is bad, and lets pass what is good, by people's labels."""

    sensitivity: float = 1.0
    specificity: float = 1.0
    labels: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer for one judge."""

    judge: str
    rate: float
    to: float
    within_s: float
    verdicts: int
    """Needed for the wish."""
    usd: float | None
    """What they cost; None where no price is known."""
    usd_per_verdict: float | None
    price_from: str
    """`verdicts` (measured), `estimate` (from sample texts) or `unknown`."""
    design_effect: float
    sensitivity: float
    specificity: float
    labels: int
    """People's labels that these two rest on; 0 means that the judge is taken to be right."""
    budget_usd: float | None
    """What may be spent in that time."""
    affordable: int | None
    smallest: float | None
    """Smallest rise that these verdicts show, in shares; None where they show none."""

    @property
    def sentence(self) -> str:
        """The plan in words."""
        hours = self.within_s / 3600
        time = "a day" if hours == 24 else f"{hours:g} hours"
        return " ".join(
            one for one in (
                self._wish(time),
                self._grounds(),
                self._budget(time),
            ) if one
        )  # fmt: skip

    def _wish(self, time: str) -> str:
        return (
            f"{self.judge}: to see {_percent(self.rate)} become {_percent(self.to)} within {time}"
            f" (4 times in 5, one false alarm in 20 looks): {self.verdicts:,} judgements,"
            f" {self._price()}."
        )

    def _price(self) -> str:
        if self.usd is None or self.usd_per_verdict is None:
            return "at a price that nobody knows"
        each = f"${self.usd_per_verdict:.5f} each"
        basis = "as measured" if self.price_from == "verdicts" else "estimated from sample texts"
        if self.usd == 0:
            return "for nothing"
        return f"${self.usd:,.2f} ({each}, {basis})"

    def _grounds(self) -> str:
        said = []
        if self.design_effect > 1.005:
            said.append(f"{self.design_effect:.2f} times more for calls drawn unequally")
        if self.labels:
            said.append(
                f"the judge sees {_percent(self.sensitivity)} of what is bad and wrongly accuses"
                f" {_percent(1 - self.specificity)} of what is good ({self.labels} labels)"
            )
        else:
            said.append("the judge taken to be right, for want of labels")
        return f"Counted in: {'; '.join(said)}."

    def _budget(self, time: str) -> str:
        if self.budget_usd is None:
            return "No daily budget is set (OUTERLOOP_JUDGE_DAILY_BUDGET_USD)."
        if self.affordable is None:
            return ""
        pays = (
            f"The budget of ${self.budget_usd:,.2f} in {time} pays {self.affordable:,} judgements"
        )
        if self.smallest is None:
            return f"{pays}, which show no change at all."
        seen = f"{_percent(self.rate)} to {_percent(self.rate + self.smallest)}"
        return f"{pays}: the smallest rise that they show is {seen}."


def read_within(text: str) -> timedelta:
    """A length of time as `6h` or `2d`.

    Raises:
        ConfigurationError: it is none.

    >>> read_within("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhd])", text.strip())
    length = float(found[1]) * UNITS[found[2]] if found else timedelta()
    if not length:
        raise ConfigurationError(
            f"--within {text!r} is no length of time; write for example 6h or 1d"
        )
    return length


def make_plan(
    wish: Wish,
    judge: str,
    *,
    usd_per_verdict: float | None,
    price_from: str,
    spread: float = 1.0,
    errors: Errors | None = None,
    daily_usd: float | None = None,
) -> Plan:
    """The plan for one judge; pure.

    Raises:
        ConfigurationError: no number of verdicts shows the change.
    """
    errors = errors or Errors()
    given = {
        "power": POWER,
        "alpha": ALPHA,
        "design_effect": spread,
        "sensitivity": errors.sensitivity,
        "specificity": errors.specificity,
    }
    try:
        needed = judgements_needed(wish.rate, wish.to, **given)
    except ValueError as error:
        raise ConfigurationError(f"{judge}: {error}; see --from and --to") from error
    budget = None if daily_usd is None else daily_usd * (wish.within / timedelta(days=1))
    affordable = None
    if budget is not None and usd_per_verdict is not None:
        affordable = int(budget / usd_per_verdict) if usd_per_verdict else 10**9
    return Plan(
        judge=judge,
        rate=wish.rate,
        to=wish.to,
        within_s=wish.within.total_seconds(),
        verdicts=needed,
        usd=None if usd_per_verdict is None else needed * usd_per_verdict,
        usd_per_verdict=usd_per_verdict,
        price_from=price_from,
        design_effect=spread,
        sensitivity=errors.sensitivity,
        specificity=errors.specificity,
        labels=errors.labels,
        budget_usd=budget,
        affordable=affordable,
        smallest=None if not affordable else smallest_change(wish.rate, affordable, **given),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
