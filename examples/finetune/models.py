"""Model folders in and out: load, adapt with LoRA, merge, save."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from examples.finetune.protocol import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase

    from examples.finetune.settings import Settings

__all__ = ["Loaded", "adapt", "best_device", "load", "save", "uses_bf16"]

SMALL_PARAMETERS = 20_000_000
"""Below this an adapter saves nothing, and `auto` trains every weight."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready for use, and what turns text into its tokens."""

    model: Any
    """A `PreTrainedModel` or a `PeftModel`: their stubs contradict each other."""
    tokenizer: PreTrainedTokenizerBase
    device: torch.device

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(one.numel() for one in self.model.parameters())

    @property
    def context(self) -> int:
        """How many tokens it can look back on."""
        return int(getattr(self.model.config, "max_position_embeddings", 2048))

    @property
    def pad(self) -> int:
        """A token to fill up with; the attention mask hides it."""
        return int(self.tokenizer.pad_token_id or 0)


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bf16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bf16"


def load(folder: Path, device: torch.device, *, dtype: torch.dtype) -> Loaded:
    """A model from its folder; nothing is fetched and no code of the folder is run.

    Raises:
        TrainingError: the folder holds no causal language model.
    """
    if not (folder / "config.json").is_file():
        raise TrainingError(f"{folder} is no Hugging Face model folder: it has no config.json")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, dtype=dtype, use_safetensors=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"the model in {folder} cannot be loaded: {error}") from error
    return Loaded(model.to(device), tokenizer, device)


def adapt(loaded: Loaded, settings: Settings) -> Loaded:
    """The same model with what is to be trained unfrozen: all of it, or a LoRA adapter on every linear layer."""
    full = settings.method == "full" or (
        settings.method == "auto" and loaded.parameters < SMALL_PARAMETERS
    )
    loaded.model.config.use_cache = False
    if full:
        return Loaded(loaded.model.float(), loaded.tokenizer, loaded.device)
    torch.manual_seed(settings.seed)
    adapter = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(loaded.model, adapter)
    return Loaded(adapted, loaded.tokenizer, loaded.device)


def save(loaded: Loaded, folder: Path, *, dtype: torch.dtype) -> str:
    """Write `folder/model` (and `folder/adapter` for LoRA); returns the method that was used."""
    model, method = loaded.model, "full"
    for name in ("model", "adapter"):
        shutil.rmtree(folder / name, ignore_errors=True)  # half of an earlier try
    if isinstance(model, PeftModel):
        model.save_pretrained(str(folder / "adapter"))
        model, method = model.merge_and_unload(), "lora"
    model.config.use_cache = True
    model.to(dtype).save_pretrained(folder / "model")
    loaded.tokenizer.save_pretrained(folder / "model")
    return method
