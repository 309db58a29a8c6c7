"""`python -m examples.finetune serve | scratch`: see README.md."""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import signal
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import uvicorn
from starlette.applications import Starlette

from examples.finetune.application import app
from examples.finetune.chat import routes
from examples.finetune.checkpoints import Checkpoints
from examples.finetune.dialogues import read_dialogues, tokenise
from examples.finetune.generation import Shelf
from examples.finetune.job import Job
from examples.finetune.orders import OrderBook
from examples.finetune.protocol import TrainingError
from examples.finetune.scratch import Shape, new_model, new_tokenizer, write
from examples.finetune.settings import METHODS, PRECISIONS, Settings
from examples.finetune.training import assess, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.finetune.training import Progress

SECRETS = "FINETUNE_SECRETS"
"""Environment variable with webhook secrets, separated by spaces: a command line can be read by others."""


def main(given: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    torch.set_num_threads(options.threads or torch.get_num_threads())
    try:
        return _scratch(options) if options.command == "scratch" else _serve(options)
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 2


def _serve(options: argparse.Namespace) -> int:
    """The webhook and the models, or with `--name` alone a model server."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn raises the signal again once it has shut down
    secrets = [*options.secret, *os.environ.get(SECRETS, "").split()]
    shelf = Shelf(precision=options.precision or "auto", max_batch=options.max_batch)
    if options.name:
        shelf.put(options.name, options.base)
        shelf.take(options.name)
    if options.work_dir:
        if not secrets:
            raise TrainingError(
                f"give --secret whsec_… or set {SECRETS}: unsigned orders are refused"
            )
        options.work_dir.mkdir(parents=True, exist_ok=True)
        settings, fixed = _settings(options)
        endpoint = options.endpoint or f"http://{options.host}:{options.port}/v1"
        job = Job(OrderBook(options.work_dir), options.base, settings, fixed, endpoint, shelf)
        served = app(job, secrets)
    else:
        served = Starlette(routes=routes(shelf))
    uvicorn.run(served, host=options.host, port=options.port, log_level="warning", access_log=False)
    return 0


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def _scratch(options: argparse.Namespace) -> int:
    """A new model from a file of dialogues."""
    dialogues = read_dialogues(options.data)
    texts = (message["content"] for one in dialogues[:5000] for message in one)
    shape = Shape(hidden=options.hidden, layers=options.layers)
    tokenizer = new_tokenizer(texts, vocabulary=shape.vocabulary, whole=options.whole)
    settings, _ = _settings(options)
    found = (tokenise(tokenizer, one, max_tokens=shape.context) for one in dialogues)
    examples = [one for one in found if one is not None]
    loaded = new_model(shape, tokenizer, seed=settings.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    identity = f"{options.data.stat().st_mtime_ns} {settings} {shape}"
    checkpoints = Checkpoints(options.out / ".state.pt", identity)
    done = train(loaded, examples, settings, checkpoints, progress=_print)
    checkpoints.path.unlink(missing_ok=True)
    write(loaded, options.out)
    loaded.model.float()
    quality = assess(loaded, list(itertools.islice(examples, 2000)), settings)
    told = {"parameters": loaded.parameters, "steps": done.steps, "tokens_per_s": done.tokens_per_s}
    print(json.dumps({**told, "training_error_rate": quality.error_rate}))
    return 0


def _print(one: Progress) -> None:
    if one.step % 50 == 0 or one.step == one.steps:
        line = f"{one.step}/{one.steps} loss {one.loss:.4f} {one.tokens_per_s:,.0f} tokens/s"
        print(line, file=sys.stderr, flush=True)


def _settings(options: argparse.Namespace) -> tuple[Settings, frozenset[str]]:
    """What the command line says, and the names of what it has said."""
    names = [one.name for one in fields(Settings)]
    said = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return Settings(**said), frozenset(said)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="examples.finetune", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="take retrain webhooks, train, serve the candidates")
    serve.add_argument("--base", type=Path, required=True, help="Hugging Face model folder")
    serve.add_argument("--name", help="serve the base too, under this name")
    serve.add_argument(
        "--work-dir", type=Path, help="orders and models; without: a model server alone"
    )
    serve.add_argument(
        "--secret", action="append", default=[], help="whsec_…; may be repeated; or $" + SECRETS
    )
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=9100)
    serve.add_argument("--endpoint", help="where others reach the models; default: host and port")
    serve.add_argument("--max-batch", type=int, default=32, help="most answers written at once")
    scratch = commands.add_parser("scratch", help="train a small model from nothing")
    scratch.add_argument("--data", type=Path, required=True, help="chat JSONL")
    scratch.add_argument("--out", type=Path, required=True)
    scratch.add_argument("--hidden", type=int, default=128)
    scratch.add_argument("--layers", type=int, default=3)
    scratch.add_argument(
        "--whole", action="append", default=[], help="a text that is one token; may be repeated"
    )
    for command in (serve, scratch):
        command.add_argument("--threads", type=int, help="CPU threads; default: torch's")
        _add_settings(command)
    return parser


def _add_settings(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("training", "what is given here overrules a request")
    choices = {"method": METHODS, "precision": PRECISIONS}
    for one in fields(Settings):
        group.add_argument(
            f"--{one.name.replace('_', '-')}",
            type={"int": int, "float": float}.get(str(one.type), str),
            choices=choices.get(one.name),
            help=f"default {one.default}",
        )


if __name__ == "__main__":
    sys.exit(main())
