"""How much of an answer a person changed."""

from __future__ import annotations

__all__ = ["Distance", "edit_distance"]

LONGEST = 8192
"""Characters compared; further ones would take the background thread too long."""


class Distance:
    """The edit distance of two texts as a share of the longer one, worked out when it is needed."""

    __slots__ = ("_kept", "_offered")

    def __init__(self, offered: str, kept: str) -> None:
        self._offered = offered[:LONGEST]
        self._kept = kept[:LONGEST]

    def __float__(self) -> float:
        longer = max(len(self._offered), len(self._kept))
        return edit_distance(self._offered, self._kept) / longer if longer else 0.0


def edit_distance(left: str, right: str) -> int:
    """Characters to insert, delete or replace to get from one text to the other.

    Bit-parallel (Myers 1999, in Hyyrö's form): a column of the table is two long integers.

    >>> edit_distance("kitten", "sitting"), edit_distance("", "abc"), edit_distance("x", "x")
    (3, 3, 0)
    """
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    left, right = left[start:], right[start:]
    if not left or not right:
        return len(left) + len(right)
    places: dict[str, int] = {}
    for number, character in enumerate(left):
        places[character] = places.get(character, 0) | 1 << number
    all_of, last = (1 << len(left)) - 1, 1 << (len(left) - 1)
    up, down, distance = all_of, 0, len(left)
    for character in right:
        here = places.get(character, 0)
        across = (((here & up) + up) ^ up) | here | down
        more, less = down | ~(across | up), up & across
        distance += bool(more & last) - bool(less & last)
        more, less = (more << 1 | 1) & all_of, (less << 1) & all_of
        up, down = (less | ~(across | more)) & all_of, more & across
    return distance
