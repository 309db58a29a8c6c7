"""The end of a process: quick, whatever the collector does, and with what was recorded last."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sdk_sink import Sink

pytestmark = pytest.mark.integration


def run(code: str, **environment: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """A program that prints the monotonic time last, and how long it took to end after that."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, **environment}, text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done, time.monotonic() - float(done.stdout.splitlines()[-1])


LOAD = """
    import time, monitor
    @monitor.observe
    def f(x): return x
    for n in range(8000): f("x" * 1000)
    print(time.monotonic())
"""


@pytest.mark.parametrize("spooled", [True, False], ids=["spool", "memory"])
@pytest.mark.parametrize("hangs", [False, True], ids=["dead", "hanging"])
def test_the_exit_is_bounded(sink: Sink, tmp_path: Path, hangs: bool, spooled: bool) -> None:
    """With a full queue and nobody to take it; with a spool, all of it that fits is on disk."""
    sink.hang_s = 30 if hangs else 0
    endpoint = sink.url if hangs else "http://127.0.0.1:9"
    folder = str(tmp_path) if spooled else "off"
    done, took = run(LOAD, OUTERLOOP_ENDPOINT=endpoint, OUTERLOOP_SPOOL=folder)
    assert done.returncode == 0
    assert took < 10  # about a second on a machine that does nothing else
    kept = sum(path.stat().st_size for path in tmp_path.rglob("*.otlp"))
    assert (kept > 6_000_000) == spooled
    assert ("end of the process" in done.stderr) == (not spooled)


def test_threads_that_outlive_the_main_one_are_recorded(sink: Sink) -> None:
    """Non-daemon threads end before the SDK does."""
    code = """
        import threading, time, monitor
        @monitor.observe
        def f(x): return x
        threading.Thread(target=lambda: (time.sleep(0.5), f("late"), print(time.monotonic()))).start()
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT=sink.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(sink.spans) == 1


def test_what_is_open_at_the_end_is_recorded_as_far_as_it_went(sink: Sink) -> None:
    """A generator that nobody reads any more when the process ends, in main or in a pool's worker."""
    code = """
        import multiprocessing, time, monitor
        @monitor.observe
        def words(x): yield from x.split()
        def work():
            global left
            left = words("three four")
            next(left)
        left = words("one two")
        next(left)
        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        worker.join()
        print(time.monotonic())
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT=sink.url)
    assert (done.returncode, done.stderr) == (0, "")
    told = {span.attributes["outerloop.step.output"] for span in sink.spans}
    assert told == {'["one"]', '["three"]'}
    assert all(span.attributes["outerloop.abandoned"] for span in sink.spans)
    assert len(sink.spans) == 2


def test_calls_after_the_end_are_harmless(sink: Sink) -> None:
    """An atexit hook that runs after ours may still call observed functions."""
    code = """
        import atexit, time, sys
        atexit.register(lambda: print(f("after"), time.monotonic(), sep="\\n"))
        import monitor
        @monitor.observe
        def f(x): return x
        f("before")
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT=sink.url)
    assert (done.returncode, done.stderr, done.stdout.split()[0]) == (0, "", "after")
    assert len(sink.spans) == 1


def test_memory_stays_flat_with_the_collector_away(tmp_path: Path) -> None:
    """200,000 calls with nobody listening hold no more than the queue's bound."""
    code = """
        import time, monitor, resource
        @monitor.observe
        def f(x): return x
        def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096
        for n in range(500): f("x" * 1000)
        before = rss()
        for n in range(60_000): f(str(n) + "x" * 1000)
        print((rss() - before) / 1e6)
        print(time.monotonic())
    """
    done, _ = run(code, OUTERLOOP_ENDPOINT="http://127.0.0.1:9", OUTERLOOP_SPOOL=str(tmp_path))
    assert done.returncode == 0
    assert float(done.stdout.splitlines()[0]) < 60
