"""What the definition file of a check may say: one model for every `kind` that asks no model."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from judges.definitions.definition import Check, Names

__all__ = [
    "GroundedDefinition",
    "JsonSchemaDefinition",
    "JsonValidDefinition",
    "LanguageDefinition",
    "LengthDefinition",
    "PydanticModelDefinition",
    "RefusalDefinition",
    "RegexDefinition",
    "SimilarityDefinition",
]


class JsonValidDefinition(Check):
    """`judges.checks.json_answers.JsonValid`."""

    kind: Literal["json_valid"] = "json_valid"


class JsonSchemaDefinition(Check):
    """`judges.checks.json_answers.JsonSchema`; the schema itself, or the path of its file."""

    kind: Literal["json_schema"] = "json_schema"
    schema_: str | dict[str, Any] | bool = Field(alias="schema", examples=["schema.json"])
    formats: bool = Field(default=False, examples=[True])


class PydanticModelDefinition(Check):
    """`judges.checks.json_answers.PydanticModel`."""

    kind: Literal["pydantic_model"] = "pydantic_model"
    class_: str = Field(alias="class", examples=["shop.models:Order"])
    strict: bool = Field(default=True, examples=[False])


class RegexDefinition(Check):
    """`judges.checks.wording.Regex`."""

    kind: Literal["regex"] = "regex"
    must_match: str = Field("", examples=[r"^\d{4}-\d\d-\d\d$"])
    must_not_match: str = Field("", examples=["(?i)as an ai"])


class RefusalDefinition(Check):
    """`judges.checks.refusals.Refusal`."""

    kind: Literal["refusal"] = "refusal"
    also: Names = Field((), examples=[["that is beyond me"]])

    @property
    def score(self) -> str:
        """`answered` is what True says."""
        return self.name or "answered"


class LanguageDefinition(Check):
    """`judges.checks.wording.Language`."""

    kind: Literal["language"] = "language"
    expected: Names = Field(examples=[["en", "de"]], min_length=1)
    sure: float = Field(0.5, gt=0, le=1, examples=[0.5])
    letters: int = Field(20, ge=1, examples=[20])


class LengthDefinition(Check):
    """`judges.checks.wording.Length`."""

    kind: Literal["length"] = "length"
    least: int = Field(0, ge=0, examples=[1])
    most: int | None = Field(None, ge=0, examples=[200])
    unit: Literal["characters", "words", "tokens"] = Field("words", examples=["words"])


class GroundedDefinition(Check):
    """`judges.checks.grounded.Grounded`."""

    reads: ClassVar[tuple[str, ...]] = ("input", "output")
    kind: Literal["grounded"] = "grounded"
    paths: Names = Field((), examples=[["due_date", "items.*.price"]])
    year: Literal["where_said", "derivable", "required"] = Field(
        "where_said", examples=["derivable"]
    )
    kinds: tuple[Literal["date", "number", "text", "quote"], ...] = Field(
        ("date", "number", "text", "quote"), examples=[["date"]]
    )
    steps: bool = Field(default=False, examples=[True])


class SimilarityDefinition(Check):
    """`judges.checks.similarity.Similarity`."""

    reads: ClassVar[tuple[str, ...]] = ("output", "expected")
    kind: Literal["similarity"] = "similarity"
