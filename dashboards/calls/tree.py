"""The steps of a trace as a tree: where each stands, what it took and cost alone and with its children. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboards.rows import Score, Span

__all__ = ["Placed", "first_wrong", "place", "with_parents", "wrongs"]

DEEPEST = 40
"""Levels that are told apart; what lies deeper stands at this depth."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A step at its place in the tree and on the time axis."""

    span: Span
    depth: int
    start_ms: float
    """From the start of the trace."""
    end_ms: float
    own_ms: float
    """What it took without the time in which a child of it ran."""
    cost_usd: float | None
    """With its children; None where nobody knows any part of it."""
    steps: int
    """Itself and everything below."""
    parent: int
    """Index of its parent in the same list, -1 for a root."""


def place(spans: Sequence[Span]) -> list[Placed]:
    """Steps in tree order, parents before children; one whose parent is unknown is a root.

    A loop in the parents, which only a broken sender makes, is cut and shown flat.
    """
    order = _walked(spans)
    if not order:
        return []
    start = min(span.timestamp for span in spans)
    children: dict[int, list[int]] = defaultdict(list)
    for index, (_, _, parent) in enumerate(order):
        children[parent].append(index)
    begins = [(span.timestamp - start).total_seconds() * 1000 for span, _, _ in order]
    ends = [begin + span.duration_ms for begin, (span, _, _) in zip(begins, order, strict=True)]
    costs = [span.cost_usd for span, _, _ in order]
    sizes = [1] * len(order)
    for index in range(len(order) - 1, -1, -1):  # children stand behind their parent
        parent = order[index][2]
        if parent >= 0:
            costs[parent] = _sum(costs[parent], costs[index])
            sizes[parent] += sizes[index]
    return [
        Placed(
            span, depth, begins[index], ends[index],
            own_ms=span.duration_ms - _covered(
                begins[index], ends[index], ((begins[one], ends[one]) for one in children[index])
            ),
            cost_usd=costs[index], steps=sizes[index], parent=parent,
        )
        for index, (span, depth, parent) in enumerate(order)
    ]  # fmt: skip


def _walked(spans: Sequence[Span]) -> list[tuple[Span, int, int]]:
    """Each span with its depth and its parent's place in the list."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        rooted = span.parent_span_id not in known or span.parent_span_id == span.span_id
        children["" if rooted else span.parent_span_id].append(span)
    order: list[tuple[Span, int, int]] = []
    seen: set[str] = set()
    waiting = [(span, 0, -1) for span in reversed(children[""])]
    while waiting:
        span, depth, parent = waiting.pop()
        here = len(order)
        order.append((span, min(depth, DEEPEST), parent))
        if span.span_id and span.span_id not in seen:  # two spans of one id share no children
            seen.add(span.span_id)
            waiting += [(child, depth + 1, here) for child in reversed(children[span.span_id])]
    placed = {id(span) for span, _, _ in order}
    return order + [(span, 0, -1) for span in spans if id(span) not in placed]


def _sum(first: float | None, second: float | None) -> float | None:
    return first if second is None else second if first is None else first + second


def _covered(begin: float, end: float, parts: Iterable[tuple[float, float]]) -> float:
    """Milliseconds of a stretch in which at least one of the parts ran.

    >>> _covered(0, 10, [(1, 3), (2, 5), (8, 20)])
    6.0
    """
    covered, reached = 0.0, begin
    for first, last in sorted(parts):
        start, stop = max(first, reached), min(last, end)
        if stop > start:
            covered, reached = covered + stop - start, stop
    return covered


def wrongs(steps: Sequence[Placed], scores: Iterable[Score]) -> dict[int, str]:
    """What is wrong with which step, by its index: its own error, or a verdict on it that fails."""
    failing: dict[str, list[str]] = defaultdict(list)
    for score in scores:
        if score.failed and score.span_id and score.name not in failing[score.span_id]:
            failing[score.span_id].append(score.name)
    found: dict[int, str] = {}
    for index, step in enumerate(steps):
        if step.span.status == "error":
            found[index] = step.span.error_type or "error"
        elif names := failing.get(step.span.span_id):
            found[index] = f"score {', '.join(names[:3])} fails"
    return found


def first_wrong(steps: Sequence[Placed], wrong: Mapping[int, str]) -> int | None:
    """The step that went wrong first; None where none did.

    An error rises from a step to those around it: of the steps with nothing wrong below them, the
    earliest is where it began.
    """
    above = with_parents(steps, (steps[index].parent for index in wrong))
    innermost = [index for index in wrong if index not in above]
    return min(innermost, key=lambda index: (steps[index].start_ms, index), default=None)


def with_parents(steps: Sequence[Placed], chosen: Iterable[int]) -> set[int]:
    """Steps and all that they stand in."""
    found: set[int] = set()
    for one in chosen:
        index = one
        while index >= 0 and index not in found:
            found.add(index)
            index = steps[index].parent
    return found
