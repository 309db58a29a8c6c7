"""What arrives: the signed webhook `retrain.requested`, checked where it enters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Callback", "DataFile", "Dataset", "Order", "Requested", "TrainingError", "verify"]


class TrainingError(Exception):
    """The order cannot be carried out; the message is what `retrain.failed` says."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DataFile(_Body):
    """One file of the dataset."""

    split: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")
    url: AnyHttpUrl
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=0)
    size_bytes: int | None = Field(default=None, ge=0)


class Dataset(_Body):
    """What to train on."""

    version: str
    format: str
    files: tuple[DataFile, ...]


class Fetch(_Body):
    """How to fetch the files."""

    headers: dict[str, str] = Field(default_factory=dict)


class Callback(_Body):
    """Where to report."""

    url: AnyHttpUrl
    token: str


class Order(_Body):
    """`data` of `retrain.requested`."""

    retrain_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    service: str = ""
    reason: str = ""
    base_release: str = ""
    dataset: Dataset
    fetch: Fetch = Fetch()
    suggested_settings: dict[str, Any] = Field(default_factory=dict)
    callback: Callback


class Requested(_Body):
    """`retrain.requested`."""

    type: str
    data: Order


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> Any:
    """The message, once one of the secrets has signed it and it is not older than five minutes.

    While a secret is being rotated, both the old and the new one are in `secrets`.

    Raises:
        WebhookVerificationError: none of them has, or it is stale.
    """
    problem = "no secret is configured"
    for secret in secrets:
        try:
            return Webhook(secret).verify(body, dict(headers))
        except (WebhookVerificationError, ValueError) as error:  # ValueError: no base64, no number
            problem = str(error)
    raise WebhookVerificationError(problem)
