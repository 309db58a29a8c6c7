"""Orders on disk: what was accepted survives a restart, and nothing is begun twice.

One folder per retrain id: `order.json` (accepted), `starts.json` (how often it was begun), `data/`, `checkpoint/`,
`model/` and `adapter/` (what came out), `result.json` (the last word), `reported.json` (it was taken).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from examples.finetune.protocol import Order, TrainingError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LastWord", "OrderBook", "replace_text"]

MAX_STARTS = 5
"""A run that was killed so often without a new checkpoint is not begun again."""


@dataclass(frozen=True, slots=True)
class LastWord:
    """How an order ended."""

    event: str
    """`finished` or `failed`."""
    data: dict[str, Any]
    """What the callback says."""


@dataclass(frozen=True, slots=True)
class OrderBook:
    """All orders ever accepted.

    Args:
        work_dir: where their folders lie.
    """

    work_dir: Path

    def folder(self, retrain_id: str) -> Path:
        """Where everything about one order lies."""
        return self.work_dir / retrain_id

    def known(self) -> list[str]:
        """Retrain ids."""
        return sorted(path.parent.name for path in self.work_dir.glob("*/order.json"))

    def open(self) -> list[str]:
        """Those whose last word has not been taken yet."""
        return [one for one in self.known() if not (self.folder(one) / "reported.json").exists()]

    def order(self, retrain_id: str) -> Order:
        """What was asked."""
        return Order.model_validate_json((self.folder(retrain_id) / "order.json").read_bytes())

    def accept(self, order: Order) -> bool:
        """Keep the order; returns False where it is known already.

        Raises:
            TrainingError: another order has this id.
        """
        path = self.folder(order.retrain_id) / "order.json"
        if path.exists():
            if self.order(order.retrain_id).dataset != order.dataset:
                raise TrainingError(f"{order.retrain_id} was ordered before with another dataset")
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, order.model_dump_json(indent=1))
        return True

    def count_start(self, retrain_id: str) -> None:
        """Training begins, perhaps again; a new checkpoint since the last start is no reason to despair.

        Raises:
            TrainingError: it was killed too often without getting on.
        """
        folder = self.folder(retrain_id)
        checkpoint, path = folder / "checkpoint" / "state.pt", folder / "starts.json"
        reached = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        kept = json.loads(path.read_bytes()) if path.exists() else {"starts": 0, "reached": reached}
        starts = kept["starts"] if kept["reached"] == reached else 0
        if starts >= MAX_STARTS:
            raise TrainingError(
                f"training was begun {starts} times and was killed before the next checkpoint; is memory short?"
            )
        replace_text(path, json.dumps({"starts": starts + 1, "reached": reached}))

    def conclude(self, retrain_id: str, event: str, data: dict[str, Any]) -> LastWord:
        """Keep how an order ended, before anybody is told."""
        said = {"event": event, "data": data}
        replace_text(self.folder(retrain_id) / "result.json", json.dumps(said, indent=1))
        return LastWord(event, data)

    def last_word(self, retrain_id: str) -> LastWord | None:
        """How an order ended, once it has."""
        path = self.folder(retrain_id) / "result.json"
        return LastWord(**json.loads(path.read_bytes())) if path.exists() else None


def replace_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
