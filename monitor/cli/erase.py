"""`outerloop erase`: a user, a session or a trace, everywhere."""

from __future__ import annotations

import sys

import click

from monitor.cli.root import cli, document, json_option
from monitor.clock import rfc3339, wall_now
from monitor.erasure import Erasure, Subject, erase
from monitor.erasure.subject import Kind
from monitor.exceptions import ConfigurationError
from monitor.settings import load_settings
from monitor.store import Store


@cli.command("erase", epilog="Example: outerloop erase --user u-9 --dry-run")
@click.option("--user", help="the user's id, as calls carry it in user_id")
@click.option("--session", help="the session's id")
@click.option("--trace", help="the trace's id")
@click.option("--dry-run", is_flag=True, help="count what would go, and change nothing")
@json_option
def erase_(
    user: str | None,
    session: str | None,
    trace: str | None,
    dry_run: bool,  # noqa: FBT001 - click passes flags by position
    as_json: bool,  # noqa: FBT001
) -> None:
    """Erase a user, a session or a trace everywhere, and print the receipt.

    Exits 1 when something of it is left; running it again goes on. Erasing twice is harmless.
    """
    subject = _subject(user, session, trace)
    settings = load_settings()
    done = erase(
        Store(settings.store),
        settings,
        subject,
        now=wall_now(),
        dry_run=dry_run,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        document(done)
    else:
        click.echo("\n".join(_lines(done)))
    sys.exit(1 if done.left else 0)


def _subject(user: str | None, session: str | None, trace: str | None) -> Subject:
    asked: tuple[tuple[Kind, str | None], ...] = (
        ("user", user),
        ("session", session),
        ("trace", trace),
    )
    given = [Subject(kind, one) for kind, one in asked if one is not None]
    if len(given) != 1:
        raise ConfigurationError("give one of --user, --session and --trace, e.g. --user u-9")
    return given[0]


def _lines(done: Erasure) -> list[str]:
    """The receipt for people."""
    receipt = done.receipt
    verb = "would go" if done.dry_run else "gone"
    lines = [f"{receipt.kind} {receipt.request[:16]}… at {rfc3339(receipt.erased_at)}"]
    lines += [f"  stored as {one}, too" for one in done.placeholders]
    lines += [
        f"  {number:>9,} rows {verb}  {table}" for table, number in sorted(receipt.rows.items())
    ]
    lines += [] if receipt.rows else ["  no rows were found"]
    lines += [
        f"  file {'would be touched' if done.dry_run else 'written anew or removed'}: {name}"
        for name in receipt.files
    ]
    lines += [f"  log: {receipt.log}"]
    lines += [f"  dataset that held its calls: {name}" for name in receipt.datasets]
    lines += [f"  model release trained on its calls: {name}" for name in receipt.releases]
    lines += [f"  retrain told that it learnt from its calls: {name}" for name in done.retrains]
    if done.shared_traces:
        lines.append(
            f"  {done.shared_traces:,} traces are shared with others: only its own spans are its"
        )
    lines += [
        f"  LEFT {number:,} rows in {table}; run this again" for table, number in done.left.items()
    ]
    lines += [
        f"  the id still stands in {number:,} rows of {where}: look at them"
        for where, number in receipt.mentions.items()
    ]
    lines += [
        f"  earlier receipt: {rfc3339(one.erased_at)}, {sum(one.rows.values()):,} rows"
        for one in done.earlier
    ]
    return [*lines, *(f"  out of reach: {one}" for one in done.out_of_reach)]
