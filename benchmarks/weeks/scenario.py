"""What goes wrong in each of the simulated stretches, and which cause a person would name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAULT", "SCENARIOS", "START", "Odds", "Scenario"]

START = datetime(2024, 3, 4, tzinfo=UTC)
"""A Monday, away from any turn of the year."""
FAULT = START + timedelta(days=36, hours=10)
"""A Tuesday morning in the sixth week."""
DECAY = START + timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Odds:
    """What is likely for one call."""

    error: float = 0.008
    invalid: float = 0.004
    """The answer is no JSON (extractor)."""
    missing: float = 0.01
    """The answer lacks its amount (extractor)."""
    bad: float = 0.05
    """The judge calls the answer bad (assistant)."""
    unhappy: float = 0.18
    """A user who says something says no (assistant)."""
    model: str = "gpt-4o-2024-05-13"
    """What the provider says it used."""
    prompt: str = "p7"
    judge: str = "helpful@3f2a"
    layout: str = "a"
    """How the documents are laid out that the extractor reads."""
    terse: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """One stretch of eight weeks."""

    name: str
    service: str
    """Where it goes wrong, '' nowhere."""
    causes: tuple[str, ...]
    """Names that a cause may have to be the right one."""
    begins: datetime | None
    change: Callable[[Odds, datetime, str], Odds]
    """Odds of a call at a moment for a tenant, from what is healthy."""


def _healthy(odds: Odds, at: datetime, tenant: str) -> Odds:
    del at, tenant
    return odds


def _prompt(odds: Odds, at: datetime, tenant: str) -> Odds:
    if at < FAULT:
        return odds
    return replace(odds, prompt="p8", invalid=0.25 if tenant == "acme" else odds.invalid)


def _model(odds: Odds, at: datetime, tenant: str) -> Odds:
    del tenant
    if at < FAULT:
        return odds
    return replace(odds, model="gpt-4o-2024-08-06", bad=0.13, unhappy=0.3, terse=True)


def _schema(odds: Odds, at: datetime, tenant: str) -> Odds:
    del tenant
    return odds if at < FAULT else replace(odds, layout="b", missing=0.35)


def _judge(odds: Odds, at: datetime, tenant: str) -> Odds:
    del tenant
    return odds if at < FAULT else replace(odds, judge="helpful@9c41", bad=0.15)


def _decay(odds: Odds, at: datetime, tenant: str) -> Odds:
    del tenant
    days = max(0.0, (at - DECAY) / timedelta(days=1))
    return replace(odds, bad=odds.bad + 0.001 * days, invalid=odds.invalid + 0.001 * days)


SCENARIOS = (
    Scenario("healthy", "", (), None, _healthy),
    Scenario("prompt deploy breaks one tenant", "extractor", ("prompt",), FAULT, _prompt),
    Scenario("model swapped under its name", "assistant", ("model",), FAULT, _model),
    Scenario("schema change upstream", "extractor", ("schema", "input"), FAULT, _schema),
    Scenario("judge swapped", "assistant", ("judge",), FAULT, _judge),
    Scenario(
        "slow decay, 0.1 % a day",
        "",
        ("unknown", "gradual", "decay", "input", "model"),
        DECAY,
        _decay,
    ),
)
