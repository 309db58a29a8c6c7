"""`outerloop doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

import click

from monitor.cli.root import cli, document, json_option
from monitor.clock import utcnow
from monitor.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.examination import Finding

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("problem", "red")}
INDENT = 22
LEAST_WIDTH, MOST_WIDTH = 60, 120


@cli.command(epilog="Example: outerloop doctor --json")
@json_option
def doctor(as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Look at settings, connections, versions, the ledger's balance and the disk; exits 1 when one is wrong.

    One line a look: ok, warning (it works, and will not for long or not well) or problem, and how to mend it.
    """
    from monitor.examination import examine  # noqa: PLC0415 - imports that other commands do not need

    found = examine(load_settings(), utcnow())
    if as_json:
        document([one.document() for one in found])
    else:
        width = max(LEAST_WIDTH, min(MOST_WIDTH, shutil.get_terminal_size().columns))
        for one in found:
            click.echo("\n".join(_lines(one, width)))
        click.echo(_summary(found))
    sys.exit(1 if any(one.state == "problem" for one in found) else 0)


def _lines(one: Finding, width: int) -> Iterator[str]:
    mark, colour = MARKS[one.state]
    told = textwrap.wrap(one.told, width - INDENT, break_on_hyphens=False) or [""]
    yield f"{click.style(f'{mark:<8}', fg=colour)} {one.what:<12} {told[0]}"
    mend = (
        textwrap.wrap(f"-> {one.mend}", width - INDENT, break_on_hyphens=False) if one.mend else []
    )
    yield from (" " * INDENT + line for line in told[1:])
    yield from (" " * INDENT + click.style(line, bold=True) for line in mend)


def _summary(found: Sequence[Finding]) -> str:
    """The verdict in a line.

    >>> from monitor.examination import Finding
    >>> _summary([Finding("disk", "ok", ""), Finding("jobs", "warning", "", "x")])
    '1 warning, 1 ok'
    """
    counts = Counter(one.state for one in found)
    words = {"problem": "problems", "warning": "warnings", "ok": "ok"}
    told = [
        f"{counts[state]} {state if counts[state] == 1 else words[state]}"
        for state in ("problem", "warning", "ok")
        if counts[state]
    ]
    return ", ".join(told)
