"""The embedded store's process: `python -m collector.embedded_store`."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from collector.embedded_store.app import StoreApp
from collector.embedded_store.engine import Engine
from collector.embedded_store.limits import machine_limits
from collector.embedded_store.lock import DirectoryLock
from monitor.exceptions import OuterloopError, PortInUseError, StoreUnavailableError
from monitor.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from collector.embedded_store.limits import Limits
    from monitor.settings import Settings

__all__ = ["main"]

ADDRESS = "127.0.0.1"
GRACE_S = 2
KEEP_ALIVE_S = 600
"""Longer than clients keep a connection, so that an insert never meets one that was just closed."""


def main() -> int:
    """Hold the store and answer until told to stop; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        settings = load_settings()
        serve(settings)
    except OuterloopError as error:
        sys.stderr.write(f"store: {error}\n")
        return error.exit_code
    return 0


def serve(settings: Settings) -> None:
    """Open the store of `settings` and serve it until SIGTERM or SIGINT.

    Raises:
        StoreLockedError: another process holds the data directory.
        PortInUseError: the port is taken.
    """
    url = f"http://{ADDRESS}:{settings.store_port}"
    lock = DirectoryLock(settings.data_dir, url)
    try:
        listener = _listen(settings.store_port)
        path = settings.data_dir.absolute() / "store"
        engine = _open(path, machine_limits(settings.store_memory_mb))
        os.chdir(engine.scratch)  # where relative paths lead to nothing
        app = StoreApp(engine)
        ready = f"store: {url} (data in {settings.data_dir / 'store'}, ClickHouse {engine.version})"
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_run(app, listener, ready))
        finally:
            if not app.shut(GRACE_S):  # a statement that nothing stops, and nothing to lose:
                os._exit(0)  # what was acknowledged is stored, the lock ends with the process
            engine.close()
    finally:
        lock.release()


async def _run(app: StoreApp, listener: socket.socket, ready: str) -> None:
    config = uvicorn.Config(
        app, http="httptools", lifespan="off", access_log=False, log_level="critical",
        server_header=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    serving = asyncio.ensure_future(uvicorn.Server(config).serve([listener]))
    sys.stdout.write(f"{ready}\n")
    sys.stdout.flush()
    await serving


def _open(path: Path, limits: Limits) -> Engine:
    try:
        return Engine(path, limits)
    except RuntimeError as error:
        raise StoreUnavailableError(
            f"the tables in {path} cannot be opened: {error};"
            " restore a backup or choose another OUTERLOOP_DATA_DIR"
        ) from error


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(1024)  # connections queue from now on, so the ready line is true
    except OSError as error:
        listener.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUseError(
            f"port {port} on {ADDRESS} is taken; stop its owner"
            " or set OUTERLOOP_STORE_PORT to another one"
        ) from error
    return listener


def _end(_number: int, _frame: object) -> None:
    """Unwind through every `finally`; uvicorn drains first and then raises the signal again."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
