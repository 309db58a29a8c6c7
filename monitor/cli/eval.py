"""`outerloop eval`: scores a dataset now, compares two versions, and says what a wished-for sensitivity costs."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.cli.eval_options import MAPPED, eval_options
from monitor.cli.eval_screen import console_of, progress, show, summary
from monitor.cli.root import cli, document
from monitor.clock import utcnow
from monitor.evaluation.files import read_file
from monitor.evaluation.gate import Gate, problems, read_gate, unfinished
from monitor.evaluation.keeping import find_run, keep_in_file, send_waiting
from monitor.evaluation.samples import Dataset, DatasetError
from monitor.evaluation.stored import names_store, read_stored
from monitor.exceptions import ConfigurationError, StoreUnavailableError
from monitor.settings import Settings, load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.evaluation.rows import EvaluationRow

EPILOG = (
    "Example: outerloop eval cases.jsonl --judge json_valid --judge exact --gate 'exact>=0.9'\n\n"
    "Another: outerloop eval new.jsonl --judge faithful --baseline old.jsonl --budget 0.50"
)
STORE_S = 30


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for on the command line."""

    dataset: str | None
    judges: tuple[str, ...]
    baseline: str | None
    plan: bool
    budget: float | None
    concurrency: int
    gate: tuple[str, ...]
    fail_under: float | None
    as_json: bool
    limit: int | None
    models: tuple[str, ...]
    deadline: float | None
    resume: str | None
    candidate: str
    split: str
    no_store: bool
    share_from: float
    share_to: float
    within: str
    fields: Mapping[str, str]

    @property
    def gates(self) -> list[Gate]:
        """Every bar that the run has to reach."""
        bar = [] if self.fail_under is None else [Gate("", self.fail_under)]
        return [*bar, *map(read_gate, self.gate)]


@cli.command(name="eval", epilog=EPILOG)
@click.argument("dataset", required=False)
@eval_options
def eval_(**told: Any) -> None:
    """Score a dataset now: per sample, and each judge's mean with its interval.

    DATASET is a file (JSONL, JSON, CSV, TSV, Parquet) whose records have `input` and `output`, and where a
    judge needs them `expected`, `other`, `steps`; or a dataset version (`ds-…`); or a service's calls
    (`service@2024-01-01..2024-01-02`). Judges are checks, which cost nothing, and the definitions of the data
    directory, which ask OUTERLOOP_JUDGE_BASE_URL. Exits 1 when a gate is missed.
    """
    fields = {name: told.pop(f"{name}_field") for name in MAPPED}
    named = {name: value for name, value in fields.items() if value}
    order = Order(**told, fields=named)
    if order.plan:
        _plan(order)
    elif order.dataset is None or not order.judges:
        lacks = "what to score" if order.dataset is None else "who judges: --judge NAME"
        raise ConfigurationError(f"outerloop eval needs {lacks}; see outerloop eval --help")
    else:
        sys.exit(_evaluate(order))


def _evaluate(order: Order) -> int:
    settings, gates = load_settings(), order.gates
    now = utcnow()
    store = _store(settings, order)
    console = console_of(quiet=order.as_json)
    dataset = _dataset(order.dataset or "", order, settings, now)
    baseline = _baseline(order, dataset, settings, store, now)
    from monitor.evaluation.session import Session  # noqa: PLC0415 - the judges, once all else is in order

    session = Session(
        settings,
        run_id=order.resume or f"ev-{secrets.token_hex(6)}",
        now=now,
        budget_usd=order.budget,
        concurrency=order.concurrency,
        deadline_s=order.deadline,
        candidate=order.candidate,
        models=order.models,
    )
    bar = progress(console, dataset, baseline, session.run_id, judges=len(order.judges))
    with bar as (told, on_verdict):
        done, before = session.run(
            dataset, order.judges, baseline=baseline, before=told, on_verdict=on_verdict
        )
    for one in [done, before]:
        if isinstance(one, type(done)):
            keep_in_file(settings.data_dir, one.run_id, one.rows)
    for note in _send(settings, store, done.run_id):
        _say(note)
    compared = done.compare(before) if before is not None and done.rows else ()
    cut = unfinished(done, gates)
    wrong = [*cut, *problems(done.aggregates, gates=() if cut else gates, comparisons=compared)]
    if order.as_json:
        document(summary(done, compared, wrong))
    else:
        show(done, compared, wrong, baseline=order.baseline or "")
    return 1 if wrong else 0


def _say(note: str) -> None:
    sys.stderr.write(f"outerloop: {note}\n")


def _store(settings: Settings, order: Order) -> Store | None:
    return None if order.no_store else Store(settings.store, timeout_s=STORE_S)


def _dataset(named: str, order: Order, settings: Settings, now: datetime) -> Dataset:
    if names_store(named) and not Path(named).exists():
        store = Store(settings.store)
        try:
            return read_stored(store, named, now=now, split=order.split, limit=order.limit)
        except ClickHouseError as error:
            said = str(error).splitlines()[0][:200]
            raise ConfigurationError(
                f"the store does not give {named} ({said}); has `outerloop migrate` run?"
            ) from error
    return read_file(Path(named), now=now, mapping=order.fields).cut(order.limit)


def _baseline(
    order: Order, dataset: Dataset, settings: Settings, store: Store | None, now: datetime
) -> Dataset | list[EvaluationRow] | None:
    if order.baseline is None:
        return None
    path = Path(order.baseline)
    if not path.suffix and not path.exists():
        return find_run(order.baseline, data_dir=settings.data_dir, store=store)
    other = read_file(path, now=now, mapping=order.fields)
    mine = {one.key for one in dataset}
    common = tuple(one for one in other.samples if one.key in mine)
    if not common:
        raise DatasetError(
            f"{other.name} and {dataset.name} have no sample in common; samples are paired by `id`,"
            " or by their input where there is no id"
        )
    return replace(other, samples=common)


def _send(settings: Settings, store: Store | None, run_id: str) -> list[str]:
    """Bring this run to the store, and those that found none before; what a person has to know."""
    path = settings.data_dir / "evals" / f"{run_id}.jsonl"
    if store is None:
        return []
    try:
        send_waiting(store, settings.data_dir)
    except StoreUnavailableError:
        return [
            f"no store answers; the run is kept in {path}, and the next eval that finds one brings it along"
        ]
    except ClickHouseError as error:
        said = str(error).splitlines()[0][:200]
        return [
            f"the store did not take the run ({said}); it is kept in {path}. Has `outerloop migrate` run?"
        ]
    finally:
        store.close()
    return []


def _plan(order: Order) -> None:
    """Print what a wished-for sensitivity costs, and what the present budget can see."""
    from monitor.evaluation.plan import Wish, read_within  # noqa: PLC0415 - brings scipy
    from monitor.evaluation.planning import make_plans  # noqa: PLC0415 - see above

    settings = load_settings()
    wish = Wish(order.share_from, order.share_to, read_within(order.within))
    now = utcnow()
    dataset = _dataset(order.dataset, order, settings, now) if order.dataset else None
    store = _store(settings, order)
    told = make_plans(
        settings, store, wish, judges=order.judges, models=order.models, dataset=dataset, now=now, say=_say,
    )  # fmt: skip
    if order.as_json:
        document(told)
        return
    for one in told:
        click.echo(one.sentence)
