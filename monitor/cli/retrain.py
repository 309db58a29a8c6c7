"""The retrain loop by hand."""

from __future__ import annotations

import getpass
from collections.abc import Callable

import click

from monitor.cli.opening import opened
from monitor.cli.root import cli, document, json_option
from monitor.clock import utcnow
from monitor.exceptions import NotFoundError
from monitor.incidents import incident
from monitor.retrain import delivery, lifecycle, promotion
from monitor.retrain.state import Retrain, retrains


def _line(one: Retrain) -> str:
    told = one.trouble or one.history[-1].note
    releases = f"{one.base_release} -> {one.candidate_release or '?'}"
    approval = one.approval
    if approval is not None and approval.actor == lifecycle.AUTO:
        told = f"approved by OUTERLOOP_AUTO_APPROVE, no person; {told}"
    return f"{one.retrain_id}  {one.standing:<12} {one.service}: {releases}  {told}"


@cli.group(epilog="Example: outerloop retrain list")
def retrain() -> None:
    """The retrain loop by hand."""


@retrain.command(name="list", epilog="Example: outerloop retrain list --json")
@json_option
def list_(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List retrains, the latest first, with what they wait for."""
    store, settings = opened()
    found = retrains(store)
    if as_json:
        document(found)
        return
    if settings.auto_approve:
        click.echo(
            "OUTERLOOP_AUTO_APPROVE is on: a better candidate is approved and promoted without a person",
            err=True,
        )
    click.echo("\n".join(_line(one) for one in found) or "no retrain so far")


def _told(one: Retrain, *, as_json: bool) -> None:
    if as_json:
        document(one)
    else:
        click.echo(_line(one))


@retrain.command(epilog="Example: outerloop retrain redeliver rt-0123456789ab")
@click.argument("retrain_id")
@json_option
def redeliver(retrain_id: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Tell the outside now what it has not taken: the request to the job, or the word of a promotion."""
    store, settings = opened()
    who = {"actor": getpass.getuser(), "via": "cli"}
    _told(delivery.redeliver(store, settings, retrain_id, now=utcnow(), **who), as_json=as_json)


@retrain.command(epilog="Example: outerloop retrain propose inc-0123456789ab")
@click.argument("incident_id")
@json_option
def propose(incident_id: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Propose a retrain for an incident, and ask the fine-tune job where one is set.

    A person may do so at any time: neither the cool-down nor the limit of proposals holds for people.
    """
    store, settings = opened()
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
    _told(cure, as_json=as_json)


def _without_settings(take: Callable[..., Retrain]) -> Callable[..., Retrain]:
    return lambda store, _settings, *words, **options: take(store, *words, **options)


def _decision(name: str, take: Callable[..., Retrain], meaning: str, *, example: str) -> None:
    """Add a command by which a person takes a retrain one step further, on record."""

    @retrain.command(name, help=meaning, epilog=f"Example: outerloop retrain {name} {example}")
    @click.argument("retrain_id")
    @click.option("--note", default="", help="why; kept with the decision")
    @click.option(
        "--evidence",
        default="",
        help="what you were shown, as `retrain show` names it; refused when that has changed since",
    )
    @json_option
    def decide(retrain_id: str, note: str, evidence: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
        store, settings = opened()
        who = {"actor": getpass.getuser(), "via": "cli", "note": note, "evidence": evidence}
        _told(take(store, settings, retrain_id, now=utcnow(), **who), as_json=as_json)


_decision(
    "approve", _without_settings(lifecycle.approve), "Say that the candidate may go to production.",
    example="rt-0123456789ab --evidence 1f2e3d4c --note 'looked at the ten that got worse'",
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
