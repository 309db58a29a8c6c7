"""`python -m collector`: receives OTLP and keeps it until the store has it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from collector.app import Collector, create_app
from collector.grpc_front import GrpcFront
from collector.intake import Intake
from collector.ledger import Ledger
from collector.listeners import PatientProtocol, certificate_of, listen, refuse_taken_port
from collector.masking import Masking
from collector.wal import Wal
from collector.writer import Writer
from monitor.clock import utcnow
from monitor.exceptions import ConfigurationError, OuterloopError
from monitor.retrain.http import routes as retrain_routes
from monitor.sdk.leftovers import send_leftovers
from monitor.settings import Settings, load_settings
from monitor.store import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.routing import Route

__all__ = ["main"]

LOG = logging.getLogger(__name__)

KEEP_ALIVE_S = 90
"""Exporters send every 5 to 60 s; closing in between would meet their next request half way."""
GRACE_S = 3
"""For requests under way at the end."""
DRAIN_S = 4.0
"""For what the log still holds at the end; what does not get through waits for the next start."""
SWITCH_INTERVAL_S = 0.0005
"""The writer's thread computes; at Python's usual 5 ms every request would wait so long."""


class _Server(uvicorn.Server):
    """uvicorn, with gRPC beside it; ends with status 0 on SIGTERM, where uvicorn would raise it again.

    Args:
        config: uvicorn's.
        grpc_front: the other protocol.
        settings: where it listens.
        certificate: for both.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        grpc_front: Callable[[], GrpcFront],
        settings: Settings,
        certificate: tuple[Path, Path] | None,
    ) -> None:
        super().__init__(config)
        self._make, self._settings, self._certificate = grpc_front, settings, certificate
        self._grpc: GrpcFront | None = None
        self._leftovers: asyncio.Task[None] | None = None

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
        scheme = "http" if self._certificate is None else "https"
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        self._grpc = self._make()
        await self._grpc.start(f"{host}:{self._settings.otlp_grpc_port}", self._certificate)
        print(  # noqa: T201 - the ready lines
            f"collector: OTLP/HTTP at {scheme}://{host}:{self._settings.otlp_http_port}",
            f"collector: OTLP/gRPC at {scheme}://{host}:{self._settings.otlp_grpc_port}",
            sep="\n",
            flush=True,
        )

        if self._certificate is None:
            self._leftovers = asyncio.create_task(asyncio.to_thread(self._send_leftovers))

    def _send_leftovers(self) -> None:
        """What apps on this machine wrote to disk while no collector was there."""
        token = self._settings.token.get_secret_value() if self._settings.token else None
        sent = send_leftovers(self._settings.otlp_http_port, token=token)
        if sent:
            LOG.info("leftovers.sent records=%d", sent)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._grpc is not None:
            await self._grpc.stop(GRACE_S)
        await super().shutdown(sockets)


def main() -> int:
    """Run until SIGTERM or SIGINT; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("clickhouse_connect").setLevel(
        logging.CRITICAL
    )  # the writer says it in one line
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        settings = load_settings()
        certificate = certificate_of(settings)
        refuse_taken_port(settings)
        with listen(settings) as listener:
            return _serve(settings, listener, certificate)
    except OuterloopError as error:
        print(f"outerloop collector: {error}", file=sys.stderr)  # noqa: T201 - one line on what to do
        return error.exit_code


def _serve(
    settings: Settings, listener: socket.socket, certificate: tuple[Path, Path] | None
) -> int:
    run = uuid.uuid4().hex[:12]
    folder = settings.data_dir / "wal"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(folder / "ledger.json", run=run)
        limit_bytes = settings.wal_limit_mib << 20
        wal = Wal(folder, run=run, settled=ledger.settled, limit_bytes=limit_bytes)
    except OSError as error:
        raise ConfigurationError(
            f"OUTERLOOP_DATA_DIR={settings.data_dir} cannot be used: {error};"
            " choose a folder that can be written"
        ) from error
    prepare = partial(
        migrate,
        settings.store,
        retention_days=settings.retention_days,
        raw_retention_days=settings.raw_days,
    )
    writer = Writer(wal, ledger, settings.store, prepare=prepare)
    token = settings.token.get_secret_value() if settings.token else None
    parts = Collector(
        wal, ledger, writer, Intake(wal, ledger, utcnow, Masking.from_settings(settings))
    )
    extra_routes = [*retrain_routes(settings), *_slack_routes(settings)]
    app = create_app(parts, token=token, extra_routes=extra_routes)
    chain, key = certificate or (None, None)
    server = _Server(
        uvicorn.Config(
            app, http=PatientProtocol, loop="uvloop", lifespan="on", access_log=False, log_config=None,
            log_level="warning", timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=KEEP_ALIVE_S,
            server_header=False, ssl_certfile=chain, ssl_keyfile=key,
        ),
        lambda: GrpcFront(parts.intake, parts.room, token, parts.tally),
        settings,
        certificate,
    )  # fmt: skip
    writer.start()
    server.run(sockets=[listener])
    wal.close()
    writer.stop(DRAIN_S)
    return 0


def _slack_routes(settings: Settings) -> list[Route]:
    if settings.slack_signing_secret is None:
        return []
    from monitor.alerts.interactions import routes  # noqa: PLC0415 - what a press may do is a second of imports

    return routes(settings)


if __name__ == "__main__":
    sys.exit(main())
