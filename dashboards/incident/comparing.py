"""A call from before the change beside one that shows the fault: where their answers differ. Pure."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.trace import MISSING, decoded, field_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.incidents import Incident, SliceShare

__all__ = ["FieldBeside", "Piece", "compared_fields", "differing_words", "pinned_tags", "query_of"]

WORDS = re.compile(r"\s+|[^\s]+")
MOST_WORDS = 400
FACETS = {
    "release": "release",
    "model": "model",
    "prompt version": "prompt_version",
    "environment": "environment",
}
"""Attributes of a slice that are filters of all pages, by their name in the address."""


@dataclass(frozen=True, slots=True)
class FieldBeside:
    """One field of two answers, and the right value where somebody knows it."""

    field: str
    before: str
    since: str
    right: str
    at_fault: bool
    """It is the field that the incident is about, or its value is known to be wrong."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of words, and whether the other text lacks it."""

    text: str
    differs: bool


def compared_fields(before: str, since: str, right: str, *, field: str) -> list[FieldBeside]:
    """Two JSON answers field by field, what is at fault first; [] where the later one is no JSON object.

    >>> rows = compared_fields('{"a": 1, "due": "2024"}', '{"a": 1, "due": "2023"}', "", field="due")
    >>> [(row.field, row.before, row.since, row.at_fault) for row in rows]
    [('due', '"2024"', '"2023"', True), ('a', '1', '1', False)]
    """
    old = {pair.field: pair for pair in field_pairs(since, _object(before))}
    told = {pair.field: pair.expected for pair in field_pairs(since, right)}
    rows = []
    for name in {**old, **told}:
        new = old[name].answer if name in old else MISSING
        wrong = name in told and not _same(told[name], new)
        about = bool(field) and field in (name, name.split(".")[-1])
        then = old[name].expected if name in old else MISSING
        rows.append(FieldBeside(name, then, new, told.get(name, ""), about or wrong))
    return sorted(rows, key=lambda row: not row.at_fault)


def _object(text: str) -> str:
    """The text where it is a JSON object, else an empty one: every field is then missing in it."""
    return text if isinstance(decoded(text), dict) else "{}"


def _same(one: str, other: str) -> bool:
    """Whether two values are the same, however they are written down.

    >>> _same('12', '12.0'), _same('"12"', '12')
    (True, False)
    """
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


def differing_words(before: str, since: str) -> tuple[list[Piece], list[Piece]]:
    """Two free texts as runs of words, those marked that stand in one of them alone.

    >>> then, now = differing_words("due on 5 March 2024", "due on 5 March 2023")
    >>> [(piece.text, piece.differs) for piece in now]
    [('due on 5 March ', False), ('2023', True)]
    """
    one, other = (WORDS.findall(text)[: 2 * MOST_WORDS] for text in (before, since))
    left: list[Piece] = []
    right: list[Piece] = []
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    for kind, start, end, begin, stop in matcher.get_opcodes():
        differs = kind != "equal"
        if end > start:
            left.append(Piece("".join(one[start:end]), differs))
        if stop > begin:
            right.append(Piece("".join(other[begin:stop]), differs))
    return left, right


def pinned_tags(
    incident: Incident, ranked: Sequence[SliceShare], tags: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """The tags of a call that put it into the incident's own slice, else into the first ranked one that it is in."""
    rooted = [name for name, _ in incident.details.root]
    asked = [rooted] if rooted else [part.attribute.split(" and ") for part in ranked]
    values = [" and ".join(value for _, value in incident.details.root)] if rooted else [
        part.value for part in ranked
    ]  # fmt: skip
    for names, value in zip(asked, values, strict=True):
        keys = [name.removeprefix("tag ") for name in names if name.startswith("tag ")]
        if (
            keys
            and len(keys) == len(names)
            and " and ".join(tags.get(k, "") for k in keys) == value
        ):
            return tuple((key, tags[key]) for key in keys)
    return ()


def query_of(part: SliceShare) -> dict[str, str]:
    """The filters that leave the calls of a slice; {} where no filter can say it.

    >>> from monitor.incidents import SliceShare
    >>> told = {"rate": 0.5, "rate_elsewhere": 0.0, "share_of_faults": 1.0, "n": 9}
    >>> query_of(SliceShare(attribute="tag tenant", value="acme", **told))
    {'tag': 'tenant=acme'}
    >>> query_of(SliceShare(attribute="cluster", value="payments", **told))
    {}
    """
    if part.attribute.startswith("tag ") and " and " not in part.attribute:
        return {"tag": f"{part.attribute.removeprefix('tag ')}={part.value}"}
    name = FACETS.get(part.attribute)
    return {name: part.value} if name else {}
