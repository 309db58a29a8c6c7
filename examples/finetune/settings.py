"""How to train: the command line's word first, then the request's suggestion, then a sane default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from examples.finetune.protocol import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings"]

METHODS = ("auto", "lora", "full")
PRECISIONS = ("auto", "bf16", "fp32")


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one training run."""

    method: str = "auto"
    """`lora`, `full`, or `auto`: full for models so small that an adapter would save nothing."""
    epochs: int = 3
    learning_rate: float = 2e-4
    """At its highest; after a warm-up of a twentieth of the steps it falls along a cosine."""
    batch_size: int = 16
    """Examples per optimiser step."""
    micro_batch_size: int = 16
    """Examples in memory at once; gradients are accumulated over the micro-batches of a step."""
    max_tokens: int = 2048
    """Longer examples are left out, and counted."""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.0
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of a step's gradient."""
    precision: str = "auto"
    """`auto` is bf16 on a GPU that can do it, else fp32."""
    checkpoint_seconds: float = 60.0
    """Pause between two checkpoints."""
    seed: int = 7

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise TrainingError(f"method {self.method!r} is none of {', '.join(METHODS)}")
        if self.precision not in PRECISIONS:
            raise TrainingError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")
        for name in ("epochs", "learning_rate", "batch_size", "micro_batch_size", "max_tokens"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} must be above 0, not {getattr(self, name)}")

    def suggested(self, given: Mapping[str, Any], *, fixed: frozenset[str]) -> Settings:
        """With what the request suggests, except for what the command line has fixed.

        >>> given = {"epochs": 5, "seed": 3, "mood": "good"}
        >>> taken = Settings().suggested(given, fixed=frozenset({"seed"}))
        >>> taken.epochs, taken.seed
        (5, 7)

        Raises:
            TrainingError: a suggestion makes no sense.
        """
        kinds = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        taken = {
            name: value for name, value in given.items() if name in kinds and name not in fixed
        }
        try:
            return replace(self, **{name: kinds[name](value) for name, value in taken.items()})
        except (TypeError, ValueError) as error:
            raise TrainingError(f"the suggested settings {taken} make no sense: {error}") from error

    def as_dict(self) -> dict[str, Any]:
        """For the lineage."""
        return asdict(self)
