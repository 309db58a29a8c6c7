"""Where a model comes from: `lineage.json` for machines and the model card (`README.md`) for people."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peft
import torch
import transformers

from examples.finetune.orders import replace_text

if TYPE_CHECKING:
    from examples.finetune.protocol import Order
    from examples.finetune.settings import Settings
    from examples.finetune.training import Quality, Trained

__all__ = ["Lineage", "base_hash", "code_hash", "write_card"]

CARD = """\
---
tags: [outerloop, {method}]
---
# {name}

Fine-tuned from `{base}` for retrain `{retrain}` on dataset `{dataset}`.

| | base | this model |
| --- | --- | --- |
| wrong answers on {examples} validation examples | {before_error:.2%} | {after_error:.2%} |
| loss on them (nats per token) | {before_loss:.4f} | {after_loss:.4f} |

Trained on {train} examples ({left_out} longer ones left out): {method}, {steps} steps, on {device} in {precision}.
Loss of the first step {first:.4f}, of the last {last:.4f}. Seed {seed}.

Reason given: {reason}

The reserved test calls were never seen here. `lineage.json` beside this file has every setting, every loss and the
checksums of data, base and code.
"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that made a model."""

    name: str
    method: str
    base: Path
    device: str
    bf16: bool
    examples: int
    left_out: int
    before: Quality
    after: Quality
    trained: Trained
    settings: Settings

    def as_dict(self, order: Order) -> dict[str, Any]:
        """For `lineage.json`."""
        return {
            "name": self.name,
            "retrain_id": order.retrain_id,
            "base": {
                "release": order.base_release,
                "folder": self.base.name,
                "sha256": base_hash(self.base),
            },
            "dataset": {
                "version": order.dataset.version,
                "files": {one.split: one.sha256 for one in order.dataset.files},
                "examples": self.examples,
                "left_out_too_long": self.left_out,
            },
            "method": self.method,
            "settings": self.settings.as_dict(),
            "code": {"program": "examples.finetune", "sha256": code_hash()},
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "peft": peft.__version__,
            },
            "device": self.device,
            "precision": "bf16" if self.bf16 else "fp32",
            "resumed_at_step": self.trained.resumed_at,
            "losses": self.trained.losses,
            "validation": {"before": asdict(self.before), "after": asdict(self.after)},
        }


def write_card(lineage: Lineage, order: Order, folder: Path) -> None:
    """Both files, beside the weights."""
    text = json.dumps(lineage.as_dict(order), indent=1)
    replace_text(folder / "lineage.json", text + "\n")
    losses = lineage.trained.losses
    card = CARD.format(
        name=lineage.name,
        base=order.base_release or lineage.base.name,
        retrain=order.retrain_id,
        dataset=order.dataset.version,
        examples=lineage.after.examples,
        before_error=lineage.before.error_rate,
        after_error=lineage.after.error_rate,
        before_loss=lineage.before.loss,
        after_loss=lineage.after.loss,
        train=lineage.examples,
        left_out=lineage.left_out,
        method=lineage.method,
        steps=lineage.trained.steps,
        device=lineage.device,
        precision="bf16" if lineage.bf16 else "fp32",
        first=losses[0],
        last=losses[-1],
        seed=lineage.settings.seed,
        reason=order.reason or "none",
    )
    replace_text(folder / "README.md", card)


def code_hash() -> str:
    """Of this program's own files."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return sha256(
        b"\0".join(one.name.encode() + b"\0" + one.read_bytes() for one in files)
    ).hexdigest()


def base_hash(folder: Path) -> str:
    """Of a model's weights and configuration."""
    found = sha256()
    for path in sorted((*folder.glob("*.safetensors"), folder / "config.json")):
        found.update(path.name.encode())
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                found.update(part)
    return found.hexdigest()
