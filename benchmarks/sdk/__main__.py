"""What a tracing SDK costs its app: Outerloop, the plain OpenTelemetry SDK and nine others.

    python -m benchmarks.sdk                              # the table, three rounds, about 45 minutes
    python -m benchmarks.sdk --only outerloop,otel        # some minutes
    python -m benchmarks.sdk --part leak                  # a million calls, memory flat
    python -m benchmarks.sdk --part apps                  # FastAPI under load, fork pools, Celery, a notebook
    python -m benchmarks.sdk --venvs ~/peers              # keep the environments there

1.5 kB of text in and out of a function that does next to nothing, at 1,000 calls/s in bursts of 50,
to a sink on loopback. Every trial is a fresh process in the SDK's own environment, made at first
use; the rounds are interleaved and the medians of the rounds are printed. Machines are noisy: the
ratios inside one run are the figures to keep. Exits 1 when a target is missed.

import: wall time of the app's import lines, byte-compiled, the best of five in each round.
added: the undecorated function's median and p99 are subtracted; with bursts of 50, two calls in a
hundred are the first after a pause, so p99 is what a call costs with cold caches.
CPU: of all threads until everything is delivered.
dead, hang: the added median with nobody listening, or with a sink that never answers, over the one
with a sink that does.
growth: of memory with nobody listening, at its highest.
lost: of 3,600 calls at 200/s, with the sink away for 10 s, those that have not arrived when the
process ends. Memory, exit and loss are measured once, several SDKs at a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.sdk.apps import apps, leak
from benchmarks.sdk.child import LOSS_CALLS
from benchmarks.sdk.peers import OURS, PEERS, Peer, install
from benchmarks.sdk.targets import Target, errors, medians, table, targets
from benchmarks.sdk.trials import Laboratory, listening

IMPORTS_PER_ROUND = 5
AWAYS_PER_ROUND = 2
"""A ratio of two short times is the noisiest figure of all."""
EXIT_CALLS = 1000
AT_A_TIME = 4
Rounds = dict[str, list[dict[str, Any]]]


def main() -> int:
    """Measure and print; returns the exit status."""
    options = _options()
    if options.part == "table":
        reached = _compare(options)
    else:
        failed = install(PEERS[OURS], options.venvs)
        if failed:
            raise SystemExit(f"outerloop's requirements do not install: {failed}")
        reached = {"leak": leak, "apps": apps}[options.part](options.venvs, options.calls)
    print("\ntargets")
    for target in reached:
        print(target)
    return 0 if all(target.met for target in reached) else 1


def _compare(options: argparse.Namespace) -> list[Target]:
    rounds: Rounds = {}
    for name in options.only.split(","):
        failed = install(PEERS[name], options.venvs)
        if failed:
            print(f"{PEERS[name].title} does not install: {failed}", flush=True)
        else:
            rounds[name] = []
    peers = [PEERS[name] for name in rounds]
    with listening() as alive, listening("--hang") as hanging:
        laboratory = Laboratory(options.venvs, alive, hanging)
        for number in range(options.rounds):
            _round(laboratory, peers if number % 2 == 0 else peers[::-1], options.calls, rounds)
            print(f"round {number + 1} of {options.rounds}, {_load()}", flush=True)
        _once(laboratory, peers, options.memory_calls, rounds)
    rows = {name: medians(found) for name, found in rounds.items()}
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} CPUs, {_load()}\n")
    print(table(rows))
    for name, found in rounds.items():
        for error in errors(found):
            print(f"  {PEERS[name].title}: {error}")
    return targets(rows)


def _round(laboratory: Laboratory, peers: list[Peer], calls: int, rounds: Rounds) -> None:
    tried: Rounds = {peer.name: [] for peer in peers}
    for _ in range(IMPORTS_PER_ROUND):
        for peer in peers:
            tried[peer.name].append(laboratory.imports(peer))
    for name, found in tried.items():
        rounds[name].append(min(found, key=lambda figures: figures.get("import ms", 0)))
    for trial in (laboratory.overhead, *[laboratory.away] * AWAYS_PER_ROUND):
        for peer in peers:
            rounds[peer.name].append(trial(peer, calls))


def _once(laboratory: Laboratory, peers: list[Peer], calls: int, rounds: Rounds) -> None:
    """What takes long, and mostly waits: several SDKs at a time."""

    def spread(
        trial: Callable[[Peer, int], dict[str, Any]], calls: int, at_a_time: int
    ) -> Iterable[dict[str, Any]]:
        with ThreadPoolExecutor(at_a_time) as pool:
            return list(pool.map(lambda peer: trial(peer, calls), peers))

    for title, trial, number, at_a_time in (
        ("memory", laboratory.memory, calls, 2),
        ("exit", laboratory.exits, EXIT_CALLS, AT_A_TIME),
        ("loss", laboratory.loss, LOSS_CALLS, AT_A_TIME),
    ):
        for peer, found in zip(peers, spread(trial, number, at_a_time), strict=True):
            if title != "memory":
                found.pop("calls", None)
            rounds[peer.name].append(found)
        print(f"{title} done, {_load()}", flush=True)


def _load() -> str:
    return "load " + " ".join(f"{load:.1f}" for load in os.getloadavg())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("table", "leak", "apps"), default="table")
    parser.add_argument("--only", default=",".join(PEERS), help="SDKs, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, help="2,000 a stretch; 1,000,000 for leak; 5,000 apps")
    parser.add_argument("--memory-calls", type=int, default=200_000)
    parser.add_argument("--venvs", default="~/.cache/outerloop-sdks", help="their environments")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(PEERS)
    if unknown:
        parser.error(f"no such SDK: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    options.calls = options.calls or {"table": 2000, "leak": 1_000_000, "apps": 5000}[options.part]
    options.venvs = Path(options.venvs).expanduser().resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
