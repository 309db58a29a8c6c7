"""The retrain of an incident as its message shows it: how it stands, who decided on what, and what may be pressed.

A button carries the retrain and the comparison that the message showed (`rt-…@fingerprint`), so that nobody approves
on evidence that has changed since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.alerts.mrkdwn import button, code, escape, join, section
from monitor.clock import rfc3339
from monitor.retrain.lifecycle import AUTO, evidence_of
from monitor.retrain.state import retrains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.retrain.state import Retrain
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["BUTTONS", "Decision", "decision_blocks", "decision_buttons", "decision_of", "decisions"]

SHOWN = ("compared", "approved", "promoted", "rejected", "rolled_back", "failed")
"""States that a message tells of; what comes before is on the retrain's page."""
BUTTONS = {
    "approve": ("approved", "Approve the retrain", "primary"),
    "reject": ("rejected", "Reject it", "danger"),
    "promote": ("promoted", "Promote the candidate", "primary"),
    "rollback": ("rolled_back", "Roll back", "danger"),
}
"""What may be pressed: the event it asks for, its words and its looks."""
QUESTIONS = {
    "approve": "Say that the candidate may go to production?",
    "reject": "Say that the candidate is not used?",
    "promote": "Point the service at the candidate now?",
    "rollback": "Point the service back at the release before?",
}
AUTO_NOTE = (
    "OUTERLOOP_AUTO_APPROVE is on: what is better is approved and promoted without a person."
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a message says about a retrain, and what it offers."""

    retrain_id: str
    evidence: str
    """Name of the comparison that is shown."""
    state: str
    said: tuple[str, ...]
    """Sentences, the newest last."""
    offers: tuple[str, ...]
    """Which of `BUTTONS` may be pressed now."""

    @property
    def value(self) -> str:
        """What a button carries."""
        return f"{self.retrain_id}@{self.evidence}" if self.evidence else self.retrain_id


def decisions(store: Store, settings: Settings) -> dict[str, Decision]:
    """The latest retrain of each incident, where there is something to say about it."""
    latest: dict[str, Retrain] = {}
    for one in retrains(store):
        latest.setdefault(one.incident_id, one)
    return {
        name: decision_of(one, automatic=settings.auto_approve)
        for name, one in latest.items()
        if one.state in SHOWN
    }


def decision_of(one: Retrain, *, automatic: bool) -> Decision:
    """A retrain as its incident's message shows it."""
    said = [
        f"Retrain {one.retrain_id}: {one.base_release} → {one.candidate_release or 'no candidate'}"
    ]
    comparison = one.details.get("comparison") or {}
    if comparison:
        sentence = str(comparison.get("sentence", ""))
        said.append(
            f"{str(comparison.get('advice', '')).replace('_', ' ').capitalize()}: {sentence}"
        )
    said += [_decided(one, event) for event in ("approved", "rejected", "promoted", "rolled_back")]
    if one.state == "failed":
        said.append(f"Failed: {one.trouble}")
    if automatic and one.state in ("compared", "approved"):
        said.append(AUTO_NOTE)
    offers = tuple(name for name, (event, _, _) in BUTTONS.items() if event in one.possible)
    return Decision(
        one.retrain_id, evidence_of(one), one.standing, tuple(filter(None, said)), offers
    )


def _decided(one: Retrain, event: str) -> str:
    step = one.last(event)
    if step is None:
        return ""
    who = (
        "OUTERLOOP_AUTO_APPROVE, no person" if step.actor == AUTO else f"{step.actor} ({step.via})"
    )
    note = f": {step.note}" if step.note and step.actor != AUTO else ""
    return f"{event.replace('_', ' ').capitalize()} by {who} at {rfc3339(step.timestamp)}{note}"


def decision_blocks(decision: Decision | None) -> list[dict[str, Any]]:
    """The paragraph about the retrain; none where there is nothing to say."""
    if decision is None:
        return []
    lines = [f"• {escape(line, 700)}" for line in decision.said]
    return [section(join([f"*Retrain* {code(decision.state)}", *lines]))]


def decision_buttons(decision: Decision | None) -> Sequence[dict[str, Any]]:
    """The buttons by which a person decides; each asks once more before it is done."""
    if decision is None:
        return []
    made = []
    for name in decision.offers:
        _, label, style = BUTTONS[name]
        question = f"{QUESTIONS[name]} {decision.said[0]}. Your name is kept with it."
        made.append(button(label, name, decision.value, style=style, confirm=question))
    return made
