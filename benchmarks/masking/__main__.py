"""How well masking recognises, and what it costs; one command, fixed seed.

    python -m benchmarks.masking [--quick] [--seed 1] [--json]

Quality: values made by rule (with right check digits) are put into prose, JSON, code and log lines,
beside hard negatives that look like them. A value counts as found when nothing of it is left; a
false alarm is anything masked in a line without values. Cost: spans with 1.5 KB of prose, decoded
and serialised with and without masking, in turns, in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys

from benchmarks.masking.cost import costs, settings
from benchmarks.masking.lines import lines
from benchmarks.masking.quality import quality
from collector.masking import Masking


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    masking = Masking.from_settings(settings("on"))
    assert masking is not None
    rows = quality(masking, lines(rng, 100 if options.quick else 2000))
    prices = costs(rng, quick=options.quick)
    if options.json:
        print(json.dumps({"quality": rows, "cost": prices}))
        return 0
    for row in rows:
        size = f"({row['lines']} lines"
        if "recall" in row:
            found = f"recall {row['recall']:.4f}  precision {row['precision']:.4f}"
            print(f"{row['kind']:<20} {found}  {size}, {row['wrong']} wrong)")
        else:
            print(f"not: {row['kind']:<15} touched {row['touched']:.4f}  {size})")
    for row in prices:
        share = f"values in {row['spans with values']:>4.0%} of spans"
        took = f"{row['us_per_span']:6.1f} us/span, {row['spans_per_s']:>9,.0f} spans/s"
        print(f"{row['mode']:<13} {share}: {took}, {row['ratio']:.1f} x decode+serialise")
    return 0


if __name__ == "__main__":
    sys.exit(main())
