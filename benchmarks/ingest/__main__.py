"""Ingest, side by side: Outerloop, Arize Phoenix, MLflow, and what the engine itself can do.

    python -m benchmarks.ingest                        # everything, two rounds, some minutes
    python -m benchmarks.ingest --only outerloop       # ours and the limit alone
    python -m benchmarks.ingest --venvs ~/peers        # keep the peers' environments there

All get the same OTLP bodies over HTTP from the same sender, in turn, in one run; machines are noisy,
so the ratios and the CPU seconds are the figures to keep. The peers' packages are installed into
environments of their own at first use. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ingest.load import load
from benchmarks.ingest.measure import Figures, limit, measure
from benchmarks.ingest.servers import SERVERS, Outerloop

BULK, SINGLE = 512, 1


@dataclass(frozen=True, slots=True)
class Target:
    """What has to be reached."""

    name: str
    value: float | None
    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        if self.value is None:
            return f"  {self.name:<58}{'-':>12}   not measured"
        verdict = "met" if self.met else "MISSED"
        return f"  {self.name:<58}{self.value:>12,.4g} {'<=' if self.at_most else '>='} {self.bound:<8g} {verdict}"

    @property
    def met(self) -> bool:
        """Whether it is; what was not measured cannot miss."""
        if self.value is None:
            return True
        return self.value <= self.bound if self.at_most else self.value >= self.bound


def main() -> int:
    """Measure and print; returns the exit status."""
    options = _options()
    names = options.only.split(",")
    bulk = load(options.spans, per_request=BULK, seed=options.seed)
    single = load(options.singles, per_request=SINGLE, seed=options.seed + 1)
    tables: dict[int, dict[str, list[Figures]]] = {BULK: {}, SINGLE: {}}
    limits = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, venvs = Path(scratch), Path(options.venvs)
        for number in range(options.rounds):
            for name in names if number % 2 == 0 else names[::-1]:
                for per_request, requests in ((BULK, bulk), (SINGLE, single)):
                    peer = name != "outerloop"
                    some = requests[: options.peer_requests[per_request]] if peer else requests
                    server = SERVERS[name](folder / name, venvs)
                    lag = None if peer or per_request == SINGLE else options.seed + 2 + number
                    figures = measure(server, some, lag_seed=lag)
                    print(
                        f"round {number + 1} {name} {per_request}/request: {figures['visible spans/s']:,.0f} visible/s",
                        flush=True,
                    )
                    tables[per_request].setdefault(name, []).append(figures)
            limits.append(limit(Outerloop(folder / "limit", venvs), bulk))
            print(f"round {number + 1} limit: {limits[-1]:,.0f} spans/s", flush=True)
    for per_request, rounds in tables.items():
        _print_table(per_request, {name: _medians(figures) for name, figures in rounds.items()})
    targets = _targets(
        {p: {n: _medians(f) for n, f in rounds.items()} for p, rounds in tables.items()},
        statistics.median(limits),
    )
    print(f"\nlimit: {statistics.median(limits):,.0f} spans/s\n\ntargets")
    for target in targets:
        print(target)
    return 0 if all(target.met for target in targets) else 1


def _targets(tables: dict[int, dict[str, Figures]], limit_per_s: float) -> list[Target]:
    bulk, single = tables[BULK].get("outerloop", {}), tables[SINGLE].get("outerloop", {})
    phoenix = tables[BULK].get("phoenix", {})

    def ratio(name: str) -> float | None:
        return bulk[name] / phoenix[name] if bulk and phoenix else None

    visible = bulk.get("visible spans/s")
    return [
        Target("visible spans/s, times Phoenix's", ratio("visible spans/s"), 100),
        Target("visible spans/s, of the limit", visible and visible / limit_per_s, 0.4),
        Target("one-span requests/s until visible", single.get("visible spans/s"), 3000),
        Target("lag to visible, p99 at half of peak, s", bulk.get("lag p99 s"), 1.0, at_most=True),
        Target(
            "bytes on disk, times Phoenix's", ratio("bytes on disk per span"), 0.25, at_most=True
        ),
        Target("cold start, s", bulk.get("cold start s"), 3.0, at_most=True),
        Target(
            "idle memory of collector and store, MB", bulk.get("idle memory MB"), 450, at_most=True
        ),
        Target("idle CPU of collector and store, %", bulk.get("idle CPU %"), 2.0, at_most=True),
    ]


def _medians(rounds: list[Figures]) -> Figures:
    return {name: statistics.median(f[name] for f in rounds) for name in rounds[0]}


def _print_table(per_request: int, columns: dict[str, Figures]) -> None:
    print(f"\n{per_request} spans a request, medians of the rounds")
    print("  " + " " * 28 + "".join(f"{name:>14}" for name in columns))
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    for name in names:
        cells = [f"{f[name]:,.4g}" if name in f else "-" for f in columns.values()]
        print(f"  {name:<28}" + "".join(f"{cell:>14}" for cell in cells))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(SERVERS), help="servers, separated by commas")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--spans", type=int, default=102_400, help="for ours and the limit, 512 a request"
    )
    parser.add_argument("--singles", type=int, default=15_000, help="for ours, one a request")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--venvs", default="~/.cache/outerloop-peers", help="the peers' environments"
    )
    options = parser.parse_args()
    options.venvs = Path(options.venvs).expanduser()
    options.peer_requests = {BULK: 10, SINGLE: 400}  # the peers need minutes for more
    return options


if __name__ == "__main__":
    sys.exit(main())
