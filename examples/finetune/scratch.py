"""A small language model from nothing: its own tokenizer, a Llama configuration, and chat JSONL to learn from.

The tokenizer is byte-level BPE (every text has tokens) with one token per digit, so that numbers can be copied and
compared; `AutoTokenizer` and `AutoModelForCausalLM` load the folder like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from examples.finetune.models import Loaded, best_device

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["Shape", "new_model", "new_tokenizer", "write"]

PAD, END, ANSWER = "<pad>", "<end>", "<answer>"
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'assistant' %}" + ANSWER + "{{ message.content }}" + END
    + "{% else %}{{ message.content }}\n{% endif %}{% endfor %}{% if add_generation_prompt %}" + ANSWER + "{% endif %}"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a Llama model."""

    hidden: int = 128
    layers: int = 3
    heads: int = 4
    vocabulary: int = 448
    context: int = 512

    def config(self, *, tokens: int) -> LlamaConfig:
        """For a tokenizer of that many tokens."""
        return LlamaConfig(
            vocab_size=tokens,
            hidden_size=self.hidden,
            intermediate_size=self.hidden * 11 // 4,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=self.context,
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
        )


def new_tokenizer(
    texts: Iterable[str], *, vocabulary: int, whole: Sequence[str] = ()
) -> PreTrainedTokenizerFast:
    """A tokenizer that has learnt its words from `texts`; what is in `whole` is one token each."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, ANSWER],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    made.add_tokens(list(whole))
    untyped: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = untyped(
        tokenizer_object=made,
        pad_token=PAD,
        eos_token=END,
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    return fast


def new_model(shape: Shape, tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Loaded:
    """With random weights."""
    torch.manual_seed(seed)
    model: Any = LlamaForCausalLM(shape.config(tokens=len(tokenizer)))
    return Loaded(model.to(best_device()), tokenizer, best_device())


def write(loaded: Loaded, folder: Path) -> None:
    """As a model folder, in bf16: a model this small loses nothing by it that shows."""
    loaded.model.to(torch.bfloat16).save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
