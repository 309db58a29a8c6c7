"""`outerloop dataset`: curation by hand."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import orjson

from monitor.cli.opening import opened
from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.curation.bringing import import_examples
from monitor.curation.dataset import DatasetSummary, DatasetVersion, build_dataset, dataset_versions
from monitor.curation.export import export_dataset
from monitor.curation.labelling import label_by_model
from monitor.curation.lineage import history
from monitor.curation.policy import curation_of
from monitor.curation.reserve import load_key
from monitor.exceptions import NotFoundError
from monitor.incidents import incident as find_incident

__all__ = ["dataset"]

HISTORY = timedelta(days=30)
MOST_SLICES = 8


@cli.group(epilog="Example: outerloop dataset list")
def dataset() -> None:
    """Datasets for fine-tuning, with a reserved test share that is never exported."""


@dataset.command(epilog="Example: outerloop dataset build loan-extractor --since 2024-01-01")
@click.argument("service")
@click.option("--since", type=Time(), help="default: 30 days ago, or 30 days before the incident")
@click.option("--until", type=Time(), help="default: now")
@click.option("--incident", "incident_id", default="", help="what is to be cured")
@click.option(
    "--turn", type=Time(), help="calls before it are replay; default: the incident's start"
)
@click.option("--mask", is_flag=True, help="mask personal data also where OUTERLOOP_MASK is off")
@click.option("--accept-new-key", is_flag=True, help="after reserve.key was lost for good")
@json_option
def build(
    service: str,
    since: datetime | None,
    until: datetime | None,
    incident_id: str,
    turn: datetime | None,
    mask: bool,  # noqa: FBT001 - click passes flags by position
    accept_new_key: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Build a version from the traffic of a time range; the same rows give the same version."""
    store, settings = opened()
    cure = find_incident(store, incident_id) if incident_id else None
    if incident_id and cure is None:
        raise NotFoundError(
            f"there is no incident {incident_id!r}; `outerloop incidents` lists them"
        )
    now = until or utcnow()
    limits = curation_of(
        settings, service, always_mask=mask, turn=turn, accept_new_key=accept_new_key
    )
    made = build_dataset(
        store,
        service=service,
        incident=cure,
        since=since or (cure.started_at if cure else now) - HISTORY,
        until=now,
        now=utcnow(),
        key=load_key(settings.data_dir),
        curation=limits,
    )
    if as_json:
        document(made)
    else:
        click.echo("\n".join(_described(made)))


