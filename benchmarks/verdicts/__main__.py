"""Recorded verdicts and human labels through our own statistics, against known numbers; fixed seeds.

    python -m benchmarks.verdicts [--data ../shared/data/judges] [--monte-carlo] [--only SECTION]
    python -m benchmarks.verdicts --table FILE.csv --label COLUMN --verdict COLUMN [--score] [--probability COLUMN]

Prints section, quantity, expected, ours and verdict; exits 1 on a miss. Sets that are not in the
folder are named and skipped. `--monte-carlo` adds section 6.9 and the coverage of two-phase labels, some
minutes; `--seed` draws them anew. `--table` runs the estimators on any table with people's and a judge's column.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.verdicts.agreeing import agreeing, scores
from benchmarks.verdicts.correcting import correcting, weighting
from benchmarks.verdicts.draws import DRAWS, SEED, draws
from benchmarks.verdicts.ordering import parsing, positions, ranks
from benchmarks.verdicts.panels import panels
from benchmarks.verdicts.phases import phases
from benchmarks.verdicts.structured import structured
from benchmarks.verdicts.tables import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.verdicts.row import Row

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
    "two-phase": lambda _data: phases(),
}
DRAWN = ("6.9", "two-phase")


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/judges"))
    parser.add_argument("--monte-carlo", action="store_true", help="also section 6.9, minutes")
    parser.add_argument("--only", choices=SECTIONS, metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--seed", type=int, default=SEED, help="of section 6.9")
    parser.add_argument("--draws", type=int, default=DRAWS, help="of section 6.9, per case")
    parser.add_argument(
        "--table", type=Path, metavar="FILE.csv", help="any table instead of the sets"
    )
    parser.add_argument(
        "--label", metavar="COLUMN", help="what people said; empty where nobody did"
    )
    parser.add_argument("--verdict", metavar="COLUMN", help="what the judge said")
    parser.add_argument("--probability", metavar="COLUMN", help="with which a row was labelled")
    parser.add_argument(
        "--score", action="store_true", help="both are numbers on a scale, not words"
    )
    options = parser.parse_args()
    if options.table is not None:
        return _table(parser, options)
    if not options.data.is_dir():
        parser.error(f"{options.data} is no folder: give the recorded sets with --data")
    chosen = [options.only] if options.only else list(SECTIONS)
    if not (options.monte_carlo or options.only):
        chosen = [one for one in chosen if one not in DRAWN]
    sections = SECTIONS | {"6.9": lambda data: draws(data, seed=options.seed, number=options.draws)}
    missed = compared = 0
    for section in chosen:
        for row in sections[section](options.data):
            print(
                f"{row.section:<5} {row.quantity:<58} {row.expected:>22} {row.ours:>22}  {row.verdict}",
                flush=True,
            )
            if row.why:
                print(f"      {row.why}")
            compared += row.met is not None
            missed += row.met is False
    print(f"{compared - missed} of {compared} reproduced, {missed} missed")
    return 1 if missed else 0


def _table(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not (options.label and options.verdict):
        parser.error("--table needs --label COLUMN and --verdict COLUMN")
    try:
        lines = list(
            told(
                options.table,
                label=options.label,
                verdict=options.verdict,
                probability=options.probability,
                score=options.score,
            )
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
