"""`outerloop lineage`: from a release to the calls that it was trained on, and from a call to the releases."""

from __future__ import annotations

from collections.abc import Mapping

import click

from monitor.cli.root import cli, document, json_option
from monitor.clock import rfc3339
from monitor.retrain.lineage import DatasetLineage, ReleaseLineage, TraceLineage, lineage_of
from monitor.settings import load_settings
from monitor.store import Store


@cli.command(epilog="Example: outerloop lineage extractor-2024-01")
@click.argument("name", metavar="RELEASE|DATASET|TRACE")
@json_option
def lineage(name: str, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Where a release comes from, what a dataset holds and has become, or what was made of a trace.

    A dataset is named `ds-…`, a trace by its 32 hexadecimal digits; anything else is a release.
    """
    found = lineage_of(Store(load_settings().store), name)
    if as_json:
        document(found)
    elif isinstance(found, ReleaseLineage):
        click.echo("\n".join(_release(found)))
    elif isinstance(found, DatasetLineage):
        click.echo("\n".join(_dataset(found)))
    else:
        click.echo("\n".join(_trace(found)))


def _counts(counts: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{name or 'nobody'} {many:,}" for name, many in sorted(counts.items())) or "none"
    )


def _release(found: ReleaseLineage) -> list[str]:
    lines = [f"release {found.release}"]
    if not found.made:
        lines.append("  was not made here: what it was trained on is not known")
    for one in found.made:
        lines.append(
            f"  made by {one.retrain_id} ({one.state}) for {one.incident_id} from {one.base_release}"
        )
        told = {
            name: value for name, value in one.candidate.items() if value and name != "endpoint"
        }
        lines += [f"    {name}: {value}" for name, value in sorted(told.items())]
        if one.approved_at is not None:
            lines.append(f"    approved by {one.approved_by} at {rfc3339(one.approved_at)}")
        if one.promoted_at is not None:
            lines.append(f"    promoted at {rfc3339(one.promoted_at)}")
        if one.rolled_back_at is not None:
            lines.append(f"    rolled back at {rfc3339(one.rolled_back_at)}")
    for data in found.datasets:
        lines += [f"  {line}" for line in _dataset(data)]
    lines += [f"  base: {name}" for name in found.ancestors]
    lines += [f"  further trained into: {name}" for name in found.descendants]
    for seen in found.answering:
        lines.append(
            f"  answered {seen.calls:,} calls of {seen.service}, {rfc3339(seen.first)} to {rfc3339(seen.last)};"
            f" prompts {', '.join(seen.prompts) or 'unnamed'}"
        )
    return lines


def _dataset(found: DatasetLineage) -> list[str]:
    lines = [f"dataset {found.version}: {_counts(found.splits)}; {found.trained:,} exported"]
    lines.append(f"  reasons: {_counts(found.reasons)}")
    lines.append(f"  labels by: {_counts(found.authors)}")
    lines += [
        f"  {one.event} at {rfc3339(one.timestamp)} {one.note}".rstrip() for one in found.events
    ]
    lines += [f"  trained into: {name}" for name in found.releases]
    return lines


def _trace(found: TraceLineage) -> list[str]:
    lines = [f"trace {found.trace_id}"]
    for call in found.calls:
        prompt = (
            f", prompt {call.prompt_name} {call.prompt_version}".rstrip()
            if call.prompt_version
            else ""
        )
        lines.append(
            f"  call {call.span_id} at {rfc3339(call.timestamp)}: {call.service}, release {call.release}{prompt}"
        )
    lines += [
        f"  label of {one.span_id} by {one.source} {one.author} at {rfc3339(one.observed_at)}".replace(
            "  at", " at"
        )
        for one in found.labels
    ]
    for one in found.datasets:
        use = "trained on" if one.trained else "not trained on"
        taint = ", tainted" if one.tainted else ""
        lines.append(f"  in {one.version} ({one.split}, {', '.join(one.reasons)}; {use}{taint})")
    return [*lines, *(f"  release trained on it: {name}" for name in found.releases)]
