"""How sure a model was of its answer, from the log-probabilities of the token that gives it."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from judges.asking.shapes import Slot

__all__ = ["probabilities"]

LEAST_MASS = 0.5
"""Options that together were this improbable say nothing about each other."""


def probabilities(
    tokens: Sequence[Mapping[str, Any]], slot: Slot, answer: str
) -> Mapping[str, float]:
    """The options' probabilities, renormalised; {} where they are not told or hardly add up.

    The token that counts is the one at the place of the answer; where that is not found, the last
    one whose text is the answer: an earlier one may belong to the reasoning.

    >>> from judges.asking.shapes import Slot
    >>> told = [{"token": "4", "top_logprobs": [{"token": "4", "logprob": -0.5}, {"token": "5", "logprob": -1.5}]}]
    >>> {k: round(p, 3) for k, p in probabilities(told, Slot("score", ("4", "5")), "4").items()}
    {'4': 0.731, '5': 0.269}
    """
    place = _place(tokens, slot, answer)
    if place is None:
        return {}
    one = tokens[place]
    offered = {option.casefold(): option for option in slot.options}
    mass = dict.fromkeys(slot.options, 0.0)
    for token, logprob in _alternatives(one).items():
        option = offered.get(_bare(token))
        if option is not None:
            mass[option] += math.exp(min(0.0, logprob))
    total = math.fsum(mass.values())
    if total < LEAST_MASS or mass[answer] <= 0:
        return {}
    return {option: share / total for option, share in mass.items()}


def _alternatives(token: Mapping[str, Any]) -> dict[str, float]:
    told = [*(token.get("top_logprobs") or ()), token]
    return {
        str(one.get("token", "")): float(one["logprob"])
        for one in told
        if isinstance(one.get("logprob"), int | float) and not math.isnan(one["logprob"])
    }


def _place(tokens: Sequence[Mapping[str, Any]], slot: Slot, answer: str) -> int | None:
    pieces = [str(one.get("token", "")) for one in tokens]
    wanted = answer.casefold()
    found = list(_said(slot.name, answer).finditer("".join(pieces)))
    if found:
        start, end = found[-1].start(1), 0
        for number, piece in enumerate(pieces):
            end += len(piece)
            if end > start:
                return number if _bare(piece) == wanted else None
    backwards = range(len(pieces) - 1, -1, -1)
    return next((number for number in backwards if _bare(pieces[number]) == wanted), None)


@lru_cache(maxsize=1024)
def _said(name: str, answer: str) -> re.Pattern[str]:
    """The answer in JSON, or in its line."""
    name, answer = re.escape(name), re.escape(answer)
    in_json = rf'(?<!\\)"{name}"\s*:\s*"?\s*'
    in_line = rf"^[ \t>*_#`-]*{name}[ \t*_`]*:[ \t*_`]*"
    return re.compile(rf"(?:{in_json}|{in_line})({answer})\b", re.IGNORECASE | re.MULTILINE)


def _bare(token: str) -> str:
    return token.strip().strip('"*_`').strip().casefold()
