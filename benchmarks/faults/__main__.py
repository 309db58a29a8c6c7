"""Faults on purpose, with fixed seeds, and what they did.

    python -m benchmarks.faults                       # everything, about 45 minutes
    python -m benchmarks.faults --part kills --rounds 20
    python -m benchmarks.faults --part away --away-s 60
    python -m benchmarks.faults --part disk --part mutations
    python -m benchmarks.faults --part soak --minutes 20

Real processes, the real Python exporter and our SDK. Exits 1 when something is not as it must be.
The full disk is a tmpfs, which takes root to mount; it is left out otherwise, and says so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.faults.disk import full_disk
from benchmarks.faults.kills import away, kills
from benchmarks.faults.mutations import mutations
from benchmarks.faults.soak import soak


def main() -> int:
    """Run the parts asked for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("kills", "away", "disk", "mutations", "soak")
    parser.add_argument("--part", action="append", choices=names, help="only this (repeatable)")
    parser.add_argument("--rounds", type=int, default=100, help="kills")
    parser.add_argument("--away-s", type=float, default=600.0, help="seconds without a store")
    parser.add_argument("--bodies", type=int, default=10_000, help="damaged bodies")
    parser.add_argument("--minutes", type=float, default=20.0, help="of the soak")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        runs = {
            "kills": lambda: kills(folder, rounds=options.rounds, seed=options.seed),
            "away": lambda: away(folder, seconds=options.away_s),
            "disk": lambda: full_disk(folder, seed=options.seed),
            "mutations": lambda: mutations(folder, number=options.bodies, seed=options.seed),
            "soak": lambda: soak(folder, minutes=options.minutes, seed=options.seed),
        }
        for name in options.part or names:
            print(name, flush=True)
            began = time.monotonic()
            findings = runs[name]()
            for finding in findings:
                print(finding)
            print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
            good &= all(finding.met for finding in findings)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
