"""What the collector says of itself, over HTTP: is it ready, and its figures."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = ["Figures", "addresses", "ask_collector", "parse_figures"]

TIMEOUT_S = 5.0
PREFIX = "outerloop_collector_"
SIGNAL = re.compile(r'(\w+)\{signal="(\w+)"\}')


@dataclass(frozen=True, slots=True)
class Figures:
    """One answer of a collector."""

    url: str
    """Which one."""
    problems: Mapping[str, str]
    """What `/readyz` says is wrong, by part (`wal`, `store`, …)."""
    values: Mapping[str, float]
    """`/metrics`, without the prefix; a sample with labels is there by itself, and summed into its name."""

    def value(self, name: str, otherwise: float = 0.0) -> float:
        """One figure, or what stands for one that this collector does not tell."""
        return self.values.get(name, otherwise)

    def by_signal(self, name: str) -> dict[str, int]:
        """One figure for each of traces and logs."""
        parts = {SIGNAL.fullmatch(label): number for label, number in self.values.items()}
        return {m[2]: int(number) for m, number in parts.items() if m and m[1] == name}


def parse_figures(text: str) -> dict[str, float]:
    r"""Prometheus' text format as numbers by name, and by name with labels; our prefix taken off.

    >>> parse_figures('outerloop_collector_waiting{signal="logs"} 2\nouterloop_collector_lag 3\n# HELP x')
    {'waiting{signal="logs"}': 2.0, 'waiting': 2.0, 'lag': 3.0}
    """
    found: dict[str, float] = {}
    for line in text.splitlines():
        labelled, _, number = line.rpartition(" ")
        labelled = labelled.removeprefix(PREFIX)
        if not labelled or line.startswith("#"):
            continue
        for name in dict.fromkeys((labelled, labelled.partition("{")[0])):
            try:
                found[name] = found.get(name, 0.0) + float(number)
            except ValueError:
                continue  # a line with a timestamp or of another format is no figure of ours
    return found


def addresses(settings: Settings) -> list[str]:
    """Where the collector may be: on this machine, and where this deployment is told to send."""
    return list(dict.fromkeys((settings.collector_url, settings.told_url)))


def ask_collector(
    settings: Settings, *, tries: int = 1, pause_s: float = 2.0
) -> Figures | httpx.TransportError:
    """The figures of the first collector that answers, or why none does.

    Args:
        settings: say where it is.
        tries: rounds over the addresses; one that restarts is away for a moment.
        pause_s: between two rounds.
    """
    trouble: httpx.TransportError = httpx.ConnectError("there is no address to ask")
    for number in range(tries):
        if number:
            time.sleep(pause_s)
        for url in addresses(settings):
            try:
                return _ask(url, settings)
            except httpx.TransportError as error:
                trouble = error
    return trouble


def _ask(url: str, settings: Settings) -> Figures:
    trust = settings.collector_tls or True
    with httpx.Client(base_url=url, timeout=TIMEOUT_S, verify=trust, trust_env=False) as client:
        ready, figures = client.get("/readyz"), client.get("/metrics")
    try:
        said = ready.json()
    except ValueError:
        said = {}
    problems = {str(part): str(why) for part, why in said.items() if part != "ready" and why}
    if ready.status_code not in (200, 503) or not isinstance(said, dict):
        problems = {"http": f"/readyz answered {ready.status_code}; is that our collector?"}
    return Figures(url, problems, parse_figures(figures.text))
