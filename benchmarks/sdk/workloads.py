"""Long and forking work under observation, in our own environment; run by `benchmarks.sdk.apps`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import multiprocessing
import sys
from collections.abc import Iterator

import monitor
from benchmarks.sdk.child import GIVEN, RETURNED, resident_mb

__all__ = ["main"]

CALLS_PER_TURN = 10
TURNS_BETWEEN_FLUSHES = 400
WORKERS, TASKS_PER_WORKER = 4, 250


@monitor.observe
def plain(x: str) -> str:
    """Text in and out."""
    return RETURNED[len(x) & 63]


@monitor.observe
def outer(x: str) -> dict[str, object]:
    """Two more inside, and something to copy."""
    return {"answers": [plain(x), plain(x)], "score": 0.5}


@monitor.observe
async def waiting(x: str) -> str:
    """A coroutine that gives way."""
    await asyncio.sleep(0)
    return x


@monitor.observe
def failing(x: str) -> str:
    """Raises, as apps do."""
    raise ValueError(x)


@monitor.observe
def pieces(x: str) -> Iterator[str]:
    """A stream of words."""
    yield from x.split()[:5]


async def _gather(x: str) -> None:
    await asyncio.gather(waiting(x), waiting(x))


def _turn(x: str, loop: asyncio.AbstractEventLoop) -> None:
    """Ten observed calls: three nested, two tasks, two generators (one dropped), one error, two plain."""
    outer(x)
    loop.run_until_complete(_gather(x))
    with contextlib.suppress(ValueError):
        failing(x)
    list(pieces(x))
    next(pieces(x))
    plain(x)
    with monitor.context(session=x[:12], tags={"tenant": x[:3]}):
        plain(x)


def leak(calls: int) -> None:
    """So many calls; every tenth of them a line with memory and the number of live objects."""
    loop = asyncio.new_event_loop()
    turns = calls // CALLS_PER_TURN
    for turn in range(1, turns + 1):
        _turn(f"{turn} {GIVEN[turn & 63]}", loop)
        if turn % TURNS_BETWEEN_FLUSHES == 0:
            monitor.flush(timeout=60)
        if turn % (turns // 10) == 0:
            monitor.flush(timeout=60)
            gc.collect()
            print(turn * CALLS_PER_TURN, resident_mb(), len(gc.get_objects()), flush=True)
    loop.close()
    done = monitor.flush(timeout=60)
    found = {
        "acknowledged": done.acknowledged, "pending": done.pending, "dropped": done.dropped,
        "guarded": _guarded(),
    }  # fmt: skip
    print("RESULT " + json.dumps(found))


def _guarded() -> int:
    """How often the SDK had to swallow an error of its own."""
    from monitor.sdk.guard import GUARD  # noqa: PLC0415 - ours alone has it

    return GUARD.count


@monitor.observe
def task(x: str) -> str:
    """One job of a worker, with one more inside."""
    return plain(x)


def pool(calls: int) -> None:
    """Jobs in forked workers that are replaced after some, as Celery's are."""
    plain("before the fork")  # the parent has a connection and a thread already
    with multiprocessing.get_context("fork").Pool(WORKERS, maxtasksperchild=TASKS_PER_WORKER) as p:
        jobs = [f"CALL-{number}-END {GIVEN[number & 63]}" for number in range(calls)]
        results = p.map(task, jobs, chunksize=1)
        p.close()
        p.join()
    print("RESULT " + json.dumps({"returned": len(results)}))


def main() -> None:
    """`WORKLOAD PORT CALLS`."""
    workload, port, calls = sys.argv[-3:]
    monitor.init(service="bench", endpoint=f"http://127.0.0.1:{port}")
    {"leak": leak, "pool": pool}[workload](int(calls))
