"""What the fine-tune job may tell us: the callback's bodies, checked where they enter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AnyHttpUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    field_validator,
)

__all__ = ["Callback", "Failed", "Finished", "Progress", "Started", "parse_callback"]

Text = Annotated[str, Field(max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Event(_Body):
    id: str = Field(min_length=1, max_length=200)
    """The job's own id of this event: told again, it carries the same one."""
    timestamp: AwareDatetime | None = None
    """When it happened, which stays the same when it is told again; may be left out."""


class Run(_Body):
    """What the job says about its run at the start."""

    job: Text = ""
    """Name and version of the program."""
    note: Text = ""


class Started(_Event):
    """The job has the data and has begun."""

    type: Literal["retrain.started"]
    data: Run = Run()


class Position(_Body):
    """How far it is."""

    step: int = Field(ge=0)
    steps: int = Field(ge=1)
    loss: FiniteFloat | None = None
    note: Text = ""


class Progress(_Event):
    """It goes on."""

    type: Literal["retrain.progress"]
    data: Position


class Candidate(_Body):
    """The model that came out."""

    release: str = Field(min_length=1, max_length=200)
    model: str = Field(min_length=1, max_length=200)
    endpoint: str = Field(max_length=2000)
    """OpenAI-compatible base URL, `…/v1`."""
    artifact: Text = ""
    """Where the weights are."""
    note: Text = ""
    metrics: dict[Annotated[str, Field(max_length=100)], FiniteFloat] = Field(
        default_factory=dict, max_length=50
    )

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        AnyHttpUrl(value)
        return value.rstrip("/")


class Finished(_Event):
    """There is a candidate."""

    type: Literal["retrain.finished"]
    data: Candidate


class Reason(_Body):
    """Why there is none."""

    reason: str = Field(min_length=1, max_length=4000)


class Failed(_Event):
    """There is no candidate."""

    type: Literal["retrain.failed"]
    data: Reason


Callback = Annotated[Started | Progress | Finished | Failed, Field(discriminator="type")]


EVENT: TypeAdapter[Callback] = TypeAdapter(Callback)


def parse_callback(body: bytes) -> Callback:
    """The event that a body tells.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return EVENT.validate_json(body)
