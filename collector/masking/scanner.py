"""One text at a time: what is found in it, and the text without it.

Everything works on UTF-8 bytes. All triggers are run at once, as one automaton (`re2.Set`); the
pattern of a recogniser is run only where its trigger has matched, and its verifier decides.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from collector.masking.json_text import as_json, past_escape
from collector.masking.placeholder import Placeholders
from collector.masking.recogniser import Candidate, Recogniser

__all__ = ["UNSCANNABLE", "Found", "Scanner", "compile_pattern"]

MEMORY_BYTES = 32 << 20
"""For the automaton's states; RE2 starts afresh when it is used up."""
MOST_CANDIDATES = 20_000
"""In one text; what has more is no text that a person wrote, and is masked whole."""
MOST_PASSES = 4
UNSCANNABLE = "unscannable"
LARGE_INTEGER = re.compile(rb"\x18[\x80-\xff]{5,8}[\x01-\x7f]")
"""An `int_value` of more than 12 digits on the wire: a card may have been sent as a number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value to be masked."""

    start: int
    """Where it begins."""
    end: int
    """Where it ends."""
    rank: int
    """Place of its recogniser in the order of precedence."""


def compile_pattern(pattern: str) -> Any:
    """A compiled RE2 pattern.

    Raises:
        re2.error: it is none.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    return re2.compile(pattern.encode(), options)


class Scanner:
    """Finds and replaces.

    Args:
        recognisers: in order of precedence.
        placeholders: what to put in a value's place.
    """

    def __init__(self, recognisers: tuple[Recogniser, ...], placeholders: Placeholders) -> None:
        self._recognisers, self._placeholders = recognisers, placeholders
        self._patterns = [compile_pattern(r.pattern) for r in recognisers]
        self._single = _automaton([r.trigger for r in recognisers])
        self._across = _automaton([r.trigger for r in recognisers if not r.anchored])
        self._always = any(r.anchored for r in recognisers)
        self._cards = any(r.name == "card" for r in recognisers)
        names = b"|".join(re.escape(r.name.encode()) for r in recognisers) or b"(?!)"
        self._placeholder = re.compile(rb"\[(?:" + names + rb"|dropped)(?::[b-v]{8})?\]")

    def suspects(self, message: bytes) -> bool:
        """Something in a serialised message may be a value; no means that nothing is."""
        if self._always or (self._cards and LARGE_INTEGER.search(message)):
            return True
        return bool(self._across is not None and self._across.Match(message))

    def matches(self, text: str) -> bool:
        """Something in a text may be a value."""
        return bool(self._single is not None and self._single.Match(text.encode()))

    def mask(
        self, text: str, key: str, counts: Counter[str], *, tenant: str = "", keyed: bool = False
    ) -> str:
        """The text without what was found in it; the same object when nothing was."""
        if self._single is None:
            return text
        data = text.encode()
        for _ in range(MOST_PASSES):  # a value may show only when another beside it is gone
            found = self._find(data, key)
            if found is None:
                counts[UNSCANNABLE] += 1
                return f"[{UNSCANNABLE}]"
            if not found:
                break
            data = self._replace(data, found, counts, tenant=tenant, keyed=keyed)
            text = ""
        return text or data.decode()

    def _find(self, data: bytes, key: str) -> list[Found] | None:
        """What is to be masked, in order and apart from each other; None when there is no end to it."""
        ranks = self._single.Match(data)
        if not ranks:
            return []
        found: list[Found] = []
        left = MOST_CANDIDATES
        for rank in sorted(ranks):
            position = 0
            while match := self._patterns[rank].search(data, position):
                left -= 1
                if left == 0:
                    return None
                start, end = match.span(match.re.groups and 1)
                if start == end:
                    position = max(match.end(), position + 1)
                    continue
                start = past_escape(data, start, end)
                verdict = self._recognisers[rank].verify(Candidate(data, start, end, key))
                if verdict is None:
                    position = _next_run(data, start, match.end())
                    continue
                found.append(Found(verdict[0], verdict[1], rank))
                position = max(verdict[1], position + 1)
        return self._merged(data, found) if found else []

    def _merged(self, data: bytes, found: list[Found]) -> list[Found]:
        """Overlapping values as one, by the name of the first in precedence; placeholders stay."""
        own = [m.span() for m in self._placeholder.finditer(data)]
        merged: list[Found] = []
        for value in sorted(found, key=lambda f: (f.start, -f.end)):
            if any(value.start < end and start < value.end for start, end in own):
                continue
            if merged and value.start < merged[-1].end:
                last = merged.pop()
                end, rank = max(last.end, value.end), min(last.rank, value.rank)
                merged.append(Found(last.start, end, rank))
            else:
                merged.append(value)
        return merged

    def _replace(
        self, data: bytes, found: list[Found], counts: Counter[str], *, tenant: str, keyed: bool
    ) -> bytes:
        parts, position, quote = [], 0, b""
        for value in found:
            name = self._recognisers[value.rank].name
            counts[name] += 1
            old = data[value.start : value.end]
            new = self._placeholders(name, old, tenant=tenant, keyed=keyed)
            start, quote = as_json(data, value.start, value.end, after=position, quote=quote)
            parts += [data[position:start], quote, new, quote]
            position = value.end
        return b"".join((*parts, data[position:]))


def _automaton(triggers: list[str]) -> Any:
    if not triggers:
        return None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    automaton = re2.Set.SearchSet(options)
    for trigger in triggers:
        automaton.Add(trigger.encode())
    automaton.Compile()
    return automaton


def _next_run(data: bytes, start: int, end: int) -> int:
    """Where to look again after a candidate that was none: past its first group of characters."""
    position = start
    while position < end and data[position : position + 1].isalnum():
        position += 1
    return max(position, start + 1)
