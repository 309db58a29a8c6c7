"""What the definition file of a judge that asks one model may say: a model for every such `kind`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from judges.definitions.definition import Asking

__all__ = [
    "FactDefinition",
    "GradeDefinition",
    "ItemDefinition",
    "PairwiseDefinition",
    "QuestionDefinition",
    "RubricDefinition",
]


class QuestionDefinition(Asking):
    """`judges.kinds.question.Question`."""

    kind: Literal["question"] = "question"
    question: str = Field(min_length=1, examples=["Is the due date the one that the caller said?"])


class ItemDefinition(BaseModel):
    """`judges.kinds.rubric.Item`; a bare text is its question."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str
    weight: float = 1.0
    expect: Literal["yes", "no"] = "yes"
    least: int | None = None
    most: int | None = None


def _item(value: Any) -> Any:
    return {"question": value} if isinstance(value, str) else value


class RefusedItem(BaseModel):
    """A question that was proposed when the checklist was compiled, and not taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    question: str
    why: str = ""


class RubricDefinition(Asking):
    """`judges.kinds.rubric.Rubric`, written by hand or by `judges.kinds.checklists`."""

    kind: Literal["rubric"] = "rubric"
    items: tuple[Annotated[ItemDefinition, BeforeValidator(_item)], ...] = Field(
        min_length=1, examples=[["Is the due date named?", "Is the answer polite?"]]
    )
    reviewed: bool = Field(default=True, examples=[True])
    prompt_hash: str = ""
    """Of the prompt that it was compiled from."""
    refused: tuple[RefusedItem, ...] = ()

    @model_validator(mode="after")
    def _read_by_a_person(self) -> RubricDefinition:
        if self.services and not self.reviewed:
            raise ValueError(
                "nobody has reviewed this compiled checklist: read it, correct it,"
                " and set reviewed = true before it judges production"
            )
        return self


class FactDefinition(Asking):
    """`judges.kinds.fact.Fact`."""

    reads: ClassVar[tuple[str, ...]] = ("output", "expected")
    kind: Literal["fact"] = "fact"
    scores: Literal["autoevals", "promptfoo"] | dict[str, float] = Field(
        "autoevals", examples=[{"A": 0.5, "B": 0.5, "C": 1, "D": 0, "E": 1}]
    )
    criterion: str = Field("", examples=["the due date and the amount; not the wording"])


class GradeDefinition(Asking):
    """`judges.kinds.grade.Grade`."""

    kind: Literal["grade"] = "grade"
    criterion: str = Field(min_length=1, examples=["tone: fits a bank that writes to a customer"])
    levels: dict[int, str] = Field(min_length=2, examples=[{"1": "rude", "2": "curt", "3": "kind"}])
    mode: Literal["expected", "sampled_mean", "point"] = Field("expected", examples=["expected"])
    samples: int = Field(1, ge=1, le=20, examples=[3])
    """Answers of which `sampled_mean` takes the mean."""

    @model_validator(mode="after")
    def _sampled(self) -> GradeDefinition:
        if (self.samples > 1) != (self.mode == "sampled_mean"):
            raise ValueError('mode = "sampled_mean" and samples = 2 or more go together')
        return self


class PairwiseDefinition(Asking):
    """`judges.kinds.pairwise.Pairwise`."""

    reads: ClassVar[tuple[str, ...]] = ("input", "output", "other")
    kind: Literal["pairwise"] = "pairwise"
    criterion: str = Field(min_length=1, examples=["which answers what was asked more fully"])
    orders: Literal["one", "audit", "both"] = Field("one", examples=["both"])
    own: Literal["refuse", "mark"] = Field("refuse", examples=["mark"])
    audit_share: float = Field(0.1, gt=0, le=1, examples=[0.1])
    salt: str = Field("outerloop", examples=["spring"])
    """Of the draw of the order."""
    logprobs: bool = Field(default=False, examples=[True])
    families: dict[str, str] = Field(default_factory=dict, examples=[{"meta": "^extractor-"}])
    """By family, a pattern of its models' names; asked before the built-in ones."""
