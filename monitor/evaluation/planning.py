"""Plans from what the store knows of judges: what verdicts have cost, how calls were drawn, how judges err."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.evaluation.plan import Errors, Plan, Wish, make_plan
from monitor.exceptions import ConfigurationError, StoreUnavailableError
from monitor.judging.production import FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from judges.statistics.agreement import Confusion
    from monitor.evaluation.samples import Dataset
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["Past", "make_plans"]

MEASURED_OVER = timedelta(days=30)
MAX_DESIGN_EFFECT = 100.0
MIN_LABELS = 30
"""Fewer labels say nothing of a judge's errors."""
PROMPT_TOKENS, REPLY_TOKENS, CHARACTERS_A_TOKEN = 450, 60, 4.0
"""Of a judge's own words, of a verdict with its reason, of English text: for an estimate, never for a budget."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the store knows of a judge: its verdicts' price and how its calls were drawn."""

    judge: str
    verdicts: int
    mean_usd: float | None
    weights: float
    """Sum of the inverse inclusion probabilities of the production verdicts."""
    squares: float
    """Sum of their squares."""
    drawn: int


def make_plans(
    settings: Settings,
    store: Store | None,
    wish: Wish,
    *,
    judges: Sequence[str],
    models: Sequence[str] = (),
    dataset: Dataset | None = None,
    now: datetime,
    say: Callable[[str], None],
) -> list[Plan]:
    """A plan for each judge, from what the store knows of it; asks no model.

    Args:
        settings: say where definitions are, and the daily budget.
        store: of past verdicts and labels; None to do without.
        wish: the change that is to be seen.
        judges: by name; none takes those that the store has verdicts of.
        models: to price where a definition names none.
        dataset: its texts tell a price before there is any verdict.
        now: the present.
        say: told what could not be looked up.
    """
    past, errors = _known(store, settings, now, say)
    names = list(judges) or [name for name, one in past.items() if one.mean_usd is not None]
    if not names:
        raise ConfigurationError(
            "the store has no verdict with a price yet; say which judge to plan for: --judge NAME"
        )
    plans = []
    for text in names:
        name, estimate = _estimated(text, settings, models, dataset)
        known = past.get(name)
        measured = known is not None and known.mean_usd is not None
        price = known.mean_usd if known is not None and measured else estimate
        basis = "verdicts" if measured else "unknown" if estimate is None else "estimate"
        plans.append(
            make_plan(
                wish,
                name,
                usd_per_verdict=price,
                price_from=basis,
                spread=_spread(known),
                errors=errors.get(name),
                daily_usd=settings.judge_daily_budget_usd,
            )
        )
    return plans


def _known(
    store: Store | None, settings: Settings, now: datetime, say: Callable[[str], None]
) -> tuple[dict[str, Past], dict[str, Errors]]:
    """By judge, its past and its errors; a plan without them is still a plan."""
    if store is None:
        return {}, {}
    try:
        rows = store.read("evaluation_costs", Past, since=now - MEASURED_OVER)
        past = {row.judge: row for row in rows}
        return past, _errors(store, settings, now) if past else {}
    except (StoreUnavailableError, ClickHouseError) as error:
        why = str(error).splitlines()[0][:200]
        say(f"planned without what the store knows of past verdicts and labels: {why}")
        return {}, {}


def _spread(known: Past | None) -> float:
    """Kish's design effect of the production verdicts: n Σw² / (Σw)²."""
    if known is None or not known.drawn or not known.weights:
        return 1.0
    return min(MAX_DESIGN_EFFECT, max(1.0, known.drawn * known.squares / known.weights**2))


def _errors(store: Store, settings: Settings, now: datetime) -> dict[str, Errors]:
    """By judge: its errors against people, of the latest version with enough labels."""
    from monitor.judging.production import labels_of  # noqa: PLC0415 - brings scipy
    from monitor.judging.trust import judge_health  # noqa: PLC0415 - see above

    found: dict[str, Errors] = {}
    labels = labels_of(settings)
    for one in judge_health(store, since=now - MEASURED_OVER, until=now, labels=labels):
        if one.latest and one.judge not in found and one.trust.n >= MIN_LABELS:
            told = _rates_of(one.trust.confusion)
            if told is not None:
                found[one.judge] = Errors(*told, labels=one.trust.n)
    return found


def _rates_of(confusion: Confusion | None) -> tuple[float, float] | None:
    """Sensitivity for what is bad (0) and specificity for what is good (1)."""
    if confusion is None or set(confusion.labels) != {0.0, 1.0}:
        return None
    bad, good = confusion.labels.index(0.0), confusion.labels.index(1.0)
    of_bad, of_good = sum(confusion.counts[bad]), sum(confusion.counts[good])
    if not of_bad or not of_good:
        return None
    sensitivity = confusion.counts[bad][bad] / of_bad
    specificity = confusion.counts[good][good] / of_good
    return (sensitivity, specificity) if sensitivity + specificity > 1 else None


def _estimated(
    text: str, settings: Settings, models: Sequence[str], dataset: Dataset | None
) -> tuple[str, float | None]:
    """The judge's name, and what one of its verdicts should cost on texts like these."""
    from judges.asking.prices import price_of  # noqa: PLC0415 - see above
    from judges.definitions.reading import resolve  # noqa: PLC0415 - only where there is a judge to price

    try:
        definition = resolve(text, settings.data_dir / FOLDER)
    except ValueError as error:
        raise ConfigurationError(" ".join(str(error).split())) from error
    if not definition.models:
        return definition.score, 0.0
    if dataset is None:
        return definition.score, None
    first = next(iter(models or settings.judge_models), "")
    read = sum(
        len(one.input) + len(one.output) + len(one.expected) + len(one.other) for one in dataset
    )
    tokens = PROMPT_TOKENS + round(read / len(dataset) / CHARACTERS_A_TOKEN)
    total = 0.0
    for model in definition.models:
        price = price_of(model or first, own=settings.judge_prices)
        if price is None:
            return definition.score, None
        total += price.cost(tokens, REPLY_TOKENS)
    return definition.score, total
