"""The retrain loop by hand, and its datasets."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import datetime, timedelta

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import NotFoundError
from monitor.incidents import incident
from monitor.retrain import lifecycle, promotion
from monitor.retrain.dataset import DatasetSummary, build_dataset
from monitor.retrain.export import export_dataset
from monitor.retrain.reserve import load_key
from monitor.retrain.state import Retrain, retrains
from monitor.settings import Settings, load_settings
from monitor.store import Store

HISTORY = timedelta(days=30)


def _open() -> tuple[Store, Settings]:
    settings = load_settings()
    return Store(settings.store), settings


def _line(one: Retrain) -> str:
    told = one.trouble or one.history[-1].note
    releases = f"{one.base_release} -> {one.candidate_release or '?'}"
    return f"{one.retrain_id}  {one.state:<12} {one.service}: {releases}  {told}"


@cli.group(epilog="Example: outerloop retrain list")
def retrain() -> None:
    """The retrain loop by hand."""


@retrain.command(name="list", epilog="Example: outerloop retrain list --json")
@json_option
def list_(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List retrains, the latest first, with what they wait for."""
    found = retrains(_open()[0])
    if as_json:
        document(found)
    else:
        click.echo("\n".join(_line(one) for one in found) or "no retrain so far")


@retrain.command(epilog="Example: outerloop retrain propose inc-0123456789ab")
@click.argument("incident_id")
def propose(incident_id: str) -> None:
    """Propose a retrain for an incident, and ask the fine-tune job where one is set."""
    store, settings = _open()
    one = incident(store, incident_id)
    if one is None:
        raise NotFoundError(
            f"there is no incident {incident_id!r}; `outerloop incidents` lists them"
        )
    cure = lifecycle.propose(store, settings, one, now=utcnow(), actor=getpass.getuser(), via="cli")
    if settings.retrain_webhook_url:
        cure = lifecycle.request(
            store, settings, cure.retrain_id, now=utcnow(), actor=getpass.getuser(), via="cli"
        )
    click.echo(_line(cure))


def _without_settings(take: Callable[..., Retrain]) -> Callable[..., Retrain]:
    return lambda store, _settings, *words, **options: take(store, *words, **options)


def _decision(name: str, take: Callable[..., Retrain], meaning: str, *, example: str) -> None:
    """Add a command by which a person takes a retrain one step further, on record."""

    @retrain.command(name, help=meaning, epilog=f"Example: outerloop retrain {name} {example}")
    @click.argument("retrain_id")
    @click.option("--note", default="", help="why, or on which evidence; kept with the decision")
    def decide(retrain_id: str, note: str) -> None:
        store, settings = _open()
        who = {"actor": getpass.getuser(), "via": "cli", "note": note}
        click.echo(_line(take(store, settings, retrain_id, now=utcnow(), **who)))


_decision(
    "approve", _without_settings(lifecycle.approve), "Say that the candidate may go to production.",
    example="rt-0123456789ab --note 'looked at the ten that got worse'",
)  # fmt: skip
_decision(
    "reject", _without_settings(lifecycle.reject), "Say that it may not.",
    example="rt-0123456789ab --note 'worse on escrow calls'"
)  # fmt: skip
_decision(
    "promote", promotion.promote, "Point the service at the approved candidate.", example="rt-0123456789ab"
)  # fmt: skip
_decision(
    "rollback", promotion.rollback, "Point the service back at the release before.",
    example="rt-0123456789ab --note 'latency'",
)  # fmt: skip


@cli.group(epilog="Example: outerloop dataset list")
def dataset() -> None:
    """Datasets for fine-tuning, with a reserved test share that is never exported."""


@dataset.command(epilog="Example: outerloop dataset build loan-extractor --since 2024-01-01")
@click.argument("service")
@click.option("--since", type=Time(), help="default: 30 days ago")
@click.option("--until", type=Time(), help="default: now")
@json_option
def build(service: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Build a version from the traffic of a time range; the same rows give the same version."""
    store, settings = _open()
    now = until or utcnow()
    made = build_dataset(
        store,
        service=service,
        incident=None,
        since=since or now - HISTORY,
        until=now,
        now=utcnow(),
        key=load_key(settings.data_dir),
    )
    if as_json:
        document(made)
    else:
        click.echo(f"{_dataset_line(made)}, {made.unlabelled} wait for a label")


@dataset.command(name="list", epilog="Example: outerloop dataset list --json")
@json_option
def list_datasets(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List dataset versions, the latest first."""
    found = _open()[0].read("dataset_versions", DatasetSummary)
    if as_json:
        document(found)
    else:
        click.echo("\n".join(map(_dataset_line, found)) or "no dataset so far")


def _dataset_line(one: DatasetSummary) -> str:
    counts = f"{one.train} training, {one.validation} validation, {one.reserved} reserved"
    return f"{one.version}  {one.service}  {rfc3339(one.created_at)}  {counts}"


@dataset.command(epilog="Example: outerloop dataset export ds-0123456789ab")
@click.argument("version")
def export(version: str) -> None:
    """Write a version's training and validation files as chat JSONL."""
    store, settings = _open()
    manifest = export_dataset(store, version, settings.data_dir)
    for one in manifest.files:
        click.echo(
            f"{settings.data_dir / 'datasets' / version / one.name}  {one.rows} rows  sha256 {one.sha256}"
        )
