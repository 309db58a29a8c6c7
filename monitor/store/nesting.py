"""Which recorded LLM calls only wrap another: one request that two instrumentations saw, one inside the other.

The innermost is the request that was made. An outer one is a wrapper where it plainly describes what lies in it: the
same kind of request to the same model, at that time, with the same tokens or the sum of what its attempts used.
What an agent or a tool called lies in no wrapper, whatever is around the agent or the tool.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Nested", "Pair", "wrappers"]

LEVELS = 8
"""Spans that may lie between a call and the call that wraps it, and wrappers in one another."""
SLACK = timedelta(milliseconds=100)
"""How far an inner call may reach out of its wrapper: instrumentations stop their clocks at different moments."""
APART = frozenset({"tool", "agent", "retriever", "evaluator", "guardrail"})
"""Steps whose calls are their own."""
OWN_KIND = frozenset({"embeddings", "rerank"})
"""Operations that are never another way to say `chat`."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A span of a trace in which calls may be nested."""

    trace_id: str
    span_id: str
    parent_span_id: str
    timestamp: datetime
    duration_ms: float
    kind: str
    """`call`, or what kind of step it is."""
    models: Sequence[str]
    """The model asked for and the one that answered, in lower case, '' where unknown."""
    operation: str
    input_tokens: int | None
    output_tokens: int | None
    status: str
    version: int
    is_deleted: bool
    """A call that was found to be a wrapper before."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A call and one of its wrappers."""

    trace_id: str
    inner: str
    outer: str
    alone: bool
    """The wrapper's answer and usage are this call's, not those of several attempts."""


def wrappers(spans: Iterable[Nested]) -> list[Pair]:
    """Every wrapper that is still counted as a call, and those settled before whose call came later.

    Args:
        spans: sorted by trace; of a span that is there as a call and as a step, the call is meant.

    Returns:
        Pairs, the nearest wrapper of a call first.
    """
    return [
        pair
        for _, trace in groupby(spans, key=lambda span: span.trace_id)
        for pair in _of_trace({span.span_id: span for span in sorted(trace, key=_is_call)})
    ]


def _is_call(span: Nested) -> bool:
    return span.kind == "call"


def _of_trace(spans: Mapping[str, Nested]) -> Iterator[Pair]:
    calls = [span for span in spans.values() if _is_call(span)]
    above = {call.span_id: _enclosing(call, spans) for call in calls}
    within: dict[str, list[str]] = defaultdict(list)
    for call in calls:
        if outer := above[call.span_id]:
            within[outer].append(call.span_id)
    requests: dict[str, list[Nested]] = {}
    for call in sorted(calls, key=lambda call: -_depth(call.span_id, above)):
        inner = [
            request
            for span_id in within[call.span_id]
            for request in requests.get(span_id, [spans[span_id]])
            if request is not call and _alike(call, request)
        ]
        if not inner or not _adds_up(call, inner):
            requests[call.span_id] = [] if call.is_deleted else [call]
            continue
        requests[call.span_id] = inner
        answered = [request for request in inner if request.status == "ok"] or inner
        for request in inner:
            if not call.is_deleted or request.version < 2:
                alone = len(answered) == 1 and request is answered[0]
                yield Pair(call.trace_id, request.span_id, call.span_id, alone)


def _enclosing(call: Nested, spans: Mapping[str, Nested]) -> str | None:
    """The nearest call around this one, through steps that have no calls of their own."""
    span: Nested | None = call
    for _ in range(LEVELS):
        span = spans.get(span.parent_span_id) if span else None
        if span is None or span is call or span.kind in APART:
            return None
        if _is_call(span):
            return span.span_id
    return None


def _depth(span_id: str, above: Mapping[str, str | None]) -> int:
    depth, outer = 0, above[span_id]
    while outer and depth < LEVELS:
        depth, outer = depth + 1, above[outer]
    return depth


def _alike(outer: Nested, inner: Nested) -> bool:
    """The same kind of request, to the same model, at the same time."""
    same_kind = (
        outer.operation == inner.operation or not {outer.operation, inner.operation} & OWN_KIND
    )
    starts = outer.timestamp - SLACK <= inner.timestamp
    ends = _end(inner) <= _end(outer) + SLACK
    return same_kind and starts and ends and _same_model(outer, inner)


def _end(span: Nested) -> datetime:
    return span.timestamp + timedelta(milliseconds=span.duration_ms)


def _same_model(outer: Nested, inner: Nested) -> bool:
    """`openai/gpt-4o-mini` is `gpt-4o-mini-2024-07-18`; where no model is known, the tokens must speak.

    A call that says no model at all is like another only when both say the same usage.
    """
    ours, theirs = (
        [model.rsplit("/", 1)[-1] for model in span.models if model] for span in (outer, inner)
    )
    if not ours or not theirs:
        usage = (outer.input_tokens, outer.output_tokens)
        return None not in usage and usage == (inner.input_tokens, inner.output_tokens)
    return any(a.startswith(b) or b.startswith(a) for a in ours for b in theirs)


def _adds_up(outer: Nested, inner: Sequence[Nested]) -> bool:
    """The wrapper's tokens are those of one request in it, or of all, or somebody does not know."""
    return _explained(outer.input_tokens, [call.input_tokens for call in inner]) and _explained(
        outer.output_tokens, [call.output_tokens for call in inner]
    )


def _explained(total: int | None, counts: Sequence[int | None]) -> bool:
    """Whether a wrapper's count follows from those of the requests in it.

    >>> _explained(46, [46]), _explained(46, [30, 16]), _explained(46, [None, 16]), _explained(46, [30, 30])
    (True, True, True, False)
    """
    known = [count for count in counts if count is not None]
    if total is None or not known or total in (sum(known), *known):
        return True
    return len(known) < len(counts) and sum(known) < total
