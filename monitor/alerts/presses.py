"""What people press in Slack, however it comes in: what they do to incidents and decide about retrains is kept.

The message is rewritten at once. Pressing twice, or a press that Slack tells twice, is one event. Of two people who
decide at once one decides; the other is told who was first, and on a comparison that was made anew nobody decides by
an old message.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict
from slack_sdk.webhook import WebhookClient

from monitor.alerts.decision import BUTTONS, decisions
from monitor.alerts.outbox import Outbox
from monitor.clock import utcnow
from monitor.exceptions import OuterloopError
from monitor.incidents import act, incident
from monitor.retrain.lifecycle import approve, reject
from monitor.retrain.promotion import promote, rollback
from monitor.retrain.state import retrain
from monitor.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.settings import Settings

__all__ = ["Payload", "take"]

log = logging.getLogger(__name__)

EVENTS = {"acknowledge": "acknowledged", "snooze": "snoozed", "resolve": "resolved"}
"""What each button says about the incident that it carries as its value."""
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
    elif press.action_id in BUTTONS:
        incident_id = _decide(store, settings, press, person, now=now)
    else:
        return  # a link, which the browser follows
    after = incident(store, incident_id)
    if after is not None:
        Outbox(store, settings, now).tell_now(after, decisions(store, settings).get(incident_id))


def _decide(store: Store, settings: Settings, press: _Press, person: str, *, now: datetime) -> str:
    """Decide about a retrain; returns its incident. What this person has decided already is not said again."""
    retrain_id, _, evidence = press.value.partition("@")
    one, by = retrain(store, retrain_id), {"actor": person, "via": "slack"}
    event, note = BUTTONS[press.action_id][0], f"on comparison {evidence}" if evidence else ""
    done = one.last(event)
    if (
        done is not None
        and (done.actor, done.via) == (person, "slack")
        and event not in one.possible
    ):
        return one.incident_id
    if press.action_id == "approve":
        approve(store, retrain_id, now=now, note=note, evidence=evidence, **by)
    elif press.action_id == "reject":
        reject(store, retrain_id, now=now, note=note, evidence=evidence, **by)
    elif press.action_id == "promote":
        promote(store, settings, retrain_id, now=now, note=note, evidence=evidence, **by)
    else:
        rollback(store, settings, retrain_id, now=now, note=note, evidence=evidence, **by)
    return one.incident_id


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
