"""What an endpoint can do, learnt from what it refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from judges.asking.shapes import RUNGS, Rung, Shape

if TYPE_CHECKING:
    import openai

    from judges.asking.hearing import Said

__all__ = ["REPLY_TOKENS", "Abilities"]

REPLY_TOKENS = 2000
"""Room for a reasoning model's thoughts; a verdict itself takes fifty."""
TOP_LOGPROBS = (20, 5)
"""So many alternatives are asked for, the fewer where an endpoint refuses the more."""
ABOUT_SHAPE = re.compile(
    r"response[_ ]format|json[_ ]schema|json[_ ]object|json mode|structured|tool|function|strict"
    r"|grammar|guided|additionalproperties"
)


@dataclass(slots=True)
class Abilities:
    """What is sent along with the messages; one for all that share an endpoint.

    Args:
        forced: ask on this rung and no other.
    """

    forced: Rung | None = None
    rung: Rung = field(init=False)
    refused: list[str] = field(default_factory=list)
    """What the endpoint would not take, in the order in which it was learnt; each is sent no more."""
    settled: bool = False
    """It has answered to what is sent now."""
    calls: bool = False
    """It has called the function that the tool rung makes it call."""

    def __post_init__(self) -> None:
        self.rung = self.forced or RUNGS[0]

    def parameters(
        self,
        shape: Shape,
        *,
        tokens: int = REPLY_TOKENS,
        logprobs: bool = False,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> dict[str, Any]:
        """What to ask with, as far as the endpoint takes it."""
        wanted: dict[str, Any] = {"temperature": temperature}
        if temperature > 0:
            wanted["seed"] = seed
        wanted = {name: value for name, value in wanted.items() if name not in self.refused}
        if (limit := self.token_parameter) is not None:
            wanted[limit] = tokens
        if logprobs and (alternatives := self._alternatives()):
            wanted |= {"logprobs": True, "top_logprobs": alternatives}
        return {**wanted, **shape.parameters(self.rung)}

    @property
    def token_parameter(self) -> str | None:
        """What limits the length of a reply; None where nothing does, and no bound can be given."""
        names = ("max_completion_tokens", "max_tokens")
        return next((name for name in names if name not in self.refused), None)

    def learn(self, refusal: openai.APIStatusError) -> bool:
        """Ask otherwise from now on; False when the refusal is about something else."""
        named = self._named(refusal)
        if not named:
            return False
        self.refused.append(named)
        self.settled = False
        if named in RUNGS:
            self.rung = RUNGS[RUNGS.index(self.rung) + 1]
        return True

    def miss_call(self, said: Said) -> None:
        """Go a rung down where an endpoint takes the tool and never calls it.

        An unreadable reply of one that does call is bad luck.
        """
        if self.rung == "tool" and not (said.called or self.calls or self.forced):
            self.refused.append("tool")
            self.rung = RUNGS[RUNGS.index("tool") + 1]

    def _named(self, refusal: openai.APIStatusError) -> str:
        """What was sent that the refusal is about."""
        said = (refusal.param or str(refusal)).lower()
        if said.startswith("messages"):
            return ""
        if "logprobs" in said and (alternatives := self._alternatives()):
            last = alternatives == TOP_LOGPROBS[-1] or "top_logprobs" not in said
            return "logprobs" if last else f"top_logprobs={alternatives}"
        sent = [self.token_parameter or "", "temperature", "seed"]
        for name in sent:
            if name and name not in self.refused and re.search(rf"\b{name}\b", said):
                return name
        if self.forced or self.rung == RUNGS[-1] or not ABOUT_SHAPE.search(said):
            return ""
        return self.rung

    def _alternatives(self) -> int:
        if "logprobs" in self.refused:
            return 0
        return next(n for n in TOP_LOGPROBS if f"top_logprobs={n}" not in self.refused)
