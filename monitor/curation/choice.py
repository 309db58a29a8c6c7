"""Who gets into a dataset: pure, so that its rules can be tested on made-up traffic over many seeds.

Every call that went wrong is in, labelled or not, so that somebody is asked for the label; random
and replayed calls are drawn from the labelled ones, because an unlabelled one would teach nothing.
Nothing reserved, nothing that looks like it, and nothing that goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from monitor.curation.reserve import position, reserved
from monitor.curation.traffic import flag_drifted

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.curation.traffic import TrafficCall
    from monitor.incidents import Incident

__all__ = ["HARD", "REASONS", "VALIDATION_SHARE", "Choice", "Chosen", "Curation", "choose"]

VALIDATION_SHARE = 0.10
HARD = (
    "failed_outcome", "failed_review", "thumbs_down", "failed_check", "low_judge", "drifted",
    "relabelled",
)  # fmt: skip
REASONS = (*HARD, "replay", "random", "imported")
"""Why a call may be in; the first of a member's reasons is its main one."""
Mask = Callable[[Sequence[str]], Sequence[str]]
"""Texts without personal data, in order."""
Near = Callable[[Sequence["TrafficCall"], Sequence["TrafficCall"]], Sequence[bool]]
"""For each of the first calls, whether it is nearly one of the second."""


@dataclass(frozen=True, slots=True)
class Curation:
    """Size limits and what counts as nearly the same; the hash of the trace id decides who is in."""

    hard: int = 4000
    random: int = 2000
    replay: int = 2000
    reserved: int = 2000
    imported: int = 4000
    longest: int = 200_000
    """Characters of one example, answer included; a longer one is left out and counted."""
    near: float = 0.70
    """Cosine of weighted character n-grams from which two inputs are nearly the same; 1 turns it off."""
    near_vectors: float = 0.97
    """The same of sentence embeddings, where both inputs have one."""
    turn: datetime | None = None
    """Calls before it are replayed; an incident's start when not given."""
    mask: Mask | None = None
    """Takes personal data out of texts before they are kept in a dataset."""
    accept_new_key: bool = False
    """Build although the reserve key is another one than before."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One chosen call, where it goes and why."""

    call: TrafficCall
    split: str
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The main one."""
        return self.reasons[0]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What `choose` chose, and what it left out on purpose."""

    members: Sequence[Choice]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Calls kept out: `same_input` as a reserved call, `same_session` as an earlier reserved one,
    `near_input`, and `hard_…` for those among them that are hard; `hard_over_limit`."""


def choose(
    calls: Sequence[TrafficCall],
    *,
    incident: Incident | None,
    key: bytes,
    limits: Curation,
    tested: frozenset[str] = frozenset(),
    near: Near | None = None,
) -> Chosen:
    """Decide about every call. The same calls and key give the same choice.

    Args:
        calls: a service's traffic.
        incident: what is to be cured.
        key: the installation's reserve key.
        limits: sizes.
        tested: traces that an earlier version holds as reserved, whatever the key is now.
        near: says which calls look like a reserved one, beyond having the same input.
    """
    turn = limits.turn or (incident.started_at if incident else None)
    kept: list[TrafficCall] = []
    others: list[TrafficCall] = []
    for call in calls:
        mine = call.trace_id in tested or reserved(call.trace_id, key)
        (kept if mine else others).append(call)
    flags = _flags(others, incident)
    pairs = [
        (call, _reasons(call, turn, drifted=flag)) for call, flag in zip(others, flags, strict=True)
    ]
    wanted = [(call, reasons) for call, reasons in pairs if reasons]
    left: dict[str, int] = {}
    free = _apart(wanted, kept, left)
    taken = _within(free, key, limits, left)
    if near and taken and kept:
        alike = near([call for call, _ in taken], kept)
        taken = _without(taken, alike, "near_input", left)
    test = sorted(kept, key=lambda call: _order(call, key))[: limits.reserved]
    return Chosen(
        members=[
            *(Choice(call, _split(call, key), reasons) for call, reasons in taken),
            *(Choice(call, "reserved", ("random",)) for call in test),
        ],
        left_out=left,
    )


Wanted = list[tuple["TrafficCall", tuple[str, ...]]]


def _flags(calls: Sequence[TrafficCall], incident: Incident | None) -> list[bool]:
    return list(flag_drifted(calls, [incident] if incident else []))


def _reasons(call: TrafficCall, turn: datetime | None, *, drifted: bool) -> tuple[str, ...]:
    """Why a call would be in; nothing when it would not."""
    found = {*call.signals, *(("drifted",) if drifted else ())}
    if call.label_author.startswith("human"):
        found.add("relabelled")
    if turn is not None and call.timestamp < turn:
        return ("replay", *(one for one in HARD if one in found)) if call.label else ()
    if not found:
        return ("random",) if call.label else ()
    return tuple(one for one in HARD if one in found)


def _apart(wanted: Wanted, kept: Sequence[TrafficCall], left: dict[str, int]) -> Wanted:
    """Without calls that have a reserved call's input, or go on with its conversation."""
    inputs = {call.input_hash for call in kept}
    begun: dict[str, datetime] = {}
    for call in sorted(kept, key=lambda one: one.timestamp):
        if call.session_id:
            begun.setdefault(call.session_id, call.timestamp)
    same = [call.input_hash in inputs for call, _ in wanted]
    wanted = _without(wanted, same, "same_input", left)
    goes_on = [
        call.session_id in begun and call.timestamp >= begun[call.session_id] for call, _ in wanted
    ]
    return _without(wanted, goes_on, "same_session", left)


def _without(wanted: Wanted, out: Sequence[bool], why: str, left: dict[str, int]) -> Wanted:
    """Those that are not `out`; the others are counted."""
    gone = [reasons for (_, reasons), is_out in zip(wanted, out, strict=True) if is_out]
    left[why] = left.get(why, 0) + len(gone)
    left[f"hard_{why}"] = left.get(f"hard_{why}", 0) + sum(one[0] in HARD for one in gone)
    return [pair for pair, is_out in zip(wanted, out, strict=True) if not is_out]


def _within(free: Wanted, key: bytes, limits: Curation, left: dict[str, int]) -> Wanted:
    groups: dict[str, Wanted] = {"hard": [], "random": [], "replay": []}
    for call, reasons in free:
        groups["hard" if reasons[0] in HARD else reasons[0]].append((call, reasons))
    left["hard_over_limit"] = max(0, len(groups["hard"]) - limits.hard)
    sizes = {"hard": limits.hard, "random": limits.random, "replay": limits.replay}
    return [
        pair
        for name, found in groups.items()
        for pair in sorted(found, key=lambda pair: _order(pair[0], key))[: sizes[name]]
    ]


def _order(call: TrafficCall, key: bytes) -> tuple[float, str]:
    return position(call.trace_id, key, "order"), call.span_id


def _split(call: TrafficCall, key: bytes) -> str:
    """By the input, so that two calls with the same input never sit on both sides."""
    place = position(str(call.input_hash), key, "split")
    return "validation" if place < VALIDATION_SHARE else "train"
