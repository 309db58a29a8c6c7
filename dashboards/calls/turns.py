"""A session as one conversation: of each call only what had not been said before. Pure.

An app sends the history again with every call, often shortened, sometimes with another system prompt.
Messages are compared by hashes, which the store works out; only what is new is then read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["SessionCall", "Turn", "unfolded"]

LOOK_BACK = 40
"""Calls of the session with which each is compared, the latest: several agents may talk in turns."""


@dataclass(frozen=True, slots=True)
class SessionCall:
    """One call of a session, its messages as hashes."""

    timestamp: datetime
    trace_id: str
    span_id: str
    operation: str
    service: str
    release: str
    model: str
    status: str
    duration_ms: float
    cost_usd: float | None
    input_hashes: Sequence[int]
    input_system: int
    """How many messages at the beginning are instructions."""
    output_hashes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Turn:
    """A call and which of its input messages are new."""

    call: SessionCall
    new_from: int
    """Index of the first new input message."""
    repeated: int
    """Messages that had been said before, instructions included."""
    new_system: bool
    """Its instructions have not been shown yet."""


def unfolded(calls: Sequence[SessionCall]) -> list[Turn]:
    """The calls of a session, in order of time, each with what it adds.

    >>> def call(said, answer):
    ...     return SessionCall(datetime(2024, 1, 1), "", "", "", "", "", "", "", 0, None, said, 0, answer)
    >>> [turn.new_from for turn in unfolded([call([1], [2]), call([1, 2, 3], [4]), call([2, 3, 4, 5], [])])]
    [0, 2, 3]
    """
    turns: list[Turn] = []
    said: list[list[int]] = []
    instructions: set[tuple[int, ...]] = set()
    for call in calls:
        system = tuple(call.input_hashes[: call.input_system])
        body = list(call.input_hashes[call.input_system :])
        known = max((_known(body, before) for before in said[-LOOK_BACK:]), default=0)
        known = min(known, max(0, len(body) - 1))  # a call says something, be it the same again
        fresh = bool(system) and system not in instructions
        instructions.add(system)
        said.append(body + list(call.output_hashes))
        turns.append(
            Turn(
                call,
                new_from=call.input_system + known,
                repeated=known + (0 if fresh else len(system)),
                new_system=fresh,
            )
        )
    return turns


def _known(body: Sequence[int], before: Sequence[int]) -> int:
    """How many messages at the beginning of a call repeat an earlier one: its beginning, or its end."""
    same = 0
    while same < min(len(body), len(before)) and body[same] == before[same]:
        same += 1
    if not body or same == len(body):
        return same
    for start in (place for place, one in enumerate(before) if one == body[0] and place):
        tail = before[start:]
        if len(tail) > same and list(body[: len(tail)]) == list(tail):
            return len(tail)
    return same
