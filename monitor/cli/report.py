"""A report of two windows side by side, to look at."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.root import Time, cli, document, json_option
from monitor.clock import parse_time, utcnow
from monitor.settings import load_settings
from monitor.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.report import Period


class Span(click.ParamType[tuple["datetime", "datetime"]]):
    """Two times with `..` between them."""

    name = "time..time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime, datetime]:
        """Both times, in order."""
        if isinstance(value, tuple):
            return value
        try:
            since, until = (parse_time(text) for text in str(value).split(".."))
        except ValueError:
            self.fail(f"{value!r} is no span; write for example 2024-01-01..2024-01-08", param, ctx)
        if since >= until:
            self.fail(f"{value!r} ends before it begins", param, ctx)
        return since, until


@cli.command(
    epilog="Example: outerloop report --service loan-extractor --since 2024-01-01 --until 2024-01-08"
)
@click.option("--service", required=True, help="whose calls")
@click.option("--since", type=Time(), required=True, help="begin of the window")
@click.option("--until", type=Time(), help="its end; default: now")
@click.option("--against", type=Span(), help="default: the same hours, whole weeks earlier")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="write it here; default: kept under the data directory",
)
@json_option
def report(
    service: str,
    since: datetime,
    until: datetime | None,
    against: tuple[datetime, datetime] | None,
    out: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes flags by position
) -> None:
    """Compare two windows of a service in one HTML page: drift and summary of every column, by Evidently.

    The page is to look at. Its verdicts come from one look at a sample and never alarm.
    """
    from monitor.report import Period, write_report  # noqa: PLC0415 - pandas, which other commands do not need

    settings, now = load_settings(), utcnow()
    current = Period(since, until or now)
    if current.since >= current.until:
        raise click.BadParameter("must lie before --until", param_hint="--since")
    reference: Period | None = Period(*against) if against else None
    made = write_report(
        Store(settings.store), settings, service, current, reference, now=now, out=out
    )
    if as_json:
        document({**asdict(made), "path": str(made.path)})
    else:
        click.echo(f"{made.path} ({made.calls} calls against {made.reference_calls})")
