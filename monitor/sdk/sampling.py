"""Which calls are kept, and with what probability: a share of the traces, and all that matters.

The share is taken by the trace id, so that a trace is kept or left out as a whole, by every service
that uses the same share. A call that fails or is slow is kept whatever the share says, and so are
the calls around it that have not ended yet: the way from the root to it. What they called before,
and what had ended well, stays with the share. Every span says with which probability spans like it
are kept: 1 for those, the share for the others; a rate that weights each by the inverse is
unbiased. It is written as OpenTelemetry's consistent probability sampling has it: `ot=th:...` in
the trace state, the threshold below which traces are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import TraceState

if TYPE_CHECKING:
    from monitor.sdk.step import Step

__all__ = ["Sampling", "probability", "threshold", "with_probability"]

MOST = 1 << 56
"""Randomness and thresholds have 56 bits."""


class Sampling:
    """The decision at a span's begin, and the second thought at its end."""

    __slots__ = ("_least", "_share", "_slow_ns")

    def __init__(self, share: float, slow_ms: float | None) -> None:
        self._share = share
        self._least = MOST - round(share * MOST)
        self._slow_ns = None if slow_ms is None else int(slow_ms * 1e6)

    def begin(self, step: Step, parent: object) -> None:
        """Decide by the trace; 0 means: not by its share, only if it turns out to matter."""
        within = randomness(step.trace_id, step.trace_state) >= self._least
        step.kept = self._share if within else 0.0
        if within and self._share:
            step.trace_state = with_probability(step.trace_state, self._share)
        if type(parent) is type(step):
            step.above = parent

    def keeps(self, step: Step) -> bool:
        """Whether a step that has ended is sent; one that matters takes those around it along."""
        slow = self._slow_ns is not None and step.elapsed_ns >= self._slow_ns
        above, step.above = step.above, None
        if slow or step.failure is not None or step.kept == 1.0:
            step.kept = 1.0
            while above is not None and above.elapsed_ns < 0 and above.kept != 1.0:
                above.kept = 1.0
                above = above.above
        return bool(step.kept)


def randomness(trace_id: int, state: TraceState | None) -> int:
    """The 56 bits by which a trace is chosen: those that `rv` says, else the last of its id."""
    told = _members(state).get("rv", "")
    try:
        return int(told, 16) if len(told) == 14 else trace_id & (MOST - 1)
    except ValueError:
        return trace_id & (MOST - 1)


def threshold(share: float) -> str:
    """The `th` of a share: hexadecimal digits, without the zeros at the end.

    >>> threshold(1.0), threshold(0.5), threshold(0.25)
    ('0', '8', 'c')
    """
    return f"{min(MOST - round(share * MOST), MOST - 1):014x}".rstrip("0") or "0"


def probability(state: str) -> float | None:
    """The share that a trace state tells; None where it tells none.

    >>> probability("ot=th:c;rv:01234567890abc,other=1"), probability("other=1")
    (0.25, None)
    """
    for member in state.split(","):
        key, _, value = member.strip().partition("=")
        if key == "ot":
            parts = dict(part.partition(":")[::2] for part in value.split(";"))
            if "th" in parts:
                return 1 - int(parts["th"].ljust(14, "0"), 16) / MOST
    return None


def with_probability(state: TraceState | None, share: float) -> TraceState:
    """`state` with this share, its other members kept; OpenTelemetry's own stands first."""
    members = {**_members(state), "th": threshold(share)}
    others = [] if state is None else [item for item in state.items() if item[0] != "ot"]
    told = ";".join(f"{name}:{members[name]}" for name in sorted(members, reverse=True))
    return TraceState([("ot", told), *others[:31]])


def _members(state: TraceState | None) -> dict[str, str]:
    told = state.get("ot") if state else None
    pairs = (part.partition(":")[::2] for part in (told or "").split(";") if ":" in part)
    return dict(pairs)
