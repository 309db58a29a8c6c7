"""`outerloop retrain show`: one retrain with its comparison, gate by gate, as a person reads it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from monitor.alerts.decision import BUTTONS
from monitor.cli.retrain import retrain
from monitor.cli.root import document, json_option
from monitor.clock import rfc3339
from monitor.retrain.lifecycle import evidence_of
from monitor.retrain.state import retrain as find_retrain
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitor.retrain.state import Retrain

MARKS = {"passed": "ok  ", "failed": "FAIL", "undecided": "?   "}


@retrain.command(epilog="Example: outerloop retrain show rt-0123456789ab")
@click.argument("retrain_id")
@json_option
def show(retrain_id: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Show one retrain: the comparison with production, its gates, shadow, canary and history."""
    one = find_retrain(Store(load_settings().store), retrain_id)
    if as_json:
        document({**asdict(one), "standing": one.standing, "evidence": evidence_of(one)})
    else:
        click.echo("\n".join(_page(one)))


def _page(one: Retrain) -> Iterator[str]:
    yield f"{one.retrain_id}  {one.standing}  {one.service}"
    yield f"  {one.base_release} -> {one.candidate_release or '?'}, incident {one.incident_id or '-'}"
    if one.dataset_version:
        yield f"  trained on {one.dataset_version}"
    if one.trouble:
        yield f"  trouble: {one.trouble}"
    for name, title in (
        ("comparison", "Compared on reserved calls"),
        ("shadow", "In the shadow of live calls"),
    ):
        if told := one.details.get(name):
            yield from _comparison(title, told)
    if told := one.details.get("canary"):
        yield from _canary(told)
    offered = [name for name, (event, _, _) in BUTTONS.items() if event in one.possible]
    if offered and (shown := evidence_of(one)):
        yield f"\nTo decide on what is shown here: {' or '.join(offered)} {one.retrain_id} --evidence {shown}"
    yield "\nHistory"
    for step in one.history:
        yield f"  {rfc3339(step.timestamp)}  {step.event:<17} {step.actor} ({step.via})  {step.note}".rstrip()


def _comparison(title: str, told: Mapping[str, Any]) -> Iterator[str]:
    asked = told.get("asked") or told.get("n", 0)
    yield f"\n{title}: {str(told.get('advice', '?')).upper()} ({told.get('n', 0)} labelled of {asked})"
    yield f"  {told.get('sentence', '')}"
    for gate in told.get("gates", ()):
        yield f"  {MARKS.get(gate['state'], '?   ')} {gate['name']}: {gate['sentence']}"
    parts = told.get("slices", ())
    if parts:
        yield f"  {'part':<38} {'n':>6} {'prod.':>7} {'cand.':>7} {'diff.':>7}  95 % interval     shows   p"
    for part in parts:
        yield _part(part)
    for one in told.get("measures", ()):
        yield (
            f"  {one['name']:<38} {one['n']:>6} {one['production']:>7.4g} {one['candidate']:>7.4g} {one['unit']},"
            f" ratio {one['ratio']:.2f} ({one['low']:.2f} to {one['high']:.2f})"
        )
    for one in told.get("judges", ()):
        yield _judge(one)
    if told.get("judges_refused"):
        yield f"  judges: {told['judges_refused']}"
    if "same" in told and asked:
        yield f"  the same answer as production on {told['same']} of {asked}"
    yield (
        f"  left out: {told.get('unlabelled', 0)} without a label, {told.get('seen_in_training', 0)} like a training"
        f" example, {told.get('other_releases', 0)} of another release;"
        f" {told.get('request_failures', 0)} requests failed"
    )


def _part(part: Mapping[str, Any]) -> str:
    name = f"{part['attribute']}: {part['value']}"
    smallest, adjusted = part.get("smallest"), part.get("adjusted_p")
    shows = "nothing" if smallest is None else f"{smallest:.1%}"
    holm = "" if adjusted is None else f" (Holm {adjusted:.2g})"
    return (
        f"  {name[:38]:<38} {part['n']:>6} {part['production']['value']:>7.1%} {part['candidate']['value']:>7.1%}"
        f" {part['difference']:>+7.1%}  {part['low']:+.1%} to {part['high']:+.1%}".ljust(88)
        + f"  {shows:>7}  {part['p_value']:.2g}{holm}"
    )


def _judge(one: Mapping[str, Any]) -> str:
    if one.get("refused"):
        return f"  judge {one['judge']}: not asked, {one['refused']}"
    return (
        f"  judge {one['judge']} ({one['kind']}): {one['candidate']:.3g} against {one['production']:.3g}, difference"
        f" {one['difference']:+.3g} ({one['low']:+.3g} to {one['high']:+.3g}), n={one['n']}, {one['test']},"
        f" p={one['p_value']:.2g} (Holm {one['adjusted_p']:.2g})"
    )


def _canary(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"\nCanary on live calls: {str(told.get('verdict', '?')).upper()}"
    yield f"  {told.get('sentence', '')}"
    for one in told.get("series", ()):
        yield (
            f"  {one['verdict']:<10} {one['series']:<28} {one['count']}/{one['n']}"
            f" against {one['others']}/{one['others_n']},"
            f" difference {one['difference']:+.2%} ({one['low']:+.2%} to {one['high']:+.2%} at any time),"
            f" evidence worse {one['e_worse']:.3g}, safe {one['e_safe']:.3g}"
        )
