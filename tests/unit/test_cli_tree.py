"""The tree of commands: a command's module is imported when it is asked for, and no other."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules

import click
import pytest
from click.testing import CliRunner

import monitor.cli
from monitor.cli.root import MODULES, cli


def test_every_command_is_found_by_name() -> None:
    """The table of modules names each command that any module of the package puts on the tree."""
    for module in iter_modules(monitor.cli.__path__):
        if module.name != "__main__":
            import_module(f"monitor.cli.{module.name}")
    assert set(cli.commands) == set(MODULES)


def test_a_command_brings_its_own_module_alone() -> None:
    """`outerloop store --help` reads neither the jobs nor pandas nor scipy."""
    program = (
        "import sys\nfrom monitor.cli.root import cli\n"
        "cli(['store', '--help'], standalone_mode=False)\n"
        "print(sorted(set(sys.modules) & {'monitor.jobs', 'openai', 'pandas', 'scipy'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


def paths(group: click.Group, *before: str) -> list[tuple[str, ...]]:
    """Every command's words."""
    context = click.Context(group)
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += paths(command, *before, name)
    return found


@pytest.mark.parametrize("words", paths(cli), ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    """`--help` ends well and shows how the command is used."""
    done = CliRunner().invoke(cli, [*words, "--help"])
    assert done.exit_code == 0
    assert "Example: " in done.output


def test_an_unknown_command_is_wrong_use() -> None:
    """Click says so, with exit code 2."""
    assert CliRunner().invoke(cli, ["nosuch"]).exit_code == 2
