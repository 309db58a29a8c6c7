"""Attempts to tell the outside something, folded into messages; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.deliveries import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from monitor.deliveries import Delivery

__all__ = ["Message", "messages"]

ENDS = ("delivered", "failed")
"""States that end a try; one that was begun and not ended may have arrived."""


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook, however often it was tried."""

    sink: str
    kind: str
    state: str
    """Of its last record: `sending`, `delivered`, `failed` or `dead`."""
    tries: int
    last_at: datetime
    error: str
    """The latest there was."""
    due_at: datetime | None
    """When it is tried again at the earliest."""


def messages(tries: Iterable[Delivery]) -> list[Message]:
    """A message a key, in order of their first record.

    >>> from monitor.clock import parse_time
    >>> from monitor.deliveries import Delivery
    >>> at = [parse_time(f"2024-01-05T08:0{minute}") for minute in range(4)]
    >>> told = [Delivery(one, "retrain_webhook", "rt-1", "inc-1", "retrain.requested", state)
    ...         for one, state in zip(at, ("sending", "failed", "sending", "delivered"), strict=True)]
    >>> [(one.kind, one.state, one.tries) for one in messages(told)]
    [('retrain.requested', 'delivered', 2)]
    """
    known: dict[tuple[str, str], list[Delivery]] = {}
    for one in tries:
        known.setdefault((one.sink, one.key), []).append(one)
    return [_message(rows) for rows in known.values()]


def _message(rows: list[Delivery]) -> Message:
    last = rows[-1]
    ended = sum(one.state in ENDS for one in rows)
    begun = sum(one.state == "sending" for one in rows)
    failed = [one for one in rows if one.state == "failed"]
    due = failed[-1].due_at if failed else NEVER
    return Message(
        sink=last.sink,
        kind=last.kind,
        state=last.state,
        tries=max(begun, ended),
        last_at=last.timestamp,
        error=next((one.error for one in reversed(rows) if one.error), ""),
        due_at=due if due > NEVER else None,
    )