@dataset.command(name="list", epilog="Example: outerloop dataset list --json")
@json_option
def list_datasets(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List dataset versions, the latest first."""
    found = dataset_versions(opened()[0])
    if as_json:
        document(found)
    else:
        click.echo("\n".join(map(_line, found)) or "no dataset so far")


@dataset.command(epilog="Example: outerloop dataset show ds-0123456789abcdef")
@click.argument("version")
@json_option
def show(version: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Say what a version is made of, what was left out, and how its slices compare with the traffic."""
    store = opened()[0]
    told = next(
        (one for one in dataset_versions(store) if one.version == version),
        None,
    )
    events = history(store, version)
    built = next((orjson.loads(one.details) for one in events if one.event == "built"), None)
    if told is None:
        raise NotFoundError(f"there is no dataset {version!r}; `outerloop dataset list` lists them")
    if as_json:
        document({"dataset": told, "built": built, "events": events})
        return
    click.echo(_line(told))
    if built is not None:
        click.echo("\n".join(_made_of(built)))
    for one in events:
        if one.event != "built":
            click.echo(f"{one.event} {rfc3339(one.timestamp)} by {one.actor}: {one.note}")


@dataset.command(epilog="Example: outerloop dataset export ds-0123456789abcdef --parquet")
@click.argument("version")
@click.option("--parquet", is_flag=True, help="Parquet too, as a folder that `datasets` loads")
@json_option
def export(version: str, parquet: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Write a version's training and validation files as chat JSONL, and Parquet where asked for."""
    store, settings = opened()
    manifest = export_dataset(store, version, settings.data_dir, parquet=parquet)
    folder = settings.data_dir / "datasets" / version
    if as_json:
        document({"folder": str(folder), **manifest.model_dump()})
        return
    for one in (*manifest.files, *manifest.also):
        click.echo(f"{folder / one.name}  {one.rows} rows  sha256 {one.sha256}")


@dataset.command(
    name="import", epilog="Example: outerloop dataset import loan-extractor cases.jsonl"
)
@click.argument("service")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--author", default="", help="whose labels they are; default: you")
@click.option("--skip-bad", is_flag=True, help="leave lines out that are no examples")
@json_option
def import_(service: str, path: Path, author: str, skip_bad: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Bring your own labelled examples (JSONL, CSV, Parquet); the next build takes them up.

    A line has `messages` (the last one is the answer) and `tools`, or `input` and `output`.
    """
    store, _ = opened()
    done = import_examples(
        store,
        path,
        service=service,
        author=author or getpass.getuser(),
        now=utcnow(),
        skip_bad=skip_bad,
    )
    if as_json:
        document(done)
        return
    for problem in done.problems:
        click.echo(f"left out {problem}", err=True)
    told = f", {done.repeated} repeated" if done.repeated else ""
    click.echo(f"{done.version}  {done.service}  {done.examples} examples{told}")


@dataset.command(
    epilog="Example: outerloop dataset relabel loan-extractor --limit 20 --max-usd 0.5"
)
@click.argument("service")
@click.option("--limit", default=50, show_default=True, help="calls to ask about at most")
@click.option("--max-usd", default=1.0, show_default=True, help="what it may cost")
@json_option
def relabel(service: str, limit: int, max_usd: float, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Let the stronger model of OUTERLOOP_DATASET_LABEL_MODEL answer hard calls that nobody has labelled."""
    store, settings = opened()
    done = label_by_model(
        store, settings, service=service, limit=limit, max_usd=max_usd, now=utcnow()
    )
    if as_json:
        document(done)
    else:
        click.echo(
            f"{done.labelled} of {done.asked} calls labelled by {done.author} for ${done.cost_usd:.4f}"
            + (f"; {done.failed} failed: {done.problem}" if done.failed else "")
        )


def _line(one: DatasetSummary) -> str:
    counts = f"{one.train} training, {one.validation} validation, {one.reserved} reserved"
    tainted = "  TAINTED: calls in it were erased" if one.tainted else ""
    return f"{one.version}  {one.service}  {rfc3339(one.created_at)}  {counts}{tainted}"


@dataclass(frozen=True, slots=True)
class _Count:
    """What is said before counts, and the counts."""

    title: str
    counts: dict[str, int]

    def __str__(self) -> str:
        listed = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        return f"  {self.title}: {listed or 'none'}"


def _described(made: DatasetVersion) -> list[str]:
    return [
        f"{_line(made)}, {made.unlabelled} wait for a label",
        *_made_of(orjson.loads(orjson.dumps(made))),
    ]


def _made_of(built: dict[str, Any]) -> list[str]:
    """Counts and slices of a version, from what was kept when it was built."""
    lines = [
        str(_Count("reasons", built["reasons"])),
        str(_Count("labels by", built["authors"])),
        str(_Count("left out", built["left_out"])),
    ]
    if built["hard_unlabelled"]:
        command = f"outerloop dataset review {built['service']}"
        lines.append(f"  {built['hard_unlabelled']} hard examples wait for a label: `{command}`")
    slices = (
        f"  {one['attribute']} {one['value'] or '(none)'}: {one['training_share']:.1%} of training,"
        f" {one['traffic_share']:.1%} of traffic"
        for one in built["slices"][:MOST_SLICES]
    )
    return [*lines, *slices]
