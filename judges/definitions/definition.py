"""What every judge's definition file may say, whatever its kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

__all__ = ["Asking", "Check", "Definition", "Direction", "Names"]

Direction: TypeAlias = Literal["higher", "lower"]
"""Which values of a judge are better."""


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Definition(BaseModel):
    """What every kind's file may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    reads: ClassVar[tuple[str, ...]] = ("output",)
    """Fields of a dataset's item without which the kind cannot judge."""

    kind: str
    name: str = Field("", examples=["right_date"], pattern=r"^[\w.-]*$")
    """Names the score; the file's name without `.toml` by default."""
    services: Names = Field((), examples=[["loan-extractor"]])
    """Whose production calls it judges; none: only evals."""
    share: float = Field(1.0, gt=0, le=1, examples=[0.2])
    """Share of those calls that it judges."""
    model: str = Field("", examples=["gpt-4o-mini"])
    """The judging model; none: the first of OUTERLOOP_JUDGE_MODELS."""
    description: str = ""
    direction: Direction = Field("higher", examples=["lower"])
    """`lower` where less is better: toxicity, length. For evals: in production a no is a failure."""
    labels: Names = Field((), examples=[["matched"]])
    """Names of the labels and outcomes that say whether it is right, beside its own name."""
    tuned_on: Names = Field((), examples=[["loan-extractor-2024-01-09"]])
    """Dataset versions that its prompt was tuned on: their calls are never its anchors."""
    _file: Path | None = PrivateAttr(None)

    @property
    def file(self) -> Path | None:
        """Where it was read from; files that it names stand relative to that."""
        return self._file

    @property
    def score(self) -> str:
        """The name of the score."""
        return self.name or self.kind

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields that every item of a dataset must have: input, output, expected, other, steps."""
        return self.reads

    @property
    def parts(self) -> tuple[Definition, ...]:
        """The definitions within this one."""
        return ()

    @property
    def models(self) -> tuple[str, ...]:
        """Models that it asks, `""` for the first of the settings; a check asks none."""
        return tuple(dict.fromkeys(model for part in self.parts for model in part.models))

    @model_validator(mode="after")
    def _whole(self) -> Definition:
        if self.services and self.direction == "lower":
            raise ValueError(
                "in production a no, or 0, is a failure, so direction and services do not go together;"
                " turn the question round"
            )
        for part in self.parts:
            if part.services or part.share != 1:
                raise ValueError("services and share belong to the whole, not to one of its judges")
        return self


class Check(Definition):
    """A kind that asks no model of its own."""

    @model_validator(mode="after")
    def _asks_nobody(self) -> Check:
        if self.model and not self.parts:
            raise ValueError(f"{self.kind} asks no model; leave model away")
        return self


class Asking(Definition):
    """A kind that asks one model."""

    reads: ClassVar[tuple[str, ...]] = ("input", "output")

    @property
    def models(self) -> tuple[str, ...]:
        """The one."""
        return (self.model,)
