"""Checkpoints that survive `kill -9`: one file, replaced whole, bound to the run that wrote it."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from pathlib import Path

    from torch.nn import Module
    from torch.optim import Optimizer

__all__ = ["Checkpoints"]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Of one run.

    Args:
        path: the file.
        fingerprint: of everything that makes the run what it is; a file of another run is not used.
    """

    path: Path
    fingerprint: str

    def keep(self, step: int, losses: list[float], model: Module, optimizer: Optimizer) -> None:
        """Write down where the run is after `step` steps."""
        trained = {
            name: one.detach() for name, one in model.named_parameters() if one.requires_grad
        }
        state = {
            "fingerprint": self.fingerprint,
            "step": step,
            "losses": losses,
            "weights": trained,
            "optimizer": optimizer.state_dict(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with fresh.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def restore(self, model: Module, optimizer: Optimizer) -> tuple[int, list[float]]:
        """Put model and optimiser where the run was; returns the steps done and their losses."""
        state = self._read()
        if state is None or state["fingerprint"] != self.fingerprint:
            return 0, []
        with torch.no_grad():
            for name, one in model.named_parameters():
                if one.requires_grad:
                    one.copy_(state["weights"][name])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"]), list(state["losses"])

    def _read(self) -> dict[str, Any] | None:
        try:
            return dict(torch.load(self.path, map_location="cpu", weights_only=True))
        except FileNotFoundError:
            return None
        except (RuntimeError, EOFError, pickle.UnpicklingError):
            # The disk broke it; the run begins anew, and overwrites it.
            return None
