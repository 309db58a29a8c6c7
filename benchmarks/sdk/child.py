"""One trial of one SDK, inside that SDK's own environment and a process of its own.

Prints `RESULT` and its findings as JSON on its last line. Run by `benchmarks.sdk.trials`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.sdk.adapters import ADAPTERS

__all__ = ["main"]

TEXT_CHARS = 1500
BURST, RATE_PER_S = 50, 1000
DEPTH = 3
WARM_UP = 200
MEMORY_SECONDS = 45
LOSS_RATE_PER_S, LOSS_CALLS = 200, 3600
Call = Callable[[str], str]
AsyncCall = Callable[[str], Awaitable[str]]
Figures = dict[str, Any]


def _texts(seed: int) -> list[str]:
    rng = random.Random(seed)
    words = [f"{rng.getrandbits(40):x}" for _ in range(3000)]
    return [" ".join(rng.choices(words, k=200))[:TEXT_CHARS] for _ in range(64)]


GIVEN, RETURNED = _texts(1), _texts(2)


def plain(x: str) -> str:
    """The app's own work: next to none, so that all that is measured is the SDK."""
    return RETURNED[len(x) & 63]


async def plain_async(x: str) -> str:
    """The same as a coroutine that never waits."""
    return RETURNED[len(x) & 63]


def _nested(decorate: Callable[[Call], Call]) -> Call:
    """Three observed functions, each inside the one before."""

    @decorate
    def inner(x: str) -> str:
        return RETURNED[len(x) & 63]

    @decorate
    def middle(x: str) -> str:
        return inner(x)

    @decorate
    def outer(x: str) -> str:
        return middle(x)

    return outer


def _pace(calls: int, burst: int, rate_per_s: float) -> Iterator[tuple[int, float]]:
    """Numbers of calls, and how long to sleep before each: bursts, as a server sees them."""
    due = time.perf_counter()
    for number in range(calls):
        wait = 0.0
        if number and number % burst == 0:
            due += burst / rate_per_s
            wait = max(due - time.perf_counter(), 0)
        yield number, wait


def _time(call: Call, calls: int, *, depth: int = 1) -> list[int]:
    """Nanoseconds of each call; `depth` observed ones inside each count towards the rate."""
    now, taken = time.perf_counter_ns, []
    for number, wait in _pace(calls, BURST // depth, RATE_PER_S / depth):
        if wait:
            time.sleep(wait)
        text = GIVEN[number & 63]
        began = now()
        call(text)
        taken.append(now() - began)
    return taken


async def _time_async(call: AsyncCall, calls: int) -> list[int]:
    now, taken = time.perf_counter_ns, []
    for number, wait in _pace(calls, BURST, RATE_PER_S):
        if wait:
            await asyncio.sleep(wait)
        text = GIVEN[number & 63]
        began = now()
        await call(text)
        taken.append(now() - began)
    return taken


def _summary(name: str, taken: list[int], bare: list[int]) -> Figures:
    """Median and p99 in µs, those of the undecorated function subtracted."""

    def at(share: float, times: list[int]) -> float:
        return sorted(times)[int(len(times) * share)] / 1e3

    return {
        f"{name} median": statistics.median(taken) / 1e3 - statistics.median(bare) / 1e3,
        f"{name} p99": at(0.99, taken) - at(0.99, bare),
    }


def overhead(decorate: Any, flush: Callable[[], object], calls: int) -> Figures:
    """Sync, async and nested; CPU of all threads until everything is delivered."""
    observed, nested = decorate(plain), _nested(decorate)
    observed_async: AsyncCall = decorate(plain_async)
    _time(observed, WARM_UP)
    asyncio.run(_time_async(observed_async, WARM_UP))
    _time(nested, WARM_UP // DEPTH)
    flush()
    started = time.process_time()
    bare = _time(plain, calls)
    between = time.process_time()
    taken = _time(observed, calls)
    flush()
    cpu = (time.process_time() - between) - (between - started)
    found: Figures = {**_summary("sync", taken, bare), "cpu us": cpu / calls * 1e6}
    found["unseen"] = _unseen(decorate)
    bare_async = asyncio.run(_time_async(plain_async, calls))
    found |= _summary("async", asyncio.run(_time_async(observed_async, calls)), bare_async)
    bare_nested = _time(_nested(lambda function: function), calls // DEPTH, depth=DEPTH)
    return found | _summary("nested", _time(nested, calls // DEPTH, depth=DEPTH), bare_nested)


def _unseen(decorate: Callable[[Call], Call]) -> float:
    """1 where OpenTelemetry's API, asked inside an observed call, does not know of the span."""
    try:
        from opentelemetry import trace  # noqa: PLC0415 - not every SDK brings it
    except ImportError:
        return 1.0
    inside: list[bool] = []

    @decorate
    def look(x: str) -> str:
        inside.append(trace.get_current_span().get_span_context().is_valid)
        return x

    look(GIVEN[0])
    return float(not inside[0])


def away(decorate: Any, flush: Callable[[], object], calls: int) -> Figures:
    """The same calls where nobody takes what is recorded: nothing can be flushed."""
    del flush
    observed = decorate(plain)
    _time(observed, WARM_UP)
    time.sleep(0.5)
    started = time.process_time()
    bare = _time(plain, calls)
    between = time.process_time()
    taken = _time(observed, calls)
    cpu = (time.process_time() - between) - (between - started)
    return {**_summary("sync", taken, bare), "cpu us": cpu / calls * 1e6}


def exit_(decorate: Any, flush: Callable[[], object], calls: int) -> Figures:
    """Some calls, then the end; the parent's clock sees how long that takes."""
    del flush
    _time(decorate(plain), calls)
    return {}


def memory(decorate: Any, flush: Callable[[], object], calls: int) -> Figures:
    """How much the process grows, at its highest, while nobody takes what is recorded."""
    del flush
    observed = decorate(plain)
    for number in range(500):
        observed(GIVEN[number & 63])
    time.sleep(0.5)  # threads have loaded what they need
    gc.collect()
    before = highest = resident_mb()
    end = time.perf_counter() + MEMORY_SECONDS
    done = 0
    while done < calls and time.perf_counter() < end:
        observed(f"{done} {GIVEN[done & 63]}")
        done += 1
        if done % 1000 == 0:
            highest = max(highest, resident_mb())
    return {"growth MB": max(highest, resident_mb()) - before, "calls": done}


def loss(decorate: Any, flush: Callable[[], object], calls: int) -> Figures:
    """Numbered calls at a steady rate through an outage, then a flush and an orderly end."""
    observed, slowest = decorate(plain), 0.0
    for number, wait in _pace(calls, 1, LOSS_RATE_PER_S):
        time.sleep(wait)
        began = time.perf_counter()
        observed(f"CALL-{number}-END {GIVEN[number & 63]}")
        slowest = max(slowest, time.perf_counter() - began)
    flush()
    return {"calls": calls, "slowest ms": slowest * 1e3}


def resident_mb() -> float:
    """Memory of this process that is really there."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


TRIALS = {"overhead": overhead, "away": away, "exit": exit_, "memory": memory, "loss": loss}


def main() -> None:
    """`TRIAL PEER PORT CALLS`."""
    trial, peer, port, calls = sys.argv[-4:]
    logging.disable(logging.CRITICAL)  # an outage fills the peers' logs, which is not what we time
    decorate, flush = ADAPTERS[peer](int(port))
    found = TRIALS[trial](decorate, flush, int(calls))
    print("RESULT " + json.dumps({**found, "ended": time.time()}), flush=True)
    if trial in ("away", "memory"):
        os._exit(0)  # how long the end takes is a trial of its own
