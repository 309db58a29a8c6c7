"""Training: what is learnt, LoRA and full, and that a killed run ends with the very same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_sidecar import dialogues, tiny_base

from examples.finetune.checkpoints import Checkpoints
from examples.finetune.dialogues import Example, batch, tokenise
from examples.finetune.generation import Question, Writer
from examples.finetune.models import Loaded, adapt, load, save
from examples.finetune.settings import Settings
from examples.finetune.training import Progress, assess, train

# peft asks transformers for a property by its old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
CPU = torch.device("cpu")
SETTINGS = Settings(
    method="full", epochs=3, learning_rate=5e-3, batch_size=8, micro_batch_size=8, max_tokens=64,
    checkpoint_seconds=0, lora_dropout=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model folder."""
    return tiny_base(tmp_path_factory.mktemp("base"))


def fresh(base: Path) -> Loaded:
    """The base, loaded."""
    return load(base, CPU, dtype=torch.float32)


def examples(loaded: Loaded, count: int = 28) -> list[Example]:
    """Dialogues as tokens."""
    found = [tokenise(loaded.tokenizer, one["messages"], max_tokens=64) for one in dialogues(count)]
    return [one for one in found if one is not None]


def run(
    base: Path, settings: Settings, path: Path, *, die_at: int | None = None
) -> tuple[Loaded, Any]:
    """A run, which is killed after `die_at` steps."""

    def watch(one: Progress) -> None:
        if one.step == die_at:
            raise KeyboardInterrupt

    loaded = adapt(fresh(base), settings)
    learn = examples(loaded)
    return loaded, train(loaded, learn, settings, Checkpoints(path, "run"), progress=watch)


def weights(loaded: Loaded) -> list[torch.Tensor]:
    """Everything that was trained."""
    return [one.detach() for one in loaded.model.parameters() if one.requires_grad]


def test_only_the_answer_is_learnt(base: Path) -> None:
    """The prompt is given, padding is neither seen nor learnt."""
    loaded = fresh(base)
    one = dialogues(1)[0]["messages"]
    short = tokenise(loaded.tokenizer, one, max_tokens=64)
    long = tokenise(loaded.tokenizer, [one[0], *one], max_tokens=64)
    assert short
    assert long
    ids, mask, labels = batch([short, long], loaded.pad, CPU)
    assert loaded.tokenizer.decode([one for one in labels[0].tolist() if one != -100]) == (
        '{"due_date": "2024-01-01"}<end>'
    )
    assert int(mask[0].sum()) == len(short) < int(mask[1].sum()) == ids.shape[1]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_killed_run_ends_with_the_same_weights(base: Path, tmp_path: Path, method: str) -> None:
    """Whole, or killed and begun again at the checkpoint, dropout included."""
    settings = replace(SETTINGS, method=method)
    whole, done = run(base, settings, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(base, settings, tmp_path / "killed.pt", die_at=5)
    resumed, again = run(base, settings, tmp_path / "killed.pt")
    assert (done.resumed_at, again.resumed_at, done.steps) == (0, 4, 12)
    assert again.losses == done.losses
    for one, other in zip(weights(whole), weights(resumed), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_run_or_a_broken_one_is_not_used(
    base: Path, tmp_path: Path
) -> None:
    """The run begins anew."""
    path = tmp_path / "state.pt"
    loaded = adapt(fresh(base), SETTINGS)
    optimizer = torch.optim.AdamW(weights(loaded))
    Checkpoints(path, "one").keep(3, [1.0], loaded.model, optimizer)
    assert Checkpoints(path, "one").restore(loaded.model, optimizer) == (3, [1.0])
    assert Checkpoints(path, "two").restore(loaded.model, optimizer) == (0, [])
    path.write_bytes(path.read_bytes()[:100])
    assert Checkpoints(path, "one").restore(loaded.model, optimizer) == (0, [])


def test_accumulated_gradients_are_those_of_the_whole_batch(base: Path, tmp_path: Path) -> None:
    """Micro-batches change the memory that is needed, not the losses."""
    _, whole = run(base, SETTINGS, tmp_path / "a.pt")
    _, parts = run(base, replace(SETTINGS, micro_batch_size=3), tmp_path / "b.pt")
    assert parts.losses == pytest.approx(whole.losses, rel=1e-3)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_was_learnt_is_saved_and_answered(base: Path, tmp_path: Path, method: str) -> None:
    """The loss falls, the saved folder loads, and what it writes is what was assessed."""
    settings = replace(
        SETTINGS,
        method=method,
        epochs=25,
        learning_rate=1e-2,
        checkpoint_seconds=60,
        lora_dropout=0,
    )
    loaded, done = run(base, settings, tmp_path / "state.pt")
    assert done.losses[-1] < 0.9 * done.losses[0]
    assert save(loaded, tmp_path, dtype=torch.float32) == method
    assert (tmp_path / "adapter").exists() == (method == "lora")
    saved = load(tmp_path / "model", CPU, dtype=torch.float32)
    learn = examples(saved)
    quality = assess(saved, learn, settings)
    writer = Writer(saved, linger_s=0.2)
    asked = [writer.ask(Question(list(one.prompt), 20, 0.0, 0)) for one in learn]
    answers = [one.result(30) for one in asked]
    wrong = [
        tuple(answer.tokens) != one.answer[:-1] for answer, one in zip(answers, learn, strict=True)
    ]
    assert sum(wrong) / len(wrong) == pytest.approx(quality.error_rate)
    assert writer.batches < writer.questions == len(learn)
