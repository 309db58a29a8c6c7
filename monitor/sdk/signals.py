"""What a user does with an answer is a verdict on it: asks again, mends it, copies it, walks away.

Small names on top of `feedback`. Each takes the target as `feedback` does (`trace_id` and `span_id`
of the call, or `session`; the current trace by default), and each is idempotent: told twice for the
same target, it is one score. Give a `key` where the same thing can truly happen more than once.
"""

from __future__ import annotations

from typing import Any

from monitor.sdk.distance import Distance
from monitor.sdk.scores import feedback

__all__ = ["abandoned", "accepted", "copied", "regenerated"]


def regenerated(*, key: str = "regenerate", **target: Any) -> None:
    """The user asked for another answer instead of this one (score `regenerate`, 1)."""
    feedback("regenerate", 1, key=key, **target)


def abandoned(*, key: str = "abandon", **target: Any) -> None:
    """The user left before the answer was there, or at it (score `abandon`, 1)."""
    feedback("abandon", 1, key=key, **target)


def copied(share: float = 1.0, *, key: str = "copy", **target: Any) -> None:
    """The user copied the answer, or this share of it (score `copy`, from 0 to 1)."""
    feedback("copy", min(max(float(share), 0.0), 1.0), key=key, **target)


def accepted(offered: str, kept: str, *, key: str = "accept", **target: Any) -> None:
    """The user took the answer, as it was or mended (score `edit_distance`, 0 is unchanged).

    The value is the number of characters to insert, delete or replace, divided by the length of the
    longer text: 1 means that nothing of the answer was left. It is worked out on the background
    thread, for the first 8,192 characters of either. `kept` is told as the expected answer.
    """
    feedback("edit_distance", Distance(offered, kept), key=key, expected=kept, **target)  # type: ignore[arg-type]  # a number, later
