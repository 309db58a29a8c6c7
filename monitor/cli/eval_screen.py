"""What `outerloop eval` says: before, on the way, and at the end, as text or as one JSON document."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import asdict
from math import isnan
from typing import TYPE_CHECKING, Any

from monitor.evaluation.aggregates import smallest_difference
from monitor.evaluation.report import money, print_comparisons, print_evaluation
from monitor.evaluation.samples import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from judges.interaction import Judge
    from monitor.evaluation.comparison import Comparison
    from monitor.evaluation.result import Evaluation

__all__ = ["console_of", "progress", "show", "summary"]

LOG_WIDTH = 140


@contextmanager
def progress(
    console: Console, dataset: Dataset, baseline: Any, run_id: str, *, judges: int
) -> Iterator[tuple[Callable[[Sequence[Judge]], None], Callable[[Any, Any], None]]]:
    """What is said before anything is asked, and a bar that moves with the verdicts on a terminal."""
    from rich.progress import (  # noqa: PLC0415 - see above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[cost]}"),
    )  # fmt: skip
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    samples = len(dataset) + (len(baseline) if isinstance(baseline, Dataset) else 0)
    task = bar.add_task("judging", total=samples * judges, cost="")
    spent = [0.0]

    def before(judges: Sequence[Judge]) -> None:
        _say_before(console, dataset, judges, run_id)

    def on_verdict(_sample: Any, verdict: Any) -> None:
        spent[0] += verdict.usage.cost_usd or 0.0
        bar.update(task, advance=1, cost=money(spent[0]))

    with bar:
        yield before, on_verdict


def _say_before(console: Console, dataset: Dataset, judges: Sequence[Judge], run_id: str) -> None:
    n = len(dataset)
    said = (
        f"{n} samples of {dataset.name}, {len(judges)} judge{'s' * (len(judges) != 1)}: two versions that"
        f" differ by {100 * smallest_difference(n):.0f} points are told apart 4 times in 5"
        if smallest_difference(n) < 1
        else f"{n} samples of {dataset.name}: too few to tell two versions apart"
    )
    if any(hasattr(one, "most_usd") for one in judges):  # what was paid for must not be lost
        said += f"; if it is cut short, go on with --resume {run_id}"
    console.print(said, soft_wrap=True, highlight=False, markup=False)


def show(
    done: Evaluation, compared: Sequence[Comparison], wrong: Sequence[str], *, baseline: str
) -> None:
    """The run as text: samples, judges, what changed, why it does not pass."""
    from rich.console import Console  # noqa: PLC0415 - see above

    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", LOG_WIDTH))
    console = Console(width=width, highlight=False)
    print_evaluation(console, done)
    if compared:
        print_comparisons(console, compared, baseline)
    for reason in wrong:
        console.print(f"not passed: {reason}", style="red", markup=False, soft_wrap=True)


def summary(
    done: Evaluation, compared: Sequence[Comparison], wrong: Sequence[str]
) -> dict[str, Any]:
    """The one JSON document; what is no number is null."""
    return {
        "run": done.run_id,
        "dataset": {"name": done.dataset, "hash": done.dataset_hash, "samples": done.samples},
        "candidate": done.candidate,
        "started_at": done.started_at,
        "duration_s": round(done.duration_s, 3),
        "cost_usd": done.cost_usd,
        "cache_hits": done.cache_hits,
        "unjudged": done.unjudged,
        "stopped": done.stopped,
        "passed": not wrong,
        "problems": list(wrong),
        "judges": [
            _finite(asdict(one)) | {"failed": one.failed, "invalid_share": one.invalid_share}
            for one in done.aggregates
        ],
        "comparisons": [_finite(asdict(one)) | {"verdict": one.verdict} for one in compared],
        "rows": [_finite(asdict(one)) for one in done.rows],
    }


def _finite(said: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and isnan(value) else value
        for name, value in said.items()
    }


def console_of(*, quiet: bool) -> Console:
    """For what is said on the way: stderr, so that stdout has the result alone."""
    from rich.console import Console  # noqa: PLC0415 - a moment that a wrong option need not wait for

    return Console(stderr=True, quiet=quiet and not sys.stderr.isatty())
