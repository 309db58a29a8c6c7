"""The tree of commands, and what all of them share: settings, JSON, exit codes, one line on stderr."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, is_dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from monitor.clock import parse_time, rfc3339
from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MODULES", "Time", "cli", "document", "json_option"]

MODULES: dict[str, tuple[str, ...]] = {
    "backup": ("backup",),
    "baselines": ("baselines",),
    "collector": ("parts",),
    "dashboard": ("parts",),
    "dataset": ("dataset", "review"),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "erase": ("erase",),
    "eval": ("eval",),
    "incidents": ("incidents",),
    "jobs": ("jobs",),
    "lineage": ("lineage",),
    "migrate": ("parts",),
    "report": ("report",),
    "restore": ("backup",),
    "retrain": ("retrain", "retrain_show"),
    "run": ("jobs",),
    "scheduler": ("parts",),
    "store": ("parts",),
    "up": ("parts",),
}
"""Where each command lies. A module is imported when its command is asked for: together they take seconds."""


class Root(click.Group):
    """Turns our errors into one line on stderr and the exit code of `CONTRACT`: 1 bad answer, 2 wrong use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of all commands."""
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module imported."""
        for module in MODULES.get(cmd_name, ()):
            try:
                import_module(f"monitor.cli.{module}")
            except ModuleNotFoundError as error:
                sys.stderr.write(
                    f"outerloop: the sidecar is not installed ({error.name} is missing);"
                    " pip install 'outerloop[server]'\n"
                )
                sys.exit(2)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OuterloopError as error:
            sys.stderr.write(f"outerloop: {error}\n")
            sys.exit(error.exit_code)


class Time(click.ParamType[datetime]):
    """An RFC 3339 time or date."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The aware UTC time that the text means."""
        try:
            return value if isinstance(value, datetime) else parse_time(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write for example 2024-01-01T06:00:00Z", param, ctx)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`: one JSON document on stdout and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="print one JSON document")(command)


def document(value: Any) -> None:
    """Print the one JSON document of `--json`."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="outerloop", message="%(version)s")
def cli() -> None:
    """Outerloop watches an LLM application in production and closes its outer loop.

    Start with `outerloop demo` (the story, for real) or `outerloop up` (your own sidecar).
    """
