"""Reading a judge's reply without guessing.

A reply that cannot be read is no verdict. There is no default, no digit scan, no keyword search and
no repair of broken JSON: the whole text as JSON, else the whole text as one option, else JSON in
code fences, else the first JSON object, else the last line `NAME: X`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from judges.asking.shapes import Reply, Shape, Slot
from judges.interaction import Usage

__all__ = ["Replies", "StoredReply", "UnreadableError", "read"]

FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
REASON_LIMIT = 2000
TEXT_LIMIT = 200_000
"""Characters; nobody asks for a reply of that length."""
DIGITS_LIMIT = 9
Answers = dict[str, str]


class UnreadableError(ValueError):
    """The reply does not hold what was asked for, or two different things."""


@dataclass(frozen=True, slots=True)
class StoredReply:
    """A readable reply that was paid for; it need not be asked for again."""

    text: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    """What getting it took, repairs included."""


class Replies(Protocol):
    """Where replies are kept; `judges.running.journal` has one that outlives the process."""

    def get(self, key: str) -> StoredReply | None:
        """The reply that was stored under the key."""

    def put(self, key: str, reply: StoredReply) -> None:
        """Keep it."""


def read(text: str, shape: Shape) -> Reply:
    r"""What a reply holds.

    Raises:
        UnreadableError: not everything that was asked for, or two candidates that differ.

    >>> shape = Shape((Slot("verdict", ("yes", "no", "na")),))
    >>> read('{"verdict": "no", "reason": "the year is 2023"}', shape).answers
    {'verdict': 'no'}
    >>> read("It says 2023.\n\n**VERDICT: No**", shape).answers
    {'verdict': 'no'}
    >>> read("yes, 5 out of 5", shape)
    Traceback (most recent call last):
    judges.asking.replies.UnreadableError: no JSON object and no line VERDICT: in the reply
    """
    text = _spoken(text).strip()
    if len(text) > TEXT_LIMIT:
        raise UnreadableError(f"the reply has {len(text)} characters")
    whole = _whole(text)
    if isinstance(whole, dict):
        return Reply(_answers(whole, shape), _reason(whole))
    if len(shape.slots) == 1 and not isinstance(whole, list):
        option = _match(shape.slots[0], text if whole is None else whole)
        if option is not None:
            return Reply({shape.slots[0].name: option})
    found = _only(_fenced(text), shape) or _only(_objects(text), shape)
    lines = _lines(text, shape)
    if found and lines and lines != found.answers:
        raise UnreadableError(f"a JSON object says {found.answers}, the last lines say {lines}")
    if found:
        return found
    if lines:
        return Reply(lines, text[:REASON_LIMIT])
    asked = ", ".join(f"{slot.name.upper()}:" for slot in shape.slots)
    raise UnreadableError(f"no JSON object and no line {asked} in the reply")


def _spoken(text: str) -> str:
    """Without the thoughts that some models write down before they answer."""
    return text.rpartition("</think>")[2] if text.lstrip().startswith("<think>") else text


def _whole(text: str) -> Any:
    """The JSON that the whole text is; None where it is none."""
    try:
        return _decode(text)
    except json.JSONDecodeError:
        return None


def _decode(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except RecursionError as error:
        raise UnreadableError("JSON that is nested too deeply") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that is said twice, and differently, is two answers."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise UnreadableError(f"{name!r} is answered twice, {found[name]!r} and {value!r}")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON number", name, 0)


DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant)


def _fenced(text: str) -> Iterator[dict[str, Any]]:
    if "```" in text:
        for block in FENCED.findall(text):
            value = _whole(block.strip())
            if isinstance(value, dict):
                yield value


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text; what is balanced and no JSON is passed over with all it holds."""
    position = text.find("{")
    while position >= 0:
        try:
            value, position = DECODER.raw_decode(text, position)
            yield value
        except json.JSONDecodeError:
            position = _closing(text, position)
        except RecursionError as error:
            raise UnreadableError("JSON that is nested too deeply") from error
        position = text.find("{", position) if position >= 0 else -1


def _closing(text: str, opening: int) -> int:
    """Where the braces that open there are closed again; -1 where they never are."""
    depth = 0
    for brace in BRACE.finditer(text, opening):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.end()
    return -1


BRACE = re.compile(r"[{}]")


def _only(candidates: Iterable[dict[str, Any]], shape: Shape) -> Reply | None:
    """The one thing that those candidates say which name a slot."""
    found: Reply | None = None
    for one in candidates:
        if not any(slot.name in one for slot in shape.slots):
            continue  # something else that the judge quotes
        reply = Reply(_answers(one, shape), _reason(one))
        if found is not None and found.answers != reply.answers:
            raise UnreadableError(f"two answers in one reply: {found.answers} and {reply.answers}")
        found = found or reply
    return found


def _answers(given: Mapping[str, Any], shape: Shape) -> Answers:
    answers = {}
    for slot in shape.slots:
        if slot.name not in given:
            raise UnreadableError(f"{slot.name!r} is missing")
        answers[slot.name] = _valid(slot, given[slot.name])
    return answers


def _valid(slot: Slot, value: Any) -> str:
    answer = _match(slot, value)
    if answer is None:
        offered = ", ".join(slot.options) if slot.options else "a whole number"
        raise UnreadableError(f"{slot.name!r} is {str(value)[:80]!r}, not one of: {offered}")
    return answer


def _match(slot: Slot, value: Any) -> str | None:
    """The option that a value is, as it was offered; or a count."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    said = str(value).strip()
    if slot.options:
        return said if said in slot.options else _spellings(slot).get(said.casefold())
    if said.isascii() and said.isdecimal() and len(said) <= DIGITS_LIMIT:
        return str(int(said))
    return None


@lru_cache(maxsize=1024)
def _spellings(slot: Slot) -> Mapping[str, str]:
    return {option.casefold(): option for option in slot.options}


def _reason(given: Mapping[str, Any]) -> str:
    said = given.get("reason", "")
    return said[:REASON_LIMIT] if isinstance(said, str) else ""


def _lines(text: str, shape: Shape) -> Answers | None:
    """What the last lines say; None where no slot has one."""
    found = {slot.name: said for slot in shape.slots if (said := _last(text, slot)) is not None}
    if not found:
        return None
    for slot in shape.slots:
        if slot.name not in found:
            raise UnreadableError(f"no line {slot.name.upper()}: in the reply")
    return {slot.name: _valid(slot, found[slot.name]) for slot in shape.slots}


def _last(text: str, slot: Slot) -> str | None:
    """The last match and no narrower one: an earlier line may be quoted from what was judged."""
    for pattern in _patterns(slot):
        matches = pattern.findall(text)
        if matches:
            return str(matches[-1])
    return None


@lru_cache(maxsize=1024)
def _patterns(slot: Slot) -> tuple[re.Pattern[str], ...]:
    line = re.compile(
        rf"^[ \t>*_#`-]*{re.escape(slot.name)}[ \t*_`]*:[ \t*_`]*(\S[^\n]*?)[ \t*_`.]*$",
        re.IGNORECASE | re.MULTILINE,
    )
    return (re.compile(slot.pattern, re.MULTILINE), line) if slot.pattern else (line,)
