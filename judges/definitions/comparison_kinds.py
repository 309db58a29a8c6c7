"""How a definition file says when two values of a field count as the same."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Comparing",
    "DateComparison",
    "EmbeddingComparison",
    "ListF1Comparison",
    "NumberComparison",
    "PlainComparison",
    "SetF1Comparison",
    "TextF1Comparison",
]


class Comparing(BaseModel):
    """How one value is compared; the table's `by`, or its bare text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlainComparison(Comparing):
    """`Exact`, `Text`, `TextEM` or `Contains` of `judges.checks.comparators`."""

    by: Literal["exact", "text", "text_em", "contains"]


class NumberComparison(Comparing):
    """`judges.checks.comparators.Number`."""

    by: Literal["number"]
    tolerance: float = Field(0.0, ge=0, examples=[0.01])
    relative: float = Field(0.0, ge=0, examples=[0.05])
    text: bool = Field(default=False, examples=[True])


class DateComparison(Comparing):
    """`judges.checks.comparators.Date`."""

    by: Literal["date"]
    spelt: bool = Field(default=False, examples=[True])


class TextF1Comparison(Comparing):
    """`judges.checks.comparators.TextF1`."""

    by: Literal["text_f1"]
    threshold: float = Field(0.8, gt=0, le=1, examples=[0.8])


class SetF1Comparison(Comparing):
    """`judges.checks.comparators.SetF1`."""

    by: Literal["set_f1"]
    threshold: float = Field(1.0, gt=0, le=1, examples=[0.9])


class ListF1Comparison(Comparing):
    """`judges.checks.comparators.ListF1`."""

    by: Literal["list_f1"]
    threshold: float = Field(1.0, gt=0, le=1, examples=[0.9])
    ordered: bool = Field(default=False, examples=[True])


class EmbeddingComparison(Comparing):
    """`judges.checks.comparators.Embedding`."""

    by: Literal["embedding"]
    threshold: float = Field(0.8, gt=0, le=1, examples=[0.8])
