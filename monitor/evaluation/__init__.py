"""Fast evaluations: 50 to 100 samples in seconds, beside a prompt change.

evaluation = evaluate("cases.jsonl", ["json_valid"])
evaluation.aggregates, evaluation.rows, evaluation.compare(other)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from monitor.clock import utcnow
from monitor.evaluation.files import read_file
from monitor.evaluation.result import Evaluation
from monitor.evaluation.samples import Dataset, DatasetError, dataset_of

if TYPE_CHECKING:
    from judges.interaction import Interaction, Judge
    from monitor.evaluation.run import Answer
    from monitor.settings import Settings

__all__ = ["Dataset", "DatasetError", "Evaluation", "evaluate", "read_samples"]

Samples = Dataset | str | Path | Iterable["Mapping[str, Any] | Interaction"]


def evaluate(
    samples: Samples,
    judges: str | Judge | Sequence[str | Judge],
    *,
    answer: Answer | None = None,
    budget_usd: float | None = None,
    concurrency: int = 64,
    candidate: str = "",
    settings: Settings | None = None,
) -> Evaluation:
    """Judge samples now. Also works where an event loop is running already.

    Args:
        samples: a file, a dataset, or records with `input` and `output`.
        judges: definitions or checks by name, or judges themselves; one or several.
        answer: the app under test, from input to output, plain or async; records then need no output.
        budget_usd: hard limit; the settings' daily one holds as well.
        concurrency: verdicts under way at once.
        candidate: what is judged, in your words.
        settings: of this process when left out.

    Raises:
        DatasetError: the samples cannot be used.
        ConfigurationError: a judge or its endpoint cannot be used; nothing was spent.
    """
    from monitor.evaluation.session import Session  # noqa: PLC0415 - brings the judges
    from monitor.settings import load_settings  # noqa: PLC0415 - see above

    session = Session(
        settings or load_settings(),
        run_id=f"ev-{uuid4().hex[:12]}",
        now=utcnow(),
        budget_usd=budget_usd,
        concurrency=concurrency,
        candidate=candidate,
    )
    named = [judges] if isinstance(judges, str) or callable(judges) else list(judges)
    dataset = read_samples(samples, without_output=answer is not None)
    return session.run(dataset, named, answer=answer)[0]


def read_samples(samples: Samples, *, without_output: bool = False) -> Dataset:
    """A dataset of whatever names one: itself, a file, or records.

    Raises:
        DatasetError: it cannot be used; says where and why.
    """
    if isinstance(samples, Dataset):
        return samples
    if isinstance(samples, str | Path):
        return read_file(Path(samples), now=utcnow(), without_output=without_output)
    return dataset_of(samples, now=utcnow(), without_output=without_output)
