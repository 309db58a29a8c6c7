"""Incidents by hand: the list (a deploy gate), and acknowledge, snooze, resolve."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime, timedelta

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import NotFoundError
from monitor.incidents import Incident, incident, tell
from monitor.incidents import incidents as all_incidents
from monitor.settings import load_settings
from monitor.store import Store

SNOOZE = timedelta(hours=24)


@cli.group(
    invoke_without_command=True, epilog="Example: outerloop incidents || echo 'do not deploy now'"
)
@json_option
@click.pass_context
def incidents(ctx: click.Context, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List incidents; exits 1 when one is open."""
    if ctx.invoked_subcommand is not None:
        return
    found = all_incidents(Store(load_settings().store))
    if as_json:
        document(found)
    else:
        click.echo("\n".join(_line(one) for one in found) or "no incident so far")
    sys.exit(1 if any(one.state == "open" for one in found) else 0)


def _line(one: Incident) -> str:
    return f"{one.incident_id}  {one.state:<12} since {rfc3339(one.started_at)}  {one.title}\n    {one.details.summary}"


def _change(
    incident_id: str, event: str, *, note: str, snoozed_until: datetime | None = None
) -> None:
    store = Store(load_settings().store)
    one = incident(store, incident_id)
    if one is None:
        raise NotFoundError(
            f"there is no incident {incident_id!r}; `outerloop incidents` lists them"
        )
    details = one.details.model_copy(update={"snoozed_until": snoozed_until})
    after = tell(
        store,
        one,
        event,
        now=utcnow(),
        actor=getpass.getuser(),
        via="cli",
        note=note,
        details=details,
    )
    click.echo(_line(after))


@incidents.command(epilog="Example: outerloop incidents ack inc-0123456789ab")
@click.argument("incident_id")
@click.option("--note", default="", help="what you know about it")
def ack(incident_id: str, note: str) -> None:
    """Say that you have it in hand."""
    _change(incident_id, "acknowledged", note=note)


@incidents.command(epilog="Example: outerloop incidents snooze inc-0123456789ab --until 2024-01-03")
@click.argument("incident_id")
@click.option("--until", type=Time(), help="default: for 24 hours")
@click.option("--note", default="", help="why")
def snooze(incident_id: str, until: datetime | None, note: str) -> None:
    """Be quiet about it for a while."""
    _change(incident_id, "snoozed", note=note, snoozed_until=until or utcnow() + SNOOZE)


@incidents.command(
    epilog="Example: outerloop incidents resolve inc-0123456789ab --note 'fixed upstream'"
)
@click.argument("incident_id")
@click.option("--note", default="", help="what ended it")
def resolve(incident_id: str, note: str) -> None:
    """Close it by hand."""
    _change(incident_id, "resolved", note=note)
