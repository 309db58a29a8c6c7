"""For the sidecar: send what the apps of this user left on disk while no collector was there."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.sdk.configuration import Options, read_configuration
from monitor.sdk.connection import Connection
from monitor.sdk.guard import GUARD
from monitor.sdk.spool import Spool, spool_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["send_leftovers"]

REQUEST_TIMEOUT_S = 10.0
NAMES = ("127.0.0.1", "localhost", "[::1]")
SETTLED = range(400, 500)
FOR_NOW = frozenset({401, 403, 404, 408, 429})


def send_leftovers(
    port: int, *, token: str | None = None, environ: Mapping[str, str] = os.environ
) -> int:
    """Send every spool that was meant for the collector on this machine's `port`.

    Only segments whose process has died are touched. Stops at the first sign that the collector
    cannot take them now; they stay where they are.

    Returns:
        How many spans and scores it has confirmed.
    """
    configuration = read_configuration(
        Options(endpoint=f"http://127.0.0.1:{port}", token=token), environ
    )
    if configuration.spool is None:
        return 0
    connection = Connection(configuration)
    sent = 0
    for folder in _meant_for(port, configuration.spool):
        spool = Spool(folder, 0)
        try:
            sent += _send(spool, connection)
        except (OSError, http.client.HTTPException) as error:
            GUARD.warn("leftovers", "outerloop: a spool waits in %s (%s)", folder, error)
        finally:
            spool.close()
    connection.close()
    return sent


def _send(spool: Spool, connection: Connection) -> int:
    sent = 0
    while spool.look():
        found = spool.last()
        if found is None:
            continue
        segment, frame, _ = found
        body = segment.read(frame)
        if body is not None:
            answer = connection.post(frame.path, body, lambda: REQUEST_TIMEOUT_S, lambda: None)
            if answer.status in FOR_NOW or (answer.status >= 300 and answer.status not in SETTLED):
                return sent
            if answer.status < 300:
                sent += frame.records
            else:
                GUARD.warn(
                    f"lost {answer.status}",
                    "outerloop: spooled records were refused: %s",
                    answer.status,
                )
        segment.cut(frame)
    return sent


def _meant_for(port: int, root: str) -> Iterator[Path]:
    """The folders of all services, as far as they name this machine's `port`."""
    for folder in sorted(Path(root).glob("*-*")):
        service = folder.name.rpartition("-")[0]
        if any(spool_folder(root, service, f"http://{name}:{port}") == folder for name in NAMES):
            yield folder
