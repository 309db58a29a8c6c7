"""Checklist questions as a model proposes them: their JSON, and which of them can be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from judges.asking.shapes import Rung, Shape, Slot
from judges.kinds.checklists import Refused
from judges.kinds.rubric import MOST_ITEMS, Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["MOST", "Proposal", "ProposalShape", "sift"]

MOST = 15
"""Questions of a compiled checklist."""
SAME = 0.8
"""Questions that share this much of their words ask the same."""
WORD = re.compile(r"[^\W_]+")
EMPTY = frozenset(
    WORD.findall(
        "a an the is are was were be been does do did has have had of in on to it its any"
        " that which this these there"
    )
)
UNSEEN = re.compile(
    r"\b(users?|customers?|readers?|callers?) (feel|felt|satisfied|happy|like[ds]?|later|will)\b"
    r"|\bsatisf(y|ied|ies) the (user|customer)|\b(earlier|previous|other|past) (conversations?|calls?|sessions?)"
    r"|\bresponse time\b|\blatency\b|\bhow (fast|quick|quickly|long did)\b|\bin reality\b",
    re.IGNORECASE,
)
"""What nobody can see in an input and its answer."""


class Proposed(BaseModel):
    """One question as the model writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=8, max_length=300)]
    kind: Literal["yes_no", "count"]
    expect: Literal["yes", "no"]
    least: Annotated[int, Field(ge=0, description="of a count: the least a good answer has")]
    most: Annotated[int, Field(ge=-1, description="of a count: the most; -1 is no limit")]
    weight: Literal[1, 2, 3]
    needs: Literal["input", "output", "both", "outside"]

    def item(self) -> Item:
        """The same as a checklist has it."""
        question = " ".join(self.question.split())
        if self.kind == "yes_no":
            return Item(question, float(self.weight), self.expect)
        most = None if self.most < 0 else self.most
        return Item(question, float(self.weight), "yes", self.least, most)


class Proposal(BaseModel):
    """The reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    questions: Annotated[list[Proposed], Field(min_length=1, max_length=MOST_ITEMS)]


@dataclass(frozen=True, slots=True)
class ProposalShape(Shape):
    """Asks for a proposal on every rung, in plain text too as JSON."""

    slots: tuple[Slot, ...] = (Slot("questions"),)
    reason: bool = False

    def json_schema(self) -> dict[str, Any]:
        """The reply as a strict JSON Schema, without the keywords that strict endpoints refuse."""
        plain = {"type": "string"}
        whole = {"type": "integer"}
        properties: dict[str, Any] = {
            "question": plain,
            "kind": {**plain, "enum": ["yes_no", "count"]},
            "expect": {**plain, "enum": ["yes", "no"]},
            "least": whole,
            "most": whole,
            "weight": {**whole, "enum": [1, 2, 3]},
            "needs": {**plain, "enum": ["input", "output", "both", "outside"]},
        }
        one = _strict(properties)
        return _strict({"questions": {"type": "array", "items": one}})

    def instruction(self, rung: Rung) -> str:
        """How to answer."""
        how = (
            "Call the function with"
            if rung == "tool"
            else "Reply with one JSON object and nothing else:"
        )
        return (
            f'{how} {{"questions": [{{"question": "…?", "kind": "yes_no" | "count", '
            '"expect": "yes" | "no", "least": 0, "most": -1, "weight": 1 | 2 | 3, '
            '"needs": "input" | "output" | "both" | "outside"}, …]}.'
        )


def _strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def sift(proposed: Iterable[Proposed]) -> tuple[tuple[Item, ...], tuple[Refused, ...]]:
    """The questions that can be used, and the others with the reason."""
    taken: list[Item] = []
    refused: list[Refused] = []
    for one in proposed:
        why = _objection(one, taken)
        if why:
            refused.append(Refused(" ".join(one.question.split()), why))
        else:
            taken.append(one.item())
    return tuple(taken), tuple(refused)


def _objection(one: Proposed, taken: Sequence[Item]) -> str:
    if one.needs == "outside" or UNSEEN.search(one.question):
        return "cannot be answered from the input and the answer"
    if one.question.count("?") != 1 or not one.question.strip().endswith("?"):
        return "is not one question"
    if one.kind == "count" and -1 < one.most < one.least:
        return "its good range is empty"
    if len(taken) >= MOST:
        return f"more than {MOST} questions"
    words = _words(one.question)
    for other in taken:
        known = _words(other.question)
        if len(words & known) >= SAME * len(words | known):
            return f"repeats: {other.question}"
    return ""


def _words(question: str) -> frozenset[str]:
    """What a question is about: its words, less those that every question has."""
    return frozenset(WORD.findall(question.lower())) - EMPTY
