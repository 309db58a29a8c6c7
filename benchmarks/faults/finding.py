"""One figure beside what it must be."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the report."""

    name: str
    value: float
    at_most: float | None = None
    exact: bool = False

    @property
    def met(self) -> bool:
        """Whether it is as it must be; a figure without a bound is only told."""
        if self.at_most is None:
            return True
        return self.value == self.at_most if self.exact else self.value <= self.at_most

    def __str__(self) -> str:
        sign = "=" if self.exact else "<="
        bound = "" if self.at_most is None else f"{sign} {self.at_most:,g}"
        verdict = "" if self.at_most is None else ("met" if self.met else "MISSED")
        return f"  {self.name:<58}{self.value:>14,.6g}  {bound:<10} {verdict}"
