"""`python -m collector`: receives OTLP and keeps it until the store has it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import sys
import uuid
from typing import TYPE_CHECKING

import uvicorn

from collector.app import Collector, create_app
from collector.intake import Intake
from collector.ledger import Ledger
from collector.wal import Wal
from collector.writer import Writer
from monitor.alerts.interactions import routes as slack_routes
from monitor.clock import utcnow
from monitor.exceptions import ConfigurationError, OuterloopError, PortInUseError
from monitor.retrain.http import routes as retrain_routes
from monitor.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

GRACE_S = 3
"""For requests under way at the end."""
DRAIN_S = 4.0
"""For what the log still holds at the end; what does not get through waits for the next start."""
SWITCH_INTERVAL_S = 0.0005
"""The writer's thread computes; at Python's usual 5 ms every request would wait so long."""


class _Server(uvicorn.Server):
    """Ends with status 0 on SIGTERM, where uvicorn would raise the signal again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port = listener.getsockname()[:2]
            print(f"collector: OTLP/HTTP at http://{host}:{port}", flush=True)  # noqa: T201 - the ready line


def main() -> int:
    """Run until SIGTERM or SIGINT; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("clickhouse_connect").setLevel(
        logging.CRITICAL
    )  # the writer says it in one line
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        settings = load_settings()
        with _listen(settings) as listener:
            return _serve(settings, listener)
    except OuterloopError as error:
        print(f"outerloop collector: {error}", file=sys.stderr)  # noqa: T201 - one line on what to do
        return error.exit_code


def _serve(settings: Settings, listener: socket.socket) -> int:
    run = uuid.uuid4().hex[:12]
    folder = settings.data_dir / "wal"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(folder / "ledger.json", run=run)
        wal = Wal(folder, run=run, settled=ledger.settled)
    except OSError as error:
        raise ConfigurationError(
            f"OUTERLOOP_DATA_DIR={settings.data_dir} cannot be used: {error};"
            " choose a folder that can be written"
        ) from error
    writer = Writer(wal, ledger, settings.store, retention_days=settings.retention_days)
    app = create_app(
        Collector(wal, ledger, writer, Intake(wal, ledger, utcnow)),
        token=settings.token.get_secret_value() if settings.token else None,
        extra_routes=[*retrain_routes(settings), *slack_routes(settings)],
    )
    server = _Server(uvicorn.Config(
        app, http="httptools", loop="uvloop", lifespan="on", access_log=False, log_config=None,
        log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False,
    ))  # fmt: skip
    writer.start()
    server.run(sockets=[listener])
    wal.close()
    writer.stop(DRAIN_S)
    return 0


def _listen(settings: Settings) -> socket.socket:
    host, port = settings.host, settings.otlp_http_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} on {host} is taken; stop its owner or choose another port,"
                f" for example OUTERLOOP_OTLP_HTTP_PORT={port + 10 if port < 65000 else 4328}"
            ) from error
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error};"
            " set OUTERLOOP_HOST and OUTERLOOP_OTLP_HTTP_PORT"
        ) from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
