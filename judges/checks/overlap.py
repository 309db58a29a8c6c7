"""What two sequences have in common, as F1."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from judges.checks.texts import fold

__all__ = ["Overlap", "f1_of", "in_common", "in_order", "list_f1"]

Overlap: TypeAlias = Callable[[Sequence[str], Sequence[str]], int]


def f1_of(ours: Sequence[str], theirs: Sequence[str], overlap: Overlap) -> float:
    """2·overlap / (both lengths together); 1 when both are empty, 0 when one is."""
    if not ours or not theirs:
        return float(not ours and not theirs)
    return 2 * overlap(ours, theirs) / (len(ours) + len(theirs))


def in_common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Members in common, each as often as both have it."""
    return (Counter(ours) & Counter(theirs)).total()


def in_order(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    lengths = [0] * (len(theirs) + 1)
    for one in ours:
        diagonal = 0
        for place, other in enumerate(theirs, start=1):
            above = lengths[place]
            lengths[place] = diagonal + 1 if one == other else max(above, lengths[place - 1])
            diagonal = above
    return lengths[-1]


def list_f1(given: Any, expected: Any, overlap: Overlap, *, once: bool = False) -> float:
    """F1 of the members of two lists; 0 when one of the two is no list."""
    if not isinstance(given, list) or not isinstance(expected, list):
        return 0.0
    ours, theirs = [_member(one) for one in given], [_member(one) for one in expected]
    if once:
        ours, theirs = list(dict.fromkeys(ours)), list(dict.fromkeys(theirs))
    return f1_of(ours, theirs, overlap)


def _member(value: Any) -> str:
    """What two equal members share: folded texts, whole numbers as such, keys in order."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
