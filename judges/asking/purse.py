"""What one question has cost so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from judges.interaction import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from judges.asking.prices import Price

__all__ = ["Purse"]


@dataclass(slots=True)
class Purse:
    """What one question has cost so far, and how many requests may still be billed for it."""

    model: str
    price: Price | None
    billable: int
    usage: Usage = field(default_factory=Usage)

    def pay(self, body: Mapping[str, Any]) -> None:
        """Count an answer; one without a usage makes the whole unknown, not smaller."""
        self.billable -= 1
        told = body.get("usage") or {}
        read, said = told.get("prompt_tokens"), told.get("completion_tokens")
        if not isinstance(read, int) or not isinstance(said, int):
            read = said = cost_usd = None
        elif self.price is None:
            cost_usd = None
        else:
            cost_usd = self.price.cost(
                read,
                said,
                cached_tokens=_detail(told, "prompt_tokens_details", "cached_tokens"),
                reasoning_tokens=_detail(told, "completion_tokens_details", "reasoning_tokens"),
            )
        self.usage = self.usage.plus(Usage(self.model, read, said, cost_usd, requests=1))

    def lose(self) -> None:
        """Count a request that got no answer: nobody knows whether it was billed."""
        self.billable -= 1
        self.usage = self.usage.plus(Usage(self.model, None, None, None, requests=1))


def _detail(told: Mapping[str, Any], group: str, name: str) -> int:
    value = (told.get(group) or {}).get(name)
    return value if isinstance(value, int) else 0
