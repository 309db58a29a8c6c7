"""Incidents by hand: the list (a deploy gate), one in full, and acknowledge, snooze, resolve, reopen."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import NotFoundError
from monitor.incidents import TIERS, Incident, act, incident
from monitor.incidents import incidents as all_incidents
from monitor.settings import load_settings
from monitor.store import Store


@cli.group(
    invoke_without_command=True,
    epilog="Example: outerloop incidents --severity ticket || echo 'do not deploy now'",
)
@click.option(
    "--severity",
    type=click.Choice(TIERS),
    default=TIERS[-1],
    show_default=True,
    help="the least that counts: `ticket` leaves out what is only watched, `page` tickets too",
)
@json_option
@click.pass_context
def incidents(ctx: click.Context, severity: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List incidents; exits 1 when one is open, also one that is only watched unless --severity says otherwise."""
    if ctx.invoked_subcommand is not None:
        return
    graver = TIERS[: TIERS.index(severity) + 1]
    known = all_incidents(Store(load_settings().store))
    found = [one for one in known if severity == TIERS[-1] or one.severity in graver]
    if as_json:
        document(found)
    else:
        click.echo("\n".join(_line(one) for one in found) or "no incident so far")
    sys.exit(1 if any(one.state == "open" for one in found) else 0)


def _line(one: Incident) -> str:
    state = one.state if one.severity != "watch" else f"{one.state} (watch)"
    return f"{one.incident_id}  {state:<12} since {rfc3339(one.started_at)}  {one.title}\n    {one.details.summary}"


@incidents.command(epilog="Example: outerloop incidents show inc-0123456789ab")
@click.argument("incident_id")
@json_option
def show(incident_id: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Everything that is known about one: when, where, why, and calls to look at."""
    one = incident(Store(load_settings().store), incident_id)
    if one is None:
        raise NotFoundError(
            f"there is no incident {incident_id!r}; `outerloop incidents` lists them"
        )
    if as_json:
        document(one)
    else:
        click.echo(
            "\n".join(
                [_line(one), *_when(one), *_where(one), *_why(one), *_what(one), *_calls(one)]
            )
        )


def _when(one: Incident) -> list[str]:
    change = one.details.change
    if change is None:
        return []
    how = ", little by little" if change.gradual else ""
    return [f"Began between {rfc3339(change.low)} and {rfc3339(change.high)} (95 %){how}."]


def _where(one: Incident) -> list[str]:
    return [
        f"Where: {part.attribute} = {part.value}: {part.rate:.1%} of {part.n:,} calls, {part.rate_elsewhere:.1%}"
        f" elsewhere, {part.share_of_faults:.0%} of the faults"
        for part in one.details.slices
    ]


def _why(one: Incident) -> list[str]:
    lines = []
    for cause in one.details.causes:
        lines.append(f"Cause {cause.cause} ({cause.score:.0%})")
        lines += [f"    + {said}" for said in cause.speaks_for]
        lines += [f"    - {said}" for said in cause.speaks_against]
    return lines


def _what(one: Incident) -> list[str]:
    """What to do: the sentence, then every cure that was weighed with its evidence."""
    lines = [f"What to do: {one.details.advice}"] if one.details.advice else []
    for cure in one.details.cures:
        lines.append(f"Cure {cure.name}{' (not now)' if cure.forbidden else ''}")
        lines += [f"    ! {said}" for said in cure.forbidden]
        lines += [f"    + {said}" for said in cure.speaks_for]
        lines += [f"    - {said}" for said in cure.speaks_against]
        lines += [f"    expected: {cure.effect}"] if cure.effect else []
        lines += [f"    takes: {cure.cost}"] if cure.cost else []
    return lines


def _calls(one: Incident) -> list[str]:
    return [
        f"Call {example.trace_id} at {rfc3339(example.timestamp)}: {example.value} {example.why}".rstrip()
        for example in one.details.examples
    ]


def _change(incident_id: str, event: str, *, note: str, until: datetime | None = None) -> None:
    after = act(
        Store(load_settings().store),
        incident_id,
        event,
        now=utcnow(),
        actor=getpass.getuser(),
        via="cli",
        note=note,
        until=until,
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
    _change(incident_id, "snoozed", note=note, until=until)


@incidents.command(
    epilog="Example: outerloop incidents resolve inc-0123456789ab --note 'fixed upstream'"
)
@click.argument("incident_id")
@click.option("--note", default="", help="what ended it")
def resolve(incident_id: str, note: str) -> None:
    """Close it by hand."""
    _change(incident_id, "resolved", note=note)


@incidents.command(epilog="Example: outerloop incidents reopen inc-0123456789ab --note 'not over'")
@click.argument("incident_id")
@click.option("--note", default="", help="why")
def reopen(incident_id: str, note: str) -> None:
    """Open it again: one that was resolved, taken on or snoozed."""
    _change(incident_id, "reopened", note=note)
