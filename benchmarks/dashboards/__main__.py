"""The dashboards at ten million calls: every view's questions, cold and warm, and the time until its page is complete.

    python -m benchmarks.dashboards                      # ten million calls, about 25 minutes on two quiet cores
    python -m benchmarks.dashboards --calls 1000000
    python -m benchmarks.dashboards --store http://127.0.0.1:8125/bench   # one that is filled already

Seeds an embedded store in a temporary folder and adds its hours up as the job does. `cold` is the first asking in a
fresh process of the store (the machine's page cache stays warm); `p95` is of the askings after it. `CPU` is what the
store's process used per asking, which other load on the machine hardly moves. Rows and bytes are what the store says
that it read. `without` is the same answer from the calls alone where hourly sums serve it, and without the skip indexes
where those do. Then every page in a browser, with what it really asked the store, and each of that asked again.
Exits 1 over a limit.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import timedelta
from urllib.parse import urlsplit

from benchmarks.dashboards.asking import LIMIT_MS, ask, p95_of
from benchmarks.dashboards.pages import LIMIT_S, measure_pages
from benchmarks.dashboards.recording import ask_again
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
    parser.add_argument("--only", default="", help="questions whose line holds this text")
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
    for one in ask(
        store,
        utcnow(),
        pid=pid,
        warm=options.warm,
        compare=not options.no_without,
        only=options.only,
    ):
        print(one, flush=True)
        late += one.p95_ms > LIMIT_MS
    if not options.no_pages:
        late += _measure_pages(store.url, options.warm)
    return 1 if late else 0


def _measure_pages(url: str, warm: int) -> int:
    """Print each page and what it asked; returns how many pages and questions are over their limit."""
    late = 0
    print(f"\npages in a browser; limit {LIMIT_S:.0f} s warm; load {os.getloadavg()[0]:.1f}")
    print(f"{'page or question':34}{'cold':>9}{'warm':>9}{'p95 ms':>9}{'rows':>12}{'MB':>9}")
    for page in measure_pages(url):
        over = page.warm_s > LIMIT_S
        print(
            f"{page.name:34}{page.cold_s:7.2f} s{page.warm_s:7.2f} s{'  over' if over else ''}",
            flush=True,
        )
        late += over
        for one in page.asked:
            p95 = p95_of([ask_again(urlsplit(url).netloc, one) for _ in range(warm)] or [one.ms])
            late += p95 > LIMIT_MS
            print(
                f"  {one.name:32}{'':9}{one.ms:6,.0f} ms{p95:9,.0f}{one.rows:12,}"
                f"{one.bytes / 1e6:9.1f}{'  over' if p95 > LIMIT_MS else ''}",
                flush=True,
            )
    return late


if __name__ == "__main__":
    sys.exit(main())
