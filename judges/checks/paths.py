"""Paths into two JSON documents at once: the values that stand at the same place of both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from judges.checks.texts import MISSING, fold, show

__all__ = ["Pair", "at", "pairs"]

KEYED = re.compile(r"(?P<name>[^\[\]]+)\[(?P<key>[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values that stand at the same place of the two answers."""

    path: str
    """Where, with the places of lists filled in."""
    ours: Any
    theirs: Any


def pairs(given: Any, expected: Any, path: str) -> Iterator[Pair]:
    """The values at a path in both answers; members of lists one by one."""
    return _walk(Pair("", given, expected), path.split(".") if path != "$" else [])


def _walk(at: Pair, steps: Sequence[str]) -> Iterator[Pair]:
    if not steps:
        yield at
        return
    keyed = KEYED.fullmatch(steps[0])
    if keyed:
        inside = _by_key(_step(at, keyed["name"]), keyed["key"])
    elif steps[0] == "*":
        inside = _by_place(at)
    else:
        inside = [_step(at, steps[0])]
    if inside is None:  # one of the two has no list there
        yield at if keyed is None else _step(at, keyed["name"])
        return
    for one in inside:
        yield from _walk(one, steps[1:])


def _by_place(at: Pair) -> list[Pair] | None:
    if isinstance(at.ours, Mapping) and isinstance(at.theirs, Mapping):
        names = list(dict.fromkeys([*at.theirs, *at.ours]))
        return [_step(at, name) for name in names]
    if not isinstance(at.ours, list) or not isinstance(at.theirs, list):
        return None
    return [
        Pair(_below(at.path, str(place)), ours, theirs)
        for place, (ours, theirs) in enumerate(zip_longest(at.ours, at.theirs, fillvalue=MISSING))
    ]


def _by_key(at: Pair, key: str) -> list[Pair] | None:
    if not isinstance(at.ours, list) or not isinstance(at.theirs, list):
        return None
    ours, theirs = _numbered(at.ours, key), _numbered(at.theirs, key)
    return [
        Pair(f"{at.path}[{said}]", ours.get(said, MISSING), theirs.get(said, MISSING))
        for said in dict.fromkeys([*theirs, *ours])
    ]


def _numbered(members: Sequence[Any], key: str) -> dict[str, Any]:
    """Members by what their key says; the second that says the same has `#2` behind it."""
    found: dict[str, Any] = {}
    for member in members:
        value = _at(member, key)
        said = fold(value) if isinstance(value, str) else show(value)
        times = 1
        while (name := said if times == 1 else f"{said}#{times}") in found:
            times += 1
        found[name] = member
    return found


def _step(at: Pair, name: str) -> Pair:
    return Pair(_below(at.path, name), _at(at.ours, name), _at(at.theirs, name))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _at(value: Any, step: str) -> Any:
    if isinstance(value, Mapping) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return MISSING


def at(value: Any, steps: Sequence[str]) -> Any:
    """The value below these steps of a document; `MISSING` where there is none."""
    for step in steps:
        value = _at(value, step)
    return value
