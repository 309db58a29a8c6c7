"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Finding", "State", "fine", "problem", "warning"]

State = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    what: str
    """In a word or two."""
    state: State
    """Only a problem makes `outerloop doctor` exit with 1."""
    told: str
    """What was found."""
    mend: str = ""
    """What to do, where it is not right."""

    def document(self) -> dict[str, Any]:
        """The finding in the JSON document."""
        told = f"{self.told}; {self.mend}" if self.mend else self.told
        return {
            "what": self.what,
            "state": self.state,
            "ok": self.state == "ok",
            "told": told,
            "mend": self.mend,
        }


def fine(what: str, told: str) -> Finding:
    """It is right."""
    return Finding(what, "ok", told)


def warning(what: str, told: str, mend: str) -> Finding:
    """It works and will not for long, or not well."""
    return Finding(what, "warning", told, mend)


def problem(what: str, told: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(what, "problem", told, mend)
