"""Running the sidecar: all of it (`up`), or one part alone as compose does."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

import click

from monitor.cli.root import cli, document, json_option
from monitor.settings import load_settings
from monitor.store import migrate as migrate_store
from monitor.store.migrate import ddl
from monitor.supervisor import Supervisor, sidecar

POLL_S = 0.2


@cli.command(epilog="Example: outerloop up --data-dir ./outerloop-data")
@click.option("--data-dir", type=click.Path(path_type=Path), help="instead of OUTERLOOP_DATA_DIR")
@click.option("--no-dashboard", is_flag=True, help="run store, collector and scheduler only")
def up(data_dir: Path | None, no_dashboard: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Run the whole sidecar on this machine until Ctrl-C or SIGTERM."""
    settings = load_settings(data_dir=data_dir)
    environment = {"OUTERLOOP_DATA_DIR": str(settings.data_dir.resolve())}
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    supervisor = Supervisor(say=click.echo, environment=environment)
    try:
        parts = sidecar(settings, dashboard=not no_dashboard)
        if settings.store_url is None:
            supervisor.start(parts.pop(0))
        migrate_store(
            settings.store,
            retention_days=settings.retention_days,
            raw_retention_days=settings.raw_days,
        )
        supervisor.start(*parts)
        click.echo(f"send OTLP to {settings.collector_url}; Ctrl-C stops everything")
        while not stopping.wait(POLL_S):
            supervisor.watch_once()
    finally:
        supervisor.stop()
        click.echo("stopped")


def _become(module: str, *arguments: str) -> NoReturn:
    """Replace this process by one of the parts, which are packages of their own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own module


@cli.command(epilog="Example: OUTERLOOP_STORE_PORT=8125 outerloop store")
def store() -> None:
    """Run the embedded store alone: chDB behind ClickHouse's HTTP protocol, on loopback."""
    _become("collector.embedded_store")


@cli.command(
    epilog="Example: OUTERLOOP_STORE_URL=http://clickhouse:8123/outerloop outerloop collector"
)
def collector() -> None:
    """Run the collector alone: OTLP in, write-ahead log, store."""
    _become("collector")


@cli.command(
    epilog="Example: OUTERLOOP_STORE_URL=http://clickhouse:8123/outerloop outerloop dashboard"
)
def dashboard() -> None:
    """Run the dashboards alone."""
    _become("dashboards")


@cli.command(epilog="Example: outerloop scheduler")
@click.option(
    "--replay", is_flag=True, help="take the time from standard input, one RFC 3339 time a line"
)
def scheduler(replay: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Run the jobs when they are due."""
    from monitor.scheduler import main  # noqa: PLC0415 - a second of imports that other commands do not need

    main(replayed=replay)


@cli.command(epilog="Example: outerloop migrate --cluster main --print > schema.sql")
@click.option(
    "--cluster", help="spread the schema over this cluster of the server's remote_servers"
)
@click.option(
    "--print", "--dry-run", "print_only", is_flag=True, help="print the statements and send nothing"
)
@json_option
def migrate(cluster: str | None, print_only: bool, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Create or upgrade the schema; running it again changes nothing.

    With --cluster: Replicated tables on every node and Distributed ones over them, under the same names. Later
    runs find the cluster in the database.
    """
    settings = load_settings()
    days = {"retention_days": settings.retention_days, "raw_retention_days": settings.raw_days}
    if print_only:
        statements = ddl(settings.database, cluster=cluster, **days)
        if as_json:
            document({"statements": statements})
        else:
            click.echo("\n\n".join(f"{statement};" for statement in statements))
        return
    applied = migrate_store(settings.store, cluster=cluster, **days)
    if as_json:
        document({"applied": applied})
    else:
        click.echo("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
