"""Pools, pre-forking servers and freezes: every process delivers its own, once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sdk_sink import Sink, delivered

import monitor

pytestmark = pytest.mark.integration


def run(code: str, folder: Path, sink: Sink) -> str:
    """What a program writes; it ends well and says nothing on standard error."""
    (folder / "pool_app.py").write_text(textwrap.dedent(code), "utf-8")
    done = subprocess.run(
        [sys.executable, "pool_app.py"], cwd=folder, text=True, capture_output=True, timeout=90,
        env={**os.environ, "OUTERLOOP_ENDPOINT": sink.url}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_deliver_before_they_end(method: str, sink: Sink, tmp_path: Path) -> None:
    """Workers end by os._exit right after their last task; what they recorded arrives."""
    run(
        f"""
        import multiprocessing, monitor
        @monitor.observe
        def f(x): return x
        if __name__ == "__main__":
            f("parent")
            mp = multiprocessing.get_context("{method}")
            workers = [mp.Process(target=f, args=(n,)) for n in range(4)]
            for worker in workers: worker.start()
            for worker in workers: worker.join()
            assert [worker.exitcode for worker in workers] == [0] * 4
        """,
        tmp_path,
        sink,
    )
    assert len(sink.spans) == len({span.span_id for span in sink.spans}) == 5
    assert len({span.resource["service.instance.id"] for span in sink.spans}) == 5


def test_a_prefork_server_under_load(sink: Sink, tmp_path: Path) -> None:
    """A parent that has already recorded forks workers with threads; nothing is lost or twice."""
    run(
        """
        import os, threading, monitor
        @monitor.observe
        def f(x): return x
        for n in range(100): f(n)
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                threads = [threading.Thread(target=lambda: [f(n) for n in range(100)]) for _ in range(4)]
                for t in threads: t.start()
                for t in threads: t.join()
                told = monitor.flush(10)
                os._exit(0 if (told.acknowledged, told.pending, told.dropped) == (400, 0, 0) else 1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        """,
        tmp_path,
        sink,
    )
    assert len(sink.spans) == len({span.span_id for span in sink.spans}) == 1300


def test_a_fork_inside_an_observed_call(sink: Sink, tmp_path: Path) -> None:
    """The call is the parent's: the child, which returns from it too, does not record it again."""
    run(
        """
        import os, monitor
        @monitor.observe
        def inner(): ...
        @monitor.observe
        def split():
            child = os.fork()
            if child == 0: inner()
            return child
        if split() == 0:
            monitor.flush(5); os._exit(0)
        os.wait()
        """,
        tmp_path,
        sink,
    )
    assert sorted(span.name for span in sink.spans) == ["inner", "split"]
    assert sink.span("inner").parent_id == sink.span("split").span_id


def test_a_freeze_between_calls(sdk: Sink) -> None:
    """Flushed before the freeze; after it the connection is dead, and the next call still arrives."""

    @monitor.observe
    def handler(number: int) -> int:
        return number

    handler(1)
    delivered(sdk, 1)
    sdk.answers.append((200, {"Connection": "close"}, b""))
    handler(2)
    delivered(sdk, 2)
    handler(3)
    delivered(sdk, 3)
    assert sdk.connections == 2
