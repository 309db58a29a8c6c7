"""The dashboards at ten million calls: every view's questions, cold and warm, and the time until its page is complete.

    python -m benchmarks.dashboards                      # ten million calls, about 25 minutes on two quiet cores
    python -m benchmarks.dashboards --calls 1000000
    python -m benchmarks.dashboards --store http://127.0.0.1:8125/bench   # one that is filled already

Seeds an embedded store in a temporary folder and adds its hours up as the job does. `cold` is the first asking in a
fresh process of the store (the machine's page cache stays warm); `p95` is of the askings after it; `without` is the
same answer from the calls alone, once. `CPU` is what the store's process used per asking, which other load on the
machine hardly moves. Rows and bytes are what the store says that it read. Exits 1 over a limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import timedelta

from benchmarks.dashboards.asking import LIMIT_MS, ask
from benchmarks.dashboards.pages import LIMIT_S, measure_pages
from benchmarks.dashboards.seed import DAYS, seed
from benchmarks.embedded import embedded
from monitor.clock import utcnow
from monitor.jobs.hours import add_up
from monitor.store import Store


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--warm", type=int, default=20, help="askings after the first")
    parser.add_argument("--store", help="URL of a filled database; nothing is seeded")
    parser.add_argument(
        "--pid", type=int, default=0, help="process of that store, for its CPU time"
    )
    parser.add_argument("--no-pages", action="store_true", help="without the browser")
    parser.add_argument("--no-without", action="store_true", help="without the slow comparison")
    options = parser.parse_args()
    if options.store:
        return _measure(Store(options.store), options, pid=options.pid)
    with embedded() as place:
        store = place.database("bench")
        began = time.monotonic()
        seed(store, calls=options.calls, now=utcnow())
        print(f"{options.calls:,} calls of {DAYS} days seeded in {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        add_up(store, kept_since=utcnow() - timedelta(days=10 * DAYS), quiet_s=0)
        print(f"hours added up in {time.monotonic() - began:.0f} s", flush=True)
        return _measure(store, options, pid=place.pid)


def _measure(store: Store, options: argparse.Namespace, *, pid: int) -> int:
    load = os.getloadavg()[0]
    print(
        f"\nquestions; limit {LIMIT_MS} ms for p95 warm; load {load:.1f} on {os.cpu_count()} cores"
    )
    late = 0
    heads = ("cold ms", "p50 ms", "p95 ms", "CPU ms", "rows", "MB", "without ms", "rows")
    widths = (9, 8, 8, 8, 11, 8, 12, 12)
    print(
        f"{'question':34}"
        + "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    )
    for one in ask(store, utcnow(), pid=pid, warm=options.warm, compare=not options.no_without):
        print(one, flush=True)
        late += one.p95_ms > LIMIT_MS
    if not options.no_pages:
        print(f"\npages in a browser; limit {LIMIT_S:.0f} s; load {os.getloadavg()[0]:.1f}")
        for name, seconds in measure_pages(store.url):
            print(f"{name:34}{seconds:8.2f} s{'  over' if seconds > LIMIT_S else ''}", flush=True)
            late += seconds > LIMIT_S
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
