"""`outerloop dataset review` and its neighbours: people's labels, asked for one call at a time."""

from __future__ import annotations

import getpass
import sys

import click

from monitor.cli.dataset import dataset
from monitor.cli.opening import opened
from monitor.cli.root import document, json_option
from monitor.clock import utcnow
from monitor.curation.queue import (
    VERDICTS,
    LabelError,
    ReviewItem,
    agreement,
    find_call,
    next_calls,
    progress,
    record_label,
    undo,
)

LONGEST_SHOWN = 4000
KEYS = {"r": "right", "w": "wrong", "u": "unclear"}
reviewer_option = click.option("--as", "reviewer", default="", help="your name; default: the login")


@dataset.command(epilog="Example: outerloop dataset review loan-extractor --limit 20")
@click.argument("service")
@click.option("--limit", default=10, show_default=True, help="calls to be asked about")
@reviewer_option
@json_option
def review(service: str, limit: int, reviewer: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Be asked about calls, hard ones first; with --json the calls are listed for another program.

    On a terminal answer r (right), w (wrong), u (unclear), s (skip), b (take the last one back) or q.
    """
    store, settings = opened()
    name = reviewer or getpass.getuser()
    items = next_calls(store, settings, service=service, reviewer=name, limit=limit, now=utcnow())
    if as_json:
        document(items)
        return
    done = 0
    for number, item in enumerate(items, 1):
        click.echo(_shown(item, number, len(items)))
        answer = _answered(item, name)
        if answer is None:
            break
        done += answer
    told = progress(store, settings, service=service, reviewer=name, now=utcnow())
    click.echo(
        f"{done} answered; {told.hard_waiting} hard calls wait for a label,"
        f" {told.reserved_labelled} of {told.reserved} test calls have one"
    )


def _answered(item: ReviewItem, name: str) -> int | None:
    """Ask until the answer is one; 1 when it was kept, 0 when skipped, None to stop."""
    store, _ = opened()
    while True:
        key = click.prompt("[r]ight [w]rong [u]nclear [s]kip [b]ack [q]uit", default="s").strip()[
            :1
        ]
        if key == "q":
            return None
        if key == "s":
            return 0
        if key == "b":
            taken = undo(store, service=item.service, reviewer=name, now=utcnow())
            click.echo(
                f"taken back: {taken.label} on {taken.trace_id}"
                if taken
                else "nothing to take back"
            )
            continue
        if key not in KEYS:
            continue
        right = (
            click.prompt("the right answer (empty: not known)", default="") if key == "w" else ""
        )
        try:
            record_label(
                store, item, reviewer=name, verdict=KEYS[key], corrected_output=right, now=utcnow()
            )
        except LabelError as error:
            click.echo(str(error), err=True)
            continue
        return 1


def _shown(item: ReviewItem, number: int, of: int) -> str:
    """A call as text; control characters of hostile texts are shown, not obeyed."""
    head = f"--- {number}/{of}  {item.trace_id}  {item.timestamp:%Y-%m-%d %H:%M}  {item.release}"
    return "\n".join((head, _plain(item.input), "=>", _plain(item.output)))


def _plain(text: str) -> str:
    cut = text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + " …"
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in cut)


@dataset.command(epilog="Example: outerloop dataset label loan-extractor TRACE --verdict right")
@click.argument("service")
@click.argument("trace_id")
@click.option("--span", default="", help="of a trace with several calls")
@click.option("--verdict", required=True, type=click.Choice(list(VERDICTS)))
@click.option("--output", "corrected", default="", help="the right answer; - reads standard input")
@click.option("--note", default="", help="why")
@click.option(
    "--as-text", is_flag=True, help="the right answer is no JSON although the model's was"
)
@reviewer_option
def label(
    service: str,
    trace_id: str,
    span: str,
    verdict: str,
    corrected: str,
    note: str,
    as_text: bool,  # noqa: FBT001 - click passes flags by position
    reviewer: str,
) -> None:
    """Label one call."""
    store, _ = opened()
    item = find_call(store, service=service, trace_id=trace_id, span_id=span)
    row = record_label(
        store,
        item,
        reviewer=reviewer or getpass.getuser(),
        verdict=verdict,
        corrected_output=sys.stdin.read() if corrected == "-" else corrected,
        note=note,
        now=utcnow(),
        as_text=as_text,
    )
    click.echo(f"{row.trace_id} {row.label} by {row.author}")


@dataset.command(name="undo", epilog="Example: outerloop dataset undo loan-extractor")
@click.argument("service")
@reviewer_option
def undo_(service: str, reviewer: str) -> None:
    """Take your latest label back; the one before it counts again."""
    taken = undo(opened()[0], service=service, reviewer=reviewer or getpass.getuser(), now=utcnow())
    click.echo(
        f"taken back: {taken.label} on {taken.trace_id}" if taken else "nothing to take back"
    )


@dataset.command(
    name="progress", epilog="Example: outerloop dataset progress loan-extractor --json"
)
@click.argument("service")
@reviewer_option
@json_option
def progress_(service: str, reviewer: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Say how far the review is, and how far people agree."""
    store, settings = opened()
    now, name = utcnow(), reviewer or getpass.getuser()
    told = progress(store, settings, service=service, reviewer=name, now=now)
    pairs = agreement(store, service=service, now=now)
    if as_json:
        document({"progress": told, "agreement": pairs})
        return
    click.echo(
        f"hard: {told.hard_labelled} labelled, {told.hard_waiting} wait\n"
        f"test calls: {told.reserved_labelled} of {told.reserved} labelled\n"
        f"for you, in this round: {told.hard_drawn} hard, {told.sample_waiting} of the random sample,"
        f" {told.second_waiting} second answers"
    )
    for one in pairs:
        same = f"{one.same.value:.0%}" if one.same else "-"
        kappa = "-" if one.kappa is None else f"{one.kappa:.2f}"
        click.echo(f"{' and '.join(one.people)}: {same} the same, kappa {kappa}, n {one.n}")
