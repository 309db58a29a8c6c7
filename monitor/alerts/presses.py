"""What people press in Slack, however it comes in: acknowledge, snooze, resolve and approve go into the store.

The message is rewritten at once. Pressing twice, or a press that Slack tells twice, is one event.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from slack_sdk.webhook import WebhookClient

from monitor.alerts.outbox import Outbox
from monitor.clock import utcnow
from monitor.exceptions import OuterloopError
from monitor.incidents import act, incident
from monitor.retrain.lifecycle import approve
from monitor.retrain.state import retrain, retrains
from monitor.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.settings import Settings

__all__ = ["Payload", "take"]

log = logging.getLogger(__name__)

EVENTS = {"acknowledge": "acknowledged", "snooze": "snoozed", "resolve": "resolved"}
"""What each button says about the incident that it carries as its value."""
APPROVE = "approve"
"""The button that carries a retrain."""
TIMEOUT_S = 5


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Person(_Body):
    id: str
    username: str = ""
    name: str = ""


class _Press(_Body):
    action_id: str
    value: str = ""


class Payload(_Body):
    """Slack's `block_actions`, as far as we read it."""

    user: _Person
    actions: list[_Press] = []
    response_url: str = ""


def take(settings: Settings, payload: Payload) -> None:
    """Do what was pressed and rewrite the message; what cannot be done is told to the person who pressed.

    Raises:
        StoreUnavailableError: nothing was done; Slack shows that it failed.
    """
    store = Store(settings.store)
    person = payload.user.username or payload.user.name or payload.user.id
    try:
        for press in payload.actions:
            try:
                _do(store, settings, press, person, now=utcnow())
            except OuterloopError as error:
                log.warning("a press could not be followed", extra={"reason": str(error)})
                _answer(payload.response_url, str(error))
    finally:
        store.close()


def _do(store: Store, settings: Settings, press: _Press, person: str, *, now: datetime) -> None:
    if press.action_id in EVENTS:
        incident_id = press.value
        act(store, incident_id, EVENTS[press.action_id], now=now, actor=person, via="slack")
    elif press.action_id == APPROVE:
        one = retrain(store, press.value)
        if one.state != "approved":
            approve(store, press.value, now=now, actor=person, via="slack")
        incident_id = one.incident_id
    else:
        return  # a link, which the browser follows
    after = incident(store, incident_id)
    if after is not None:
        waiting = {
            one.incident_id: one.retrain_id for one in retrains(store) if one.state == "compared"
        }
        Outbox(store, settings, now).tell_now(after, waiting.get(incident_id, ""))


def _answer(response_url: str, said: str) -> None:
    """Tell the one person alone; that it could not be told either is only logged."""
    if not response_url:
        return
    try:
        WebhookClient(response_url, timeout=TIMEOUT_S).send(
            text=said, response_type="ephemeral", replace_original=False
        )
    except OSError as error:
        log.warning("Slack was not reached with an answer", extra={"reason": str(error)})
