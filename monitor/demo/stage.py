"""What a person sees of the story: one line a stage with its figures, progress while it streams."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["Narrator"]


class Narrator:
    """Tells the story on a terminal.

    Args:
        quiet: with `--json`, everything goes to stderr, so that stdout holds the document alone.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(file=sys.stderr if quiet else sys.stdout, highlight=False)
        self._progress: Progress | None = None

    def say(self, text: str, *, style: str = "dim") -> None:
        """One line in small print."""
        self.console.print(Text(f"  {text}", style=style))

    def stage(self, title: str, told: str, *, style: str = "bold cyan") -> None:
        """A stage has happened: its title and what was measured."""
        self.console.print(Text.assemble((f"▌ {title}  ", style), told))

    def panel(self, title: str, text: str) -> None:
        """A message as a person would get it."""
        self.console.print(
            Panel(
                Text(text, overflow="fold"),
                title=title,
                title_align="left",
                border_style="magenta",
                width=min(110, self.console.width),
            )
        )

    def ask(self, question: str) -> bool:
        """Yes or no from the person at the terminal; Enter is yes."""
        return self.console.input(f"[bold yellow]▌ {question} [Y/n] [/]").strip().lower() in {
            "",
            "y",
            "yes",
        }

    @contextmanager
    def streaming(self, title: str) -> Iterator[None]:
        """Shows a bar of simulated time while calls stream; `at` moves it."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[when]}"),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        ) as progress:
            self._progress = progress
            progress.add_task(title, total=None, when="")
            try:
                yield
            finally:
                self._progress = None

    def at(self, moment: datetime, calls: int) -> None:
        """The story has come to `moment` after so many calls."""
        if self._progress is not None:
            self._progress.update(
                self._progress.task_ids[0], when=f"{moment:%a %d %b %Y %H:%M} UTC, {calls:,} calls"
            )
