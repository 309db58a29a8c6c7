"""Backup of the embedded store and of what lies beside it, while everything runs; restore into a fresh folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx

from monitor.cli.root import cli
from monitor.exceptions import ConfigurationError, StoreUnavailableError
from monitor.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = ("store", "store-incoming", "store.lock", "backups")
"""What the engine copies itself, and what is no data."""
NAME = "outerloop-backup"
TIMEOUT_S = 3600.0
START_S = 60.0


@cli.command(epilog="Example: outerloop backup /backups/2024-01-31")
@click.argument("path", type=click.Path(path_type=Path))
def backup(path: Path) -> None:
    """Copy the embedded store, the log and the rest of the data directory to PATH.

    Everything goes on running. What was acknowledged before the command began is in the copy; what was
    just on its way from the log into the store may be in both, and is then stored twice as raw spans
    after a restore, once as calls.
    """
    settings = _embedded()
    if path.exists():
        raise ConfigurationError(f"{path} is there already; name a folder that is not")
    folder = settings.data_dir / "backups" / NAME
    shutil.rmtree(folder, ignore_errors=True)  # of a command that was killed
    path.mkdir(parents=True)
    ignored = shutil.ignore_patterns(*OWN)
    shutil.copytree(settings.data_dir, path / "data", ignore=ignored, copy_function=_copy)
    _run(settings, "BACKUP", "TO")
    shutil.move(folder, path / "store")
    click.echo(f"backed up {settings.data_dir} to {path}")


@cli.command(
    epilog="Example: OUTERLOOP_DATA_DIR=/var/lib/new outerloop restore /backups/2024-01-31"
)
@click.argument("path", type=click.Path(path_type=Path))
def restore(path: Path) -> None:
    """Make a fresh data directory out of the backup in PATH; start `outerloop up` after it."""
    settings = _embedded()
    if not (path / "store").is_dir():
        raise ConfigurationError(f"{path} holds no backup; name what `outerloop backup` was given")
    if settings.data_dir.exists() and any(settings.data_dir.iterdir()):
        raise ConfigurationError(
            f"{settings.data_dir} is not empty; choose another OUTERLOOP_DATA_DIR to restore into"
        )
    folder = settings.data_dir / "backups" / NAME
    shutil.copytree(path / "store", folder)
    with _store(settings):
        _run(settings, "RESTORE", "FROM")
    shutil.rmtree(folder)
    shutil.copytree(path / "data", settings.data_dir, dirs_exist_ok=True)
    click.echo(f"restored {path} into {settings.data_dir}")


def _embedded() -> Settings:
    settings = load_settings()
    if settings.store_url is not None:
        raise ConfigurationError(
            "OUTERLOOP_STORE_URL names a ClickHouse server; use its own BACKUP and RESTORE"
        )
    return settings


def _copy(source: str, target: str) -> None:
    """A file that is gone since its folder was read was moved into the store, which is copied after it."""
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        return


def _run(settings: Settings, verb: str, direction: str) -> None:
    sql = f"{verb} DATABASE {settings.database} {direction} File('{NAME}')"  # the name is checked by Settings
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{settings.store_port}/", content=sql, timeout=TIMEOUT_S
        )
    except httpx.TransportError as error:
        raise StoreUnavailableError from error
    if answer.status_code != 200:
        raise ConfigurationError(f"the store refuses: {answer.text.strip()}")


@contextmanager
def _store(settings: Settings) -> Iterator[None]:
    """The store of the fresh folder, for as long as it takes."""
    variables = {
        "OUTERLOOP_DATA_DIR": str(settings.data_dir),
        "OUTERLOOP_STORE_PORT": str(settings.store_port),
    }
    command = [sys.executable, "-m", "collector.embedded_store"]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL
    )
    try:
        _wait(settings, process)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StoreUnavailableError("the store of the fresh folder ended; see the line above")
        try:
            httpx.get(f"http://127.0.0.1:{settings.store_port}/ping", timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise StoreUnavailableError(f"the store of the fresh folder is not ready after {START_S:g} s")
