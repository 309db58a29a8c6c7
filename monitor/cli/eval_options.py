"""The options of `outerloop eval`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from monitor.cli.root import json_option
from monitor.evaluation.stored import SPLITS

__all__ = ["MAPPED", "eval_options"]

MAPPED = ("id", "input", "output", "expected", "other")
"""Fields that a file may call otherwise."""


def eval_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All of them, in the order of the help text."""
    options: tuple[Callable[..., Any], ...] = (
        click.option("--judge", "judges", multiple=True, metavar="J",
            help="a definition's name or file, or a check such as json_valid; may be given several times"),
        click.option("--baseline", metavar="FILE|RUN",
            help="the other version's outputs for the same items, or an earlier run; significantly worse exits 1"),
        click.option("--gate", multiple=True, metavar="NAME>=X",
            help="exit 1 when a judge's mean (NAME.low: the lower end of its interval) is under X, or when not all"
            " was judged; where less is better NAME<=X, NAME.high<=X"),
        click.option("--fail-under", type=float, metavar="X", help="the same for the mean of every judge"),
        click.option("--budget", type=click.FloatRange(0), metavar="USD", help="hard limit of what the run may spend"),
        click.option("--deadline", type=click.FloatRange(0, min_open=True), metavar="S",
            help="ask nothing later than so many seconds after the start"),
        click.option("--concurrency", type=click.IntRange(1, 1024), default=64, show_default=True,
            help="verdicts under way at once"),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="at most N samples, drawn by a hash"),
        click.option("--model", "models", multiple=True, metavar="NAME",
            help="the model that judges where a definition names none; default: OUTERLOOP_JUDGE_MODELS"),
        click.option("--candidate", default="", metavar="NAME", help="name of what is judged, kept with the run"),
        click.option("--resume", metavar="RUN", help="go on with a run that was cut short; nothing is paid twice"),
        click.option("--split", type=click.Choice(SPLITS), default="reserved", show_default=True,
            help="of a dataset version"),
        *(click.option(f"--{name}-field", metavar="NAME", help=f"what the file calls `{name}`") for name in MAPPED),
        click.option("--no-store", is_flag=True, help="keep the run in a file only"),
        click.option("--plan", is_flag=True,
            help="judge nothing: say what seeing a change costs, and what the daily budget can see"),
        click.option("--from", "share_from", type=click.FloatRange(0, 1), default=0.03, show_default=True,
            help="with --plan: the failing share now"),
        click.option("--to", "share_to", type=click.FloatRange(0, 1), default=0.05, show_default=True,
            help="with --plan: the share that is to be seen"),
        click.option("--within", default="1d", show_default=True, help="with --plan: how fast, e.g. 6h or 2d"),
        json_option,
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
