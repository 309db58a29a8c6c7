"""`outerloop demo`: the January story, for real, with time compressed."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.root import cli, document, json_option
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.demo.stage import Narrator


@cli.command(epilog="Example: outerloop demo --fast --exit --json --seed 11")
@click.option(
    "--fast",
    is_flag=True,
    help="less history, and looks further apart: within two minutes on two cores",
)
@click.option(
    "--exit",
    "leave",
    is_flag=True,
    help="approve by itself and end, instead of leaving the dashboard running",
)
@click.option(
    "--seed", type=int, default=7, show_default=True, help="of everything that is made up"
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="default: a new temporary directory",
)
@json_option
def demo(fast: bool, leave: bool, seed: int, data_dir: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Live through the turn of a year on the real parts, from the drift to the promoted model."""
    from monitor.demo.pace import FAST, FULL  # noqa: PLC0415 - seconds of imports that other commands do not need
    from monitor.demo.report import report  # noqa: PLC0415 - the same
    from monitor.demo.sidecar import Sidecar  # noqa: PLC0415 - the same
    from monitor.demo.stage import Narrator  # noqa: PLC0415 - the same
    from monitor.demo.story import Story  # noqa: PLC0415 - the same

    began = time.perf_counter()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have it ignored
    narrator = Narrator(quiet=as_json)
    folder = _fresh(data_dir)
    pace = FAST if fast else FULL
    sidecar = Sidecar(folder, seed, narrator.say, pace.embeddings_per_day)
    try:
        sidecar.start(now=pace.start)
        story = Story(
            sidecar,
            pace,
            seed=seed,
            narrator=narrator,
            approver=_approver(narrator, by_itself=leave or as_json),
        )
        cure = story.play()
        told = report(story, cure, wall_seconds=time.perf_counter() - began)
        if as_json:
            document(told)
        narrator.stage("Measured", _figures(told), style="bold green")
        if not leave and not as_json:
            narrator.stage(
                "Explore it",
                f"{sidecar.settings.dashboard_url}  (data in {folder}; Ctrl-C stops everything)",
                style="bold green",
            )
            signal.pause()
    except KeyboardInterrupt:
        narrator.say("stopping")
    finally:
        sidecar.stop()


def _fresh(data_dir: Path | None) -> Path:
    if data_dir is None:
        return Path(tempfile.mkdtemp(prefix="outerloop-demo-"))
    if data_dir.exists() and any(data_dir.iterdir()):
        raise ConfigurationError(
            f"{data_dir} is not empty; the demo wants a fresh directory, e.g. --data-dir ./demo-{int(time.time())}"
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir.resolve()


def _approver(narrator: Narrator, *, by_itself: bool) -> Callable[[str], tuple[bool, str, str]]:
    def approve(question: str) -> tuple[bool, str, str]:
        if by_itself or not sys.stdin.isatty():
            return True, "demo", "auto"
        return narrator.ask(question), "you", "cli"

    return approve


def _figures(told: dict[str, Any]) -> str:
    calls = told["calls"]
    rates = [f"{_percent(rate)} {when}" for when, rate in told["error_rate"].items()]
    return (
        f"wrong answers {', '.join(rates)}; {calls['sent']:,} calls sent, {calls['stored']:,} stored; "
        f"{told['false_alarms_before_turn']} false alarms; {told['wall_seconds']:.0f} s in all"
    )


def _percent(rate: dict[str, float]) -> str:
    low, high = 100 * rate["low"], 100 * rate["high"]
    return f"{100 * rate['value']:.1f} % ({low:.1f} to {high:.1f}, n = {rate['n']:,})"
