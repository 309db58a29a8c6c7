"""The `outerloop` command. A bare install has the SDK alone, so this says what to install rather than fail."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the `outerloop` command."""
    try:
        from monitor.cli.root import cli  # noqa: PLC0415 - the server side is an extra
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"outerloop: the sidecar is not installed ({error.name} is missing); pip install 'outerloop[server]'\n"
        )
        sys.exit(2)
    cli()
