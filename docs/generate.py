"""Writes `docs/settings.md` and `docs/cli.md` from the code that they describe; a test fails when they differ.

Run: `python docs/generate.py`
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.commands import cli
from monitor.settings import PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parent
SETTINGS_HEAD = """By environment, or in `outerloop.toml` in the working directory (same names, lower case, without the
prefix); the environment wins. A wrong value is refused at start with its name, its problem and an example."""
CLI_HEAD = """Exit 0 is success, 1 a bad answer (an open incident, a failed job), 2 wrong use or configuration.
`--json` prints one JSON document."""


def settings_page() -> str:
    """Every setting with its default, meaning and an example."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "the platform's user data folder" if name == "data_dir" else "none"
        if field.default_factory is None and field.default is not None:
            default = f"`{field.default}`"
        example = (field.examples or [""])[0]
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} | `{example}` |")
    return "\n".join(
        (
            "# Settings",
            "",
            SETTINGS_HEAD,
            "",
            "| variable | default | what it is | example |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def cli_page() -> str:
    """Every command with its help."""
    parts = [
        "# Commands",
        "",
        CLI_HEAD,
        "",
    ]
    for path, command in _commands(cli, ["outerloop"]):
        context = click.Context(
            command, info_name=" ".join(path), terminal_width=100, max_content_width=100
        )
        parts += [f"## {' '.join(path)}", "", "```", command.get_help(context), "```", ""]
    return "\n".join(parts)


def _commands(group: click.Group, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    for name, command in sorted(group.commands.items()):
        yield [*path, name], command
        if isinstance(command, click.Group):
            yield from _commands(command, [*path, name])


if __name__ == "__main__":
    (FOLDER / "settings.md").write_text(settings_page(), "utf-8")
    (FOLDER / "cli.md").write_text(cli_page(), "utf-8")
