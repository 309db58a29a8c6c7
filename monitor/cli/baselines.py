"""Baselines by hand: what counts as normal for every watched series, and a person's word on it."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import rfc3339, utcnow
from monitor.exceptions import ConfigurationError, NotFoundError
from monitor.incidents import incident
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from monitor.watching.baselines import Word
    from monitor.watching.standing import Standing

service_option = click.option("--service", default="", help="needed where several have the series")
note_option = click.option("--note", default="", help="why; it is kept with your name")
FOLLOWS = "the `rates` job follows at its next run (`outerloop run rates` runs it now)"


@cli.group(
    invoke_without_command=True, epilog="Example: outerloop baselines --service loan-extractor"
)
@click.option("--service", default="", help="one service alone")
@json_option
@click.pass_context
def baselines(ctx: click.Context, service: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """List every watched series: its baseline, how that was chosen, its state, and what it takes to see a doubling."""
    if ctx.invoked_subcommand is not None:
        return
    from monitor.watching.standing import standings  # noqa: PLC0415 - a second of imports that other commands do not need

    settings = load_settings()
    found = standings(Store(settings.store), settings, service)
    if service and not found:
        raise NotFoundError(
            f"no series of service {service!r} is watched; `outerloop baselines` lists all"
        )
    if as_json:
        document(found)
    else:
        click.echo("\n".join(map(_lines, found)) or "no series is watched yet: `outerloop jobs`")


def _lines(one: Standing) -> str:
    """A series on two lines."""
    head = f"{one.service}  {one.detector}  {one.series}  {one.status} ({one.tier} tier)"
    if one.status == "insufficient_data":
        return f"{head}\n    {one.missing or 'no baseline yet'}"
    told = []
    if one.rate is not None:
        told.append(f"{one.rate:.3%} [{one.low:.3%}, {one.high:.3%}] of {one.n:,}")
    if (fixed := one.corrected) is not None:
        told.append(
            f"corrected by {fixed.labels} labels {fixed.rate:.3%} [{fixed.low:.3%}, {fixed.high:.3%}]"
        )
    if one.since is not None and one.until is not None:
        told.append(f"{rfc3339(one.since)} to {rfc3339(one.until)}")
    told.append(_chosen(one))
    if one.needed is not None:
        told.append(f"{one.needed:,} more looks to see a doubling")
    return f"{head}\n    {'; '.join(told)}"


def _chosen(one: Standing) -> str:
    how = f"dataset {one.dataset}" if one.dataset else one.chosen
    if one.chosen in ("own", "predecessor") and one.release:
        how = f"{one.chosen} release {one.release}"
    return f"{how} by {one.by}{f': {one.note}' if one.note else ''}" if one.by else how


@baselines.command(
    name="pin",
    epilog="Example: outerloop baselines pin call/error --since 2023-11-01 --until 2023-11-29",
)
@click.argument("series")
@click.option("--since", type=Time(), help="begin of the span that counts as normal")
@click.option("--until", type=Time(), help="its end")
@click.option(
    "--dataset", default="", help="a dataset version instead of a span, for yes/no scores"
)
@service_option
@note_option
@json_option
def pin_(
    series: str,
    since: datetime | None,
    until: datetime | None,
    dataset: str,
    service: str,
    note: str,
    as_json: bool,  # noqa: FBT001 - click passes flags by position
) -> None:
    """Hold a series against a span of time or a dataset, until your next word on it."""
    from monitor.watching import baselines as words  # noqa: PLC0415 - see above

    if bool(dataset) == bool(since or until) or bool(since) != bool(until):
        raise ConfigurationError("a baseline is a span (--since and --until) or a --dataset")
    store = Store(load_settings().store)
    service, word = service or words.service_of(store, series), _word(note)
    if since is not None and until is not None:
        words.pin(store, service, series, (since, until), word)
    else:
        words.hold_to(store, service, series, dataset, word)
    _told(service, series, "dataset" if dataset else "pinned", word, as_json=as_json)


@baselines.command(name="unpin", epilog="Example: outerloop baselines unpin call/error")
@click.argument("series")
@service_option
@note_option
@json_option
def unpin_(series: str, service: str, note: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Let a series learn its baseline by itself again."""
    from monitor.watching import baselines as words  # noqa: PLC0415 - see above

    store = Store(load_settings().store)
    service, word = service or words.service_of(store, series), _word(note)
    words.unpin(store, service, series, word)
    _told(service, series, "unpinned", word, as_json=as_json)


@baselines.command(
    name="accept",
    epilog="Example: outerloop baselines accept inc-0123456789ab --note 'stricter limits upstream'",
)
@click.argument("series_or_incident")
@click.option("--since", type=Time(), help="when it began; of an incident, its own begin")
@service_option
@note_option
@json_option
def accept_(
    series_or_incident: str,
    since: datetime | None,
    service: str,
    note: str,
    as_json: bool,  # noqa: FBT001 - click passes flags by position
) -> None:
    """Take what a series does now for its new normal; an incident is resolved, and all its series are accepted."""
    from monitor.watching import acceptance  # noqa: PLC0415 - see above
    from monitor.watching import baselines as words  # noqa: PLC0415 - see above

    store, word = Store(load_settings().store), _word(note)
    one = incident(store, series_or_incident)
    if one is not None:
        service = one.service
        names = acceptance.accept_incident(store, one, word, via="cli", since=since)
    else:
        names = [series_or_incident]
        service = service or words.service_of(store, series_or_incident)
        begun = since or words.changed_at(store, service, series_or_incident)
        words.accept(store, service, series_or_incident, begun, word)
    _told(service, ", ".join(names), "accepted", word, as_json=as_json)


def _word(note: str) -> Word:
    from monitor.watching.baselines import Word  # noqa: PLC0415 - see above

    return Word(getpass.getuser(), utcnow(), note)


def _told(service: str, series: str, status: str, word: Word, *, as_json: bool) -> None:
    if as_json:
        document(
            {
                "service": service,
                "series": series,
                "status": status,
                "by": word.actor,
                "at": word.at,
            }
        )
    else:
        click.echo(f"{series} of {service}: {status} by {word.actor}; {FOLLOWS}")
