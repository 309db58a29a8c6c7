"""What a recogniser is, and what the verifiers of all of them look at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Candidate", "Recogniser", "Verify", "whole"]

CONTEXT_BYTES = 40
"""How far before a value a word such as `SSN` may stand that says what the value is."""
NOT_ALNUM = re.compile(rb"[^0-9A-Za-z]+")
WORD = re.compile(rb"[0-9A-Za-z_]")
AFTER_ESCAPE = re.compile(rb"\\(?:[nrtbf]|u[0-9A-Fa-f]{4})\Z")
NUMBER_BEFORE = re.compile(rb"[0-9][.-]\Z")
NUMBER_BEHIND = re.compile(rb"[.-][0-9]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a pattern matched, and what stands around it."""

    data: bytes
    """The whole text, UTF-8."""
    start: int
    """Where the value begins; for a pattern with a group, the group."""
    end: int
    """Where it ends."""
    key: str
    """The name of the attribute that the text is the value of."""

    @property
    def text(self) -> bytes:
        """The matched bytes."""
        return self.data[self.start : self.end]

    @property
    def alnum(self) -> str:
        """Its ASCII letters and digits."""
        return NOT_ALNUM.sub(b"", self.text).decode("ascii")

    @property
    def begins(self) -> bool:
        r"""No ASCII word character stands before it; the letter of a JSON escape (`\n`) is none."""
        before = self.data[max(0, self.start - 1) : self.start]
        return not WORD.match(before) or bool(
            AFTER_ESCAPE.search(self.data[max(0, self.start - 6) : self.start])
        )

    @property
    def apart(self) -> bool:
        """It is no part of a word, nor of a longer number with points or dashes."""
        if not self.begins or WORD.match(self.data, self.end):
            return False
        before = self.data[max(0, self.start - 2) : self.start]
        return not NUMBER_BEFORE.match(before) and not NUMBER_BEHIND.match(self.data, self.end)

    def after(self, words: re.Pattern[bytes]) -> bool:
        """One of these words stands shortly before it, or in the attribute's name."""
        before = self.data[max(0, self.start - CONTEXT_BYTES) : self.start]
        return bool(words.search(before) or words.search(self.key.encode()))


Verify = Callable[[Candidate], tuple[int, int] | None]
"""Which part of a candidate is the value, or None when it is none."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One kind of value."""

    name: str
    """What it is counted as, and its placeholder: `email` gives `[email]`."""
    group: str
    """What it is chosen by, beside its own name."""
    pattern: str
    """RE2; a group, when there is one, is the part that is masked."""
    trigger: str
    """RE2 without assertions that matches wherever `pattern` does: cheap, run over everything."""
    verify: Verify
    """Decides."""
    anchored: bool = False
    """The trigger has assertions after all, so that it can only be run over single values."""


def whole(candidate: Candidate) -> tuple[int, int] | None:
    """All that the pattern matched is the value."""
    return candidate.start, candidate.end
