"""The state machine of a retrain: which events there are, what each leads to, and after what each may follow.

proposed → requested → started → finished → compared → approved → promoted → rolled_back
               ├──────────┴→ failed            └─ rejected: by a person, at any time before promotion
               └──────────┴→ lapsed: failed because the job was not heard of; it may still come back
"""

from __future__ import annotations

__all__ = ["CONCLUDED", "DECISIONS", "ENDED", "EVENTS", "FROM", "TROUBLE"]

EVENTS = {
    "proposed": "proposed",
    "requested": "requested",
    "undelivered": None,
    "delivered": None,
    "started": "started",
    "progress": "started",
    "finished": "finished",
    "failed": "failed",
    "lapsed": "failed",
    "comparison_failed": None,
    "compared": "compared",
    "shadowed": None,
    "shadow_failed": None,
    "canaried": None,
    "approved": "approved",
    "rejected": "rejected",
    "promoted": "promoted",
    "rolled_back": "rolled_back",
    "pointer_failed": None,
    "pointed": None,
    "announcement_failed": None,
    "announced": None,
    "rollback_proposed": None,
    "tainted": None,
}
"""Every event, in the order of a life, with the state it leads to; None changes no state."""

FROM = {
    "proposed": (),
    "requested": ("proposed", "lapsed"),
    "started": ("requested", "lapsed"),
    "progress": ("requested", "started", "lapsed"),
    "finished": ("requested", "started", "lapsed"),
    "failed": ("requested", "started", "lapsed"),
    "lapsed": ("requested", "started"),
    "compared": ("finished", "compared"),
    "approved": ("compared",),
    "rejected": ("proposed", "requested", "started", "finished", "compared", "approved", "lapsed"),
    "promoted": ("approved",),
    "rolled_back": ("promoted",),
}
"""After which standings each event may follow; events that are not here may come at any time."""
ENDED = ("failed", "rejected", "promoted", "rolled_back")
"""Standings after which a retrain is over, whatever a person may still take back."""
CONCLUDED = ("rejected", "promoted", "rolled_back")
"""Those that somebody has decided: another retrain of the same incident may be the answer, after a cool-down."""
TROUBLE = (
    "undelivered",
    "lapsed",
    "comparison_failed",
    "failed",
    "pointer_failed",
    "announcement_failed",
    "tainted",
)
"""Events whose note is what went wrong, until something puts it right."""
DECISIONS = ("approved", "rejected", "promoted", "rolled_back")
"""What people decide; of two who decide at once, one does."""
