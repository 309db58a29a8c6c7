"""What a person types to find calls: words, and `key:value` or `key>number` conditions; pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

__all__ = ["HELP", "Search", "asked_search", "parse_search"]

HELP = (
    "Words are looked for in input and output (as one text). Conditions: `status:error`, `error:RateLimitError`,"
    " `score:json_valid` (that it failed), `score.helpful<3` (at most 3),"
    " `latency>2000` and `latency<50` (milliseconds), `cost>0.01` (USD),"
    " `user:u-9`, `session:s-1`, `trace:…`, and for structured answers `output.due_date:2023-01-15`."
    ' Quote what has a space: `output.name:"Ann Smith"`.'
)
KEYS = {
    "status": "status",
    "error": "error_type",
    "score": "score",
    "user": "user_id",
    "session": "session_id",
    "trace": "trace_id",
}
BOUNDS = {
    ("latency", ">"): "min_ms",
    ("latency", "<"): "max_ms",
    ("cost", ">"): "min_cost_usd",
    ("cost", "<"): "max_cost_usd",
}
LARGEST = 1e300
SCORE = re.compile(r"score\.(.+?)([<>])(-?\d+(?:\.\d+)?)$")
NUMBER = re.compile(r"(latency|cost)([<>])(\d+(?:\.\d+)?)$")
PAIR = re.compile(r"(output(?:\.[\w-]+)+|[a-z]+):(.+)$", re.DOTALL)
WORD = re.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions that a call must meet; '' and -1 ask for nothing."""

    text: str = ""
    """Part of the input or the output, whatever its case; or a trace's id."""
    status: str = ""
    error_type: str = ""
    score: str = ""
    """Name of a score whose value lies between the next two; a failure unless the line says otherwise."""
    min_score: float = -LARGEST
    max_score: float = 0
    user_id: str = ""
    session_id: str = ""
    trace_id: str = ""
    field: str = ""
    """Field of a JSON answer; dots lead inwards."""
    value: str = ""
    """What stands there."""
    min_ms: float = -1
    max_ms: float = -1
    min_cost_usd: float = -1
    max_cost_usd: float = -1

    @property
    def asks(self) -> bool:
        """Whether there is any condition."""
        return self != Search()

    def parameters(self) -> dict[str, object]:
        """The parameters of the questions that search calls; `word` is the text's longest plain word.

        The messages are JSON: a word of letters and digits stands in them as it is, whatever is escaped around it.

        >>> Search(text='"due": 2023').parameters()["word"]
        '2023'
        """
        word = max(WORD.findall(self.text), key=len, default="")
        path = self.field.split(".") if self.field else []
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**named, "field": path, "word": word}


def parse_search(line: str) -> Search:
    """Read a search line; what is no condition is text.

    >>> parse_search("mortgage latency>2000 status:error")
    ... # doctest: +NORMALIZE_WHITESPACE
    Search(text='mortgage', status='error', error_type='', score='', min_score=-1e+300, max_score=0,
        user_id='', session_id='', trace_id='', field='', value='',
        min_ms=2000.0, max_ms=-1, min_cost_usd=-1, max_cost_usd=-1)
    >>> parse_search('output.customer.name:"Ann Smith" next payment').text
    'next payment'
    """
    found, words = Search(), []
    for part in _parts(line):
        condition = _condition(part)
        if condition:
            found = replace(found, **condition)
        else:
            words.append(part)
    return replace(found, text=" ".join(words))


def asked_search(query: Mapping[str, str]) -> Search:
    """The search that an address holds: the line, and what was chosen beside it."""
    typed = parse_search(str(query.get("q", "")).strip())
    typed = replace(
        typed,
        status=str(query.get("status", "")) or typed.status,
        error_type=str(query.get("error", "")) or typed.error_type,
    )
    if score := str(query.get("score", "")):
        return replace(typed, score=score, min_score=-LARGEST, max_score=0)
    return typed


def _parts(line: str) -> list[str]:
    if not PAIR.search(line):
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:  # an open quote: still being typed, or a text with an apostrophe
        return line.split()


def _condition(part: str) -> dict[str, Any]:
    if match := NUMBER.match(part):
        return {BOUNDS[match[1], match[2]]: float(match[3])}
    if match := SCORE.match(part):
        bound = {"min_score": float(match[3]), "max_score": LARGEST}
        if match[2] == "<":
            bound = {"min_score": -LARGEST, "max_score": float(match[3])}
        return {"score": match[1], **bound}
    if match := PAIR.match(part):
        key, value = match[1], match[2]
        if key.startswith("output."):
            return {"field": key.removeprefix("output."), "value": value}
        if key in KEYS:
            return {KEYS[key]: value}
    return {}
