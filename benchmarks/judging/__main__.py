"""Throughput of judging, its CPU, and recorded verdicts with faults.

    python -m benchmarks.judging                      # about 75 s
    python -m benchmarks.judging --profile            # where the CPU goes, 10 s
    python -m benchmarks.judging --replay ../shared/bench/replay_judge_server.py    # about 3 minutes

The endpoint is a process of its own on loopback; CPU is of the asking process alone, the openai
client's own share included. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from benchmarks.judging.replay import replay
from benchmarks.judging.shares import shares
from benchmarks.judging.throughput import alone, measure
from benchmarks.sdk.targets import Target

LATENCY_S = 0.8
LIMIT = 20


def main() -> int:
    """Measure and print; returns the exit status."""
    options = _options()
    if options.replay:
        return 0 if replay(options.replay, options.data, options.samples) else 1
    if options.profile:
        for part, cpu_ms in asyncio.run(shares(options.judgements)).items():
            print(f"  {part:<54}{cpu_ms:>8.3f} ms")
        return 0
    free = asyncio.run(measure(options.judgements, latency_s=LATENCY_S))
    print(f"no limit: {free}", flush=True)
    bare_s = asyncio.run(alone(options.judgements, latency_s=LATENCY_S))
    print(
        f"the bare client on this machine now: {bare_s / free.ideal_s:.3f} x the ideal", flush=True
    )
    limited = asyncio.run(measure(options.judgements, latency_s=LATENCY_S, limit=LIMIT))
    print(f"429 above {LIMIT}: {limited}", flush=True)
    reached = [
        Target("wall time without a limit, times the ideal", free.times_ideal, 1.25),
        Target("CPU per judgement with journal, ms", max(free.cpu_ms, limited.cpu_ms), 3),
        Target("429 above 20: wall time, times the ideal", limited.times_ideal, 1 / 0.85),
        Target("judgements that failed", free.failures + limited.failures, 0),
    ]
    print("\n".join(map(str, reached)))
    return 0 if all(one.met for one in reached) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--judgements", type=int, default=1000)
    parser.add_argument("--profile", action="store_true", help="say where the CPU goes")
    parser.add_argument("--replay", type=Path, help="the replaying server's file")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/judges"))
    parser.add_argument("--samples", type=int, default=20, help="of each kind with each fault")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
