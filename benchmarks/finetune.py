"""Speed and memory of the fine-tune job: a Llama model of about 100 million random weights, full and LoRA.

    python -m benchmarks.finetune                    # GPU where there is one (bf16), else CPU (fp32)
    python -m benchmarks.finetune --hidden 128 --layers 3 --steps 20      # something a laptop ends soon

Prints parameters, tokens per second, peak memory, and the first and last loss; exits 1 when the loss does not fall.
The texts are made up; only speed, memory and that the loss falls are measured.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from examples.finetune.checkpoints import Checkpoints
from examples.finetune.dialogues import Example, tokenise
from examples.finetune.models import Loaded, adapt, best_device, load, uses_bf16
from examples.finetune.scratch import Shape, new_model, new_tokenizer, write
from examples.finetune.settings import Settings
from examples.finetune.training import Trained, train

WORDS = ("loan", "payment", "escrow", "lender", "due", "date", "month", "amount", "call", "agent")


def main() -> int:
    """Measure and print; returns the exit status."""
    options = _options()
    device = best_device()
    settings = Settings(
        epochs=1,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        micro_batch_size=options.micro_batch_size or options.batch_size,
        max_tokens=options.tokens,
        checkpoint_seconds=1e9,
    )
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    bf16 = uses_bf16("auto", device)
    print(f"{name}, {'bf16' if bf16 else 'fp32'}, torch {torch.__version__}")
    fell = True
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        examples = _base(base, options, settings)
        for method in ("full", "lora"):
            own = replace(settings, method=method)
            loaded = load(base, device, dtype=torch.bfloat16 if bf16 else torch.float32)
            done = _run(adapt(loaded, own), examples, own, base / f"{method}.pt")
            first, last = np.mean(done.losses[:3]), np.mean(done.losses[-3:])
            fell &= bool(last < first)
            print(
                f"{method:<5} {loaded.parameters / 1e6:7.1f} M weights {done.tokens_per_s:12,.0f} tokens/s"
                f" {_peak_gib(device):7.2f} GiB peak   loss {first:.3f} -> {last:.3f} in {done.steps} steps"
            )
    return 0 if fell else 1


def _run(loaded: Loaded, examples: list[Example], settings: Settings, path: Path) -> Trained:
    if loaded.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    return train(loaded, examples, settings, Checkpoints(path, path.name), progress=lambda _: None)


def _base(folder: Path, options: argparse.Namespace, settings: Settings) -> list[Example]:
    """Write a model of random weights into `folder`; returns what to train on."""
    rng = np.random.default_rng(settings.seed)
    texts = [" ".join(rng.choice(WORDS, options.tokens // 2 - 8)) for _ in range(64)]
    tokenizer = new_tokenizer(texts, vocabulary=400)
    heads = max(1, options.hidden // 64)
    shape = Shape(
        hidden=options.hidden,
        layers=options.layers,
        heads=heads,
        vocabulary=options.vocabulary,
        context=options.tokens,
    )
    loaded = new_model(shape, tokenizer, seed=settings.seed)
    loaded.model.resize_token_embeddings(options.vocabulary)  # as large as a real vocabulary
    write(loaded, folder)
    rows = []
    for at in range(options.steps * settings.batch_size):
        text = texts[at % len(texts)]
        dialogue = [{"role": "user", "content": "go on"}, {"role": "assistant", "content": text}]
        rows.append(tokenise(tokenizer, dialogue, max_tokens=options.tokens))
    return [row for row in rows if row is not None]


def _peak_gib(device: torch.device) -> float:
    """Of the GPU since the run began, or of this process since its own beginning."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=16_384)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--micro-batch-size", type=int)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
