"""All the looks, side by side, in the order in which they are shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from monitor.examination.connections import (
    collector,
    grpc,
    judge,
    slack,
    store,
    webhooks,
)
from monitor.examination.contents import (
    clocks,
    incidents,
    jobs,
    ledger,
    parts,
    prices,
    schema,
    silence,
)
from monitor.examination.finding import problem
from monitor.examination.retraining import approval, retrains, secrets
from monitor.examination.surroundings import configuration, disk, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from monitor.examination.finding import Finding
    from monitor.settings import Settings

    Look = Callable[[Settings, datetime], Iterable[Finding]]

__all__ = ["examine"]

ALWAYS: tuple[Look, ...] = (
    configuration,
    versions,
    disk,
    store,
    collector,
    grpc,
    judge,
    slack,
    webhooks,
    secrets,
    approval,
)
WITH_STORE: tuple[Look, ...] = (schema,)
WITH_SCHEMA: tuple[Look, ...] = (ledger, parts, prices, clocks, silence, incidents, retrains, jobs)
"""Looks into the tables; a new one is a function more in this tuple."""


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Everything that was found; what needs the store is left out where it does not answer."""
    found = _looked(ALWAYS, settings, now)
    if any(one.what == "store" and one.state == "problem" for one in found):
        return found
    found += _looked(WITH_STORE, settings, now)
    if found[-1].state == "problem":
        return found
    return found + _looked(WITH_SCHEMA, settings, now)


def _looked(looks: tuple[Look, ...], settings: Settings, now: datetime) -> list[Finding]:
    with ThreadPoolExecutor(len(looks)) as pool:
        return [
            one for some in pool.map(lambda look: _look(look, settings, now), looks) for one in some
        ]


def _look(look: Look, settings: Settings, now: datetime) -> list[Finding]:
    """One look; one that fails is a finding, and keeps none of the others from being shown."""
    try:
        return list(look(settings, now))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        told = f"could not be looked at: {type(error).__name__}: {str(error)[:200]}"
        return [problem(look.__name__, told, "see `store` above first; otherwise please report it")]
