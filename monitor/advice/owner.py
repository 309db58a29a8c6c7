"""Whose model answers: it may be trained only where it is one's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from monitor.advice.situation import Owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["AnsweringModel", "owner_of"]

HOSTED = (
    "gpt-",
    "o1",
    "o3",
    "o4",
    "chatgpt",
    "claude",
    "gemini",
    "mistral-large",
    "command-",
    "grok",
    "nova-",
)
"""Beginnings of names of models that only their provider has."""


@dataclass(frozen=True, slots=True)
class AnsweringModel:
    """One model that answers."""

    model: str
    release: str
    provider: str
    n: int
    listed: bool
    address: str


def owner_of(
    store: Store, settings: Settings, incident: Incident, every: Sequence[Retrain], now: datetime
) -> Owner:
    """Whose model answers: what was promoted here, a list price, an address, and a fine-tune job say so."""
    since = max(incident.started_at - timedelta(days=1), now - timedelta(days=14))
    found = store.read(
        "answering_models", AnsweringModel, service=incident.service, since=since, until=now
    )
    if not found:
        return Owner()
    ours = {cure.candidate_release for cure in every if cure.state == "promoted"}
    return _whose(found[0], ours, job=bool(settings.retrain_webhook_url))


def _whose(one: AnsweringModel, ours: set[str], *, job: bool) -> Owner:
    name = one.model or one.release
    kind, why = "unknown", f"{name or 'it'} has no list price, no private address, no fine-tune job"
    if one.release in ours:
        kind, why = "own", f"{one.release} came out of a retrain here"
    elif one.model.startswith("ft:"):
        kind, why = "own", f"{name} is a fine-tune of yours at {one.provider or 'its provider'}"
    elif one.listed or one.model.lower().startswith(HOSTED):
        kind, why = "provider", f"{name} is {one.provider or 'a provider'}'s own model"
    elif one.address and _private(one.address):
        kind, why = "own", f"{name} is served at {one.address}"
    elif job:
        kind, why = "own", "a fine-tune job is set (OUTERLOOP_RETRAIN_WEBHOOK_URL)"
    return Owner(kind, name, why)


def _private(address: str) -> bool:
    """Whether an address is of one's own network.

    >>> _private("127.0.0.1"), _private("vllm"), _private("api.openai.com")
    (True, True, False)
    """
    try:
        return ip_address(address).is_private
    except ValueError:
        return "." not in address or address.endswith((".local", ".internal", ".svc"))
