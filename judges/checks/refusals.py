"""Did the model answer at all, or did it refuse? Told by its endpoint, or by the answer's wording.

The endpoint's own word comes first: a `refusal` in the message, a content filter as the reason for
its end. Else the answer's first sentences are searched for phrases in nine languages, typed by what
they excuse themselves with. A phrase counts only where the model speaks of itself ("I can't help
with that") and of more than a gap in what it was given ("I can't find a due date").
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from judges.checks.texts import leaves, parse, show
from judges.interaction import Interaction, Judgement
from judges.versions import version_of

__all__ = ["PHRASES", "Refusal"]

HEAD = 400
"""Characters of the answer that are searched: who refuses says so at once."""
FILTERS = frozenset(
    {"content_filter", "content-filter", "refusal", "safety", "prohibited_content", "blocklist"}
)
QUOTES = str.maketrans("\u2019\u2018\u00b4\u00a0", "''' ")


def _phrases() -> Mapping[str, tuple[str, ...]]:
    told = tomllib.loads((files("judges.checks") / "refusals.toml").read_text("utf-8"))
    return {
        kind: tuple(Template(one).substitute(told["parts"]) for one in phrases)
        for kind, phrases in told["phrases"].items()
    }


PHRASES = _phrases()
"""By kind, from `refusals.toml`: what a model excuses itself with, as regular expressions."""
COMPILED = {
    kind: re.compile("|".join(f"(?:{one})" for one in phrases), re.IGNORECASE)
    for kind, phrases in PHRASES.items()
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Did the model answer? False when it refused; the label says which of the two, the reason how.

    It tells of the model's own refusals, not of an answer that misses the point. The hand-made table
    of `tests/unit/test_judges_checks_refusal.py` is what its precision and recall were set on; on
    other languages and on irony it has none.

    Args:
        also: phrases of your own, as regular expressions, e.g. of a service's standing refusal.
    """

    name: str = "answered"
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for phrase in self.also:
            try:
                re.compile(phrase)
            except re.error as error:
                raise ValueError(f"{phrase} is no regular expression: {error}") from error

    @property
    def version(self) -> str:
        """Hash of this judge's definition and of the phrases it knows."""
        return version_of(self, *(one for phrases in PHRASES.values() for one in phrases))

    async def __call__(self, interaction: Interaction) -> Judgement:
        """True when it answered."""
        found = _told(interaction.output_messages) or self._said(interaction.output)
        kind, reason = found or ("", "")
        details: dict[str, bool | float | str] = {"kind": kind} if found else {}
        label = "refused" if found else "answered"
        return Judgement(self.name, not found, label, reason, self.version, details=details)

    def _said(self, answer: str) -> tuple[str, str] | None:
        head = _plain(answer)[:HEAD].translate(QUOTES)
        for kind, pattern in COMPILED.items():
            if found := pattern.search(head):
                return kind, f"it says {show(found.group())}"
        for phrase in self.also:
            if found := re.search(phrase, head, re.IGNORECASE):
                return "own", f"it says {show(found.group())}"
        return None


def _told(messages: str) -> tuple[str, str] | None:
    """What the endpoint itself said, in the GenAI convention's messages or in OpenAI's."""
    try:
        document = json.loads(messages) if messages else []
    except ValueError:  # not every exporter writes JSON here
        return None
    for part in _objects(document):
        reason = str(part.get("finish_reason") or part.get("stop_reason") or "").lower()
        if reason in FILTERS:
            return "filter", f"the reply ended with {reason}"
        refusal = part.get("refusal")
        if part.get("type") == "refusal":
            refusal = refusal or part.get("content") or "a refusal"
        if isinstance(refusal, str) and refusal:
            return "endpoint", f"the endpoint marked a refusal: {show(refusal)}"
    return None


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _plain(answer: str) -> str:
    """Of a JSON answer its texts; a model refuses within the form that it was asked for as well."""
    if answer.lstrip()[:1] in {"{", "["}:
        with suppress(ValueError):  # prose may start with a bracket
            return "\n".join(
                value for _, value in leaves(parse(answer)) if isinstance(value, str)
            ).lstrip()
    return answer.lstrip()
