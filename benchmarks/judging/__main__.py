"""Throughput of judging, its CPU, and recorded verdicts with faults.

    python -m benchmarks.judging                      # about 70 s
    python -m benchmarks.judging --replay ../shared/bench/replay_judge_server.py --samples 20

The endpoint is a process of its own on loopback; CPU is of the asking process alone, the openai
client's own share included. Exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from benchmarks.judging.replay import replay
from benchmarks.judging.throughput import measure
from benchmarks.sdk.targets import Target

LATENCY_S = 0.8
LIMIT = 20


def main() -> int:
    """Measure and print; returns the exit status."""
    options = _options()
    if options.replay:
        whole = asyncio.run(replay(options.replay, options.data, options.samples))
        print("every sample ended once" if whole else "SAMPLES WERE LOST OR DOUBLED")
        return 0 if whole else 1
    free = asyncio.run(measure(options.judgements, latency_s=LATENCY_S))
    print(f"no limit: {free}", flush=True)
    limited = asyncio.run(measure(options.judgements, latency_s=LATENCY_S, limit=LIMIT))
    print(f"429 above {LIMIT}: {limited}", flush=True)
    reached = [
        Target("wall time without a limit, times the ideal", free.wall_s / free.ideal_s, 1.25),
        Target("CPU per judgement, ms", free.cpu_ms, 3),
        Target(
            "429 above 20: wall time, times the ideal", limited.wall_s / limited.ideal_s, 1 / 0.85
        ),
        Target("judgements that failed", free.failures + limited.failures, 0),
    ]
    print("\n".join(map(str, reached)))
    return 0 if all(one.met for one in reached) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--judgements", type=int, default=1000)
    parser.add_argument("--replay", type=Path, help="the replaying server's file")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/judges"))
    parser.add_argument("--samples", type=int, default=20, help="of each kind with each fault")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
