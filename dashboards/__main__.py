"""Runs the dashboards: `python -m dashboards`, which is what `outerloop dashboard` does too."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dashboards.headers import harden
from dashboards.login import provider
from monitor.exceptions import OuterloopError, PortInUseError
from monitor.settings import load_settings

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = ["main", "serve"]

APP = Path(__file__).with_name("app.py")


def main() -> int:
    """Serve until told to stop; a wrong setting or a taken port is one line and an exit code."""
    try:
        serve(load_settings())
    except OuterloopError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's one line to the person who started it
        return error.exit_code
    return 0


def serve(settings: Settings) -> None:
    """Serve at `settings.host` and `settings.dashboard_port` until SIGTERM or SIGINT.

    Raises:
        PortInUseError: somebody else listens there.
    """
    _refuse_taken_port(settings.host, settings.dashboard_port)
    # The pages read the environment: what a caller overrode must reach them too.
    for name in (
        "store_url",
        "store_port",
        "database",
        "data_dir",
        "host",
        "dashboard_port",
        "public_url",
        "retrain_webhook_url",
    ):
        value = getattr(settings, name)
        if value is not None:
            os.environ[f"OUTERLOOP_{name.upper()}"] = str(value)
    _run(settings)


def _run(settings: Settings) -> None:
    # it takes a second, and a taken port should not wait for it
    import streamlit as st  # noqa: PLC0415
    from starlette.middleware import Middleware  # noqa: PLC0415

    reached = urlsplit(settings.dashboard_url)
    options: dict[str, Any] = {
        "server.address": settings.host,
        "server.port": settings.dashboard_port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
    }
    if settings.public_url is not None:  # the pages' socket answers pages of this address alone
        options |= {
            "browser.serverAddress": reached.hostname,
            "server.corsAllowedOrigins": [settings.public_url],
        }
    sys.argv = [str(APP)]  # Streamlit takes its theme from beside the program that was started
    app = st.App(
        APP,
        secrets=provider(settings) or None,
        middleware=[Middleware(harden, secure=reached.scheme == "https")],
    )
    app.run(config=options)


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUseError(
                f"port {port} on {host} is taken, so the dashboard cannot listen there; stop what uses it or choose"
                " another port, e.g. OUTERLOOP_DASHBOARD_PORT=8502"
            ) from error


if __name__ == "__main__":
    sys.exit(main())
