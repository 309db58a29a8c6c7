"""Runs a stand-in's app on a loopback port: on a thread for tests and the demo, or as a process."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from monitor.exceptions import PortInUseError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from starlette.types import ASGIApp

__all__ = ["LoopbackServer", "serve"]

HOST = "127.0.0.1"
START_S = 10.0


class LoopbackServer:
    """An ASGI app behind a real socket, on a thread of this process.

    Args:
        app: what answers.
        port: where it listens on 127.0.0.1; 0 takes any free one.

    Raises:
        PortInUseError: somebody else listens there.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(_config(app))
        self._thread = threading.Thread(target=self._run, name=f"stand-in-{self.port}", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> Self:
        """Listen; requests are answered once this returns."""
        self._thread.start()
        pause = threading.Event()
        for _ in range(int(START_S / 0.01)):
            if self._server.started:
                return self
            pause.wait(0.01)
        raise RuntimeError(f"the stand-in on port {self.port} did not start within {START_S:g} s")

    def stop(self) -> None:
        """Answer what is under way, then close the port."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(START_S)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def serve(app: ASGIApp, *, port: int) -> None:
    """Run the app as this process until SIGINT or SIGTERM.

    Raises:
        PortInUseError: somebody else listens there.
    """
    with _listen(port) as listener:
        uvicorn.Server(_config(app)).run(sockets=[listener])


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=3
    )


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        # Listening from here on, so that a client that is early waits instead of being refused.
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortInUseError(f"port {port} is taken ({error}); choose another one") from error
    return listener
