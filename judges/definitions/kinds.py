"""What a judge's definition file may say: one model for every `kind`, nested where judges hold judges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import BeforeValidator, Field, model_validator

from judges.definitions.asking_kinds import (
    FactDefinition,
    GradeDefinition,
    ItemDefinition,
    PairwiseDefinition,
    QuestionDefinition,
    RubricDefinition,
)
from judges.definitions.check_kinds import (
    GroundedDefinition,
    JsonSchemaDefinition,
    JsonValidDefinition,
    LanguageDefinition,
    LengthDefinition,
    PydanticModelDefinition,
    RefusalDefinition,
    RegexDefinition,
    SimilarityDefinition,
)
from judges.definitions.comparison_kinds import (
    Comparing,
    DateComparison,
    EmbeddingComparison,
    ListF1Comparison,
    NumberComparison,
    PlainComparison,
    SetF1Comparison,
    TextF1Comparison,
)
from judges.definitions.definition import Check, Definition, Names

__all__ = ["KINDS", "AnyDefinition", "AskedComparison", "Comparison", "ItemDefinition"]


class AskedComparison(Comparing):
    """`judges.checks.comparators.AskedBy`."""

    by: Literal["judge"]
    judge: AnyDefinition
    threshold: float = Field(0.5, gt=0, le=1, examples=[0.5])


def _by(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


Comparison: TypeAlias = Annotated[
    PlainComparison
    | NumberComparison
    | DateComparison
    | TextF1Comparison
    | SetF1Comparison
    | ListF1Comparison
    | EmbeddingComparison
    | AskedComparison,
    Field(discriminator="by"),
    BeforeValidator(_by),
]


class FieldsDefinition(Check):
    """`judges.checks.fields.Fields`."""

    reads: ClassVar[tuple[str, ...]] = ("output", "expected")
    kind: Literal["fields"] = "fields"
    fields_: dict[str, Comparison] = Field(
        alias="fields", min_length=1, examples=[{"due_date": "date"}]
    )
    value: Literal["share", "mean"] = Field("share", examples=["mean"])
    strict: bool = Field(default=False, examples=[True])

    @property
    def parts(self) -> tuple[Definition, ...]:
        return _asked(self.fields_.values())


class MatchDefinition(Check):
    """`judges.checks.fields.Match`."""

    reads: ClassVar[tuple[str, ...]] = ("output", "expected")
    kind: Literal["match"] = "match"
    by: Comparison = Field(default=PlainComparison(by="text_em"), examples=["text_em"])
    scored: bool = Field(default=False, examples=[True])

    @property
    def parts(self) -> tuple[Definition, ...]:
        return _asked([self.by])


class StepsDefinition(Definition):
    """`judges.kinds.steps.Steps`."""

    kind: Literal["steps"] = "steps"
    judge: AnyDefinition = Field(examples=[{"kind": "json_valid"}])
    aggregate: Literal["first_failure", "min", "mean"] = Field("first_failure", examples=["min"])
    passes: float = Field(1.0, examples=[0.5])
    kinds: Names = Field((), examples=[["tool"]])

    @property
    def needs(self) -> tuple[str, ...]:
        return ("steps",)

    @property
    def parts(self) -> tuple[Definition, ...]:
        return (self.judge,)


class JuryDefinition(Definition):
    """`judges.panels.jury.Jury`."""

    kind: Literal["jury"] = "jury"
    judges: tuple[AnyDefinition, ...] = Field(
        min_length=2, examples=[[{"kind": "question", "model": "…"}]]
    )
    weights: tuple[float, ...] = Field((), examples=[[1.0, 2.0]])
    rule: Literal["vote", "mean"] = Field("vote", examples=["mean"])
    quorum: int = Field(0, ge=0, examples=[2])
    on_tie: Literal["fail", "first", "tie"] = Field("fail", examples=["first"])
    admissions: tuple[bool, ...] = Field((), examples=[[True, False]])
    """Of each judge, whether it passed the admission test; in production people's labels say so instead."""
    worth: float | None = Field(None, gt=0, examples=[1.9])
    """Votes that the jury was measured to be worth; shown with every verdict."""
    families: dict[str, str] = Field(default_factory=dict, examples=[{"meta": "^extractor-"}])
    """By family, a pattern of its models' names; asked before the built-in ones."""

    @model_validator(mode="after")
    def _one_each(self) -> JuryDefinition:
        if len(self.admissions) not in {0, len(self.judges)}:
            raise ValueError(f"admissions are one for each judge, {len(self.judges)}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _panel(cls, said: Any) -> Any:
        """`models = […]` and one `[judge]` are short for one judge of each model."""
        if not isinstance(said, dict) or "models" not in said:
            return said
        rest = {key: value for key, value in said.items() if key not in {"models", "judge"}}
        one, models = said.get("judge"), said["models"]
        if not isinstance(one, dict) or not isinstance(models, list) or "judges" in said:
            raise ValueError("models = [...] goes with one [judge] that each of them is")
        return rest | {"judges": [one | {"model": model} for model in models]}

    @property
    def needs(self) -> tuple[str, ...]:
        return _united(self.judges)

    @property
    def parts(self) -> tuple[Definition, ...]:
        return self.judges


class CascadeDefinition(Definition):
    """`judges.panels.cascade.Cascade`."""

    kind: Literal["cascade"] = "cascade"
    cheap: AnyDefinition = Field(examples=[{"kind": "question", "question": "…", "model": "…"}])
    dear: AnyDefinition = Field(examples=[{"kind": "question", "question": "…", "model": "…"}])
    repeats: int = Field(3, ge=1, examples=[3])
    margin: float = Field(0.4, ge=0, examples=[0.4])
    threshold: float | None = Field(None, examples=[0.5])

    @property
    def needs(self) -> tuple[str, ...]:
        return _united(self.parts)

    @property
    def parts(self) -> tuple[Definition, ...]:
        return (self.cheap, self.dear)


class FunctionDefinition(Check):
    """`judges.definitions.functions`: a function by its place or by its entry point."""

    kind: Literal["function"] = "function"
    function: str = Field("", examples=["shop.judges:polite"])
    entry_point: str = Field("", examples=["polite"])
    requires: Names = Field((), examples=[["expected"]])
    """Fields that it reads besides the output."""

    @model_validator(mode="after")
    def _one(self) -> FunctionDefinition:
        if bool(self.function) == bool(self.entry_point):
            raise ValueError("say function or entry_point, one of the two")
        return self

    @property
    def score(self) -> str:
        return self.name or self.entry_point or self.function.rpartition(":")[2].rpartition(".")[2]

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.reads, *self.requires)))


AnyDefinition = Annotated[
    JsonValidDefinition
    | JsonSchemaDefinition
    | PydanticModelDefinition
    | RegexDefinition
    | RefusalDefinition
    | LanguageDefinition
    | LengthDefinition
    | GroundedDefinition
    | FieldsDefinition
    | MatchDefinition
    | SimilarityDefinition
    | QuestionDefinition
    | RubricDefinition
    | FactDefinition
    | GradeDefinition
    | PairwiseDefinition
    | StepsDefinition
    | JuryDefinition
    | CascadeDefinition
    | FunctionDefinition,
    Field(discriminator="kind"),
]


def _asked(comparisons: Iterable[Any]) -> tuple[Definition, ...]:
    return tuple(one.judge for one in comparisons if isinstance(one, AskedComparison))


def _united(parts: Iterable[Definition]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(field for part in parts for field in part.needs))


for _model in (
    AskedComparison,
    FieldsDefinition,
    MatchDefinition,
    StepsDefinition,
    JuryDefinition,
    CascadeDefinition,
):
    _model.model_rebuild()
KINDS: dict[str, type[Definition]] = {
    str(one.model_fields["kind"].default): one for one in get_args(get_args(AnyDefinition)[0])
}
