"""Recorded verdicts and human labels through our own statistics, against known numbers; fixed seeds.

    python -m benchmarks.judges [--data ../shared/data/judges] [--monte-carlo] [--only SECTION]

Prints section, quantity, expected, ours and verdict; exits 1 on a miss. Sets that are not in the
folder are named and skipped. `--monte-carlo` adds section 6.9, a few minutes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.judges.agreeing import agreeing, scores
from benchmarks.judges.correcting import correcting, weighting
from benchmarks.judges.draws import draws
from benchmarks.judges.ordering import parsing, positions, ranks
from benchmarks.judges.panels import panels
from benchmarks.judges.structured import structured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.judges.row import Row

SECTIONS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "6.1": agreeing,
    "6.2": scores,
    "6.3": positions,
    "6.4": parsing,
    "6.5": panels,
    "6.6": ranks,
    "6.7": correcting,
    "6.8": weighting,
    "6.9": draws,
    "6.10": structured,
}


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/judges"))
    parser.add_argument("--monte-carlo", action="store_true", help="also section 6.9, minutes")
    parser.add_argument("--only", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    options = parser.parse_args()
    if not options.data.is_dir():
        parser.error(f"{options.data} is no folder: give the recorded sets with --data")
    chosen = [options.only] if options.only else list(SECTIONS)
    if not (options.monte_carlo or options.only):
        chosen.remove("6.9")
    missed = compared = 0
    for section in chosen:
        for row in SECTIONS[section](options.data):
            print(
                f"{row.section:<5} {row.quantity:<58} {row.expected:>22} {row.ours:>22}  {row.verdict}",
                flush=True,
            )
            compared += row.met is not None
            missed += row.met is False
    print(f"{compared - missed} of {compared} reproduced, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
