"""What has been said for and against one cause, in points of log-odds and in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Verdict"]


@dataclass(slots=True)
class Verdict:
    """A cause while it is being weighed; it starts below "none of these", for most suspects are innocent."""

    points: float = -1.0
    speaks_for: list[str] = field(default_factory=list)
    speaks_against: list[str] = field(default_factory=list)

    def for_it(self, points: float, sentence: str) -> None:
        """Something fits."""
        self.points += points
        self.speaks_for.append(sentence)

    def against(self, points: float, sentence: str) -> None:
        """Something does not fit."""
        self.points -= points
        self.speaks_against.append(sentence)
