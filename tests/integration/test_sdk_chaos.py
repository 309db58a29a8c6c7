"""Chaos: with the SDK and without it, an app writes the same bytes and ends with the same status."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sdk_sink import Sink

pytestmark = pytest.mark.integration

WITHOUT = """
import contextlib, types, sys
def observe(f=None, **options): return f if f is not None else (lambda g: g)
monitor = types.SimpleNamespace(
    observe=observe, context=lambda **said: contextlib.nullcontext(), feedback=lambda *a, **k: None,
    outcome=lambda *a, **k: None, propagate=lambda f: f, init=lambda **said: None,
)
"""
WITH = "import monitor, sys, logging; logging.getLogger('outerloop').addHandler(logging.NullHandler())\n"

APPS = {
    "repr_that_raises": """
        class Hostile:
            def __repr__(self): raise RuntimeError("repr")
            __str__ = __eq__ = __len__ = __bool__ = __hash__ = __iter__ = __getattr__ = __repr__
        @monitor.observe
        def f(x, **more): return [x]
        h = Hostile()
        print(f(h)[0] is h, f(h, a={"b": h})[0] is h)
        """,
    "subclasses_that_lie": """
        calls = []
        class D(dict):
            def items(self): calls.append("items"); return 1 / 0
            def __iter__(self): calls.append("iter"); return 1 / 0
        class L(list):
            def __iter__(self): calls.append("iter"); return 1 / 0
        class S(str):
            def encode(self, *a): calls.append("encode"); return 1 / 0
            def __len__(self): calls.append("len"); return 1 / 0
        class I(int):
            def __int__(self): calls.append("int"); return 1 / 0
            def __index__(self): calls.append("index"); return 1 / 0
        @monitor.observe
        def f(*x): return x
        print(len(f(D(a=1), L([1]), S("s"), I(1))), calls)
        """,
    "uncaught_exception": """
        @monitor.observe
        def inner(x): raise ValueError("no year")
        @monitor.observe
        def outer(x):
            try: inner(x)
            except ValueError as error: raise KeyError("outer") from error
        outer(1)
        """,
    "uncaught_in_coroutine": """
        import asyncio
        @monitor.observe
        async def inner(x): await asyncio.sleep(0); raise ValueError("no year")
        @monitor.observe
        async def outer(x): await inner(x)
        asyncio.run(outer(1))
        """,
    "generators": """
        import asyncio
        @monitor.observe
        def g(n):
            try:
                for i in range(n): yield i
            except GeneratorExit: print("closed"); raise
            finally: print("finally")
            return n
        @monitor.observe
        async def ag(n):
            try:
                for i in range(n): yield i
            finally: print("afinally")
        for x in g(5):
            if x == 2: break
        it = g(2); print(next(it)); it.close(); print(list(g(2)))
        async def main():
            gen = ag(5)
            async for x in gen:
                if x == 1: break
            await gen.aclose()
        asyncio.run(main())
        it = g(1); next(it); it.throw(LookupError("thrown"))
        """,
    "sys_exit_inside": """
        @monitor.observe
        def f(): print("before"); sys.exit(7)
        f()
        """,
    "exit_with_a_message": """
        @monitor.observe
        def f(): raise SystemExit("said on stderr")
        f()
        """,
    "thread_pool_shutdown": """
        from concurrent.futures import ThreadPoolExecutor
        import threading, time
        @monitor.observe
        def f(x): return x * 2
        pool = ThreadPoolExecutor(4)
        print(sum(pool.map(monitor.propagate(f), range(200))))
        pool.shutdown(cancel_futures=True)
        try: pool.submit(f, 1)
        except RuntimeError as error: print(error)
        late = threading.Thread(target=lambda: (time.sleep(0.2), print(f(21))))
        late.start()
        import atexit; atexit.register(lambda: print(f(1)))
        """,
    "recursion": """
        @monitor.observe
        def down(n): return 0 if n == 0 else 1 + down(n - 1)
        print(down(200))
        @monitor.observe
        def for_ever(n): return for_ever(n + 1)
        try: for_ever(0)
        except RecursionError as error: print(type(error))
        circle = []; circle += [circle, circle, {"me": circle}]
        @monitor.observe
        def f(x): return x
        print(f(circle) is circle)
        """,
    "mask_that_raises": """
        monitor.init(mask=lambda name, text: 1 / 0)
        @monitor.observe
        def f(x): return x
        print(f("secret"))
        """,
    "clock_that_jumps_back": """
        import itertools
        moments = itertools.chain([2_000_000_000_000_000_000], itertools.repeat(-5))
        monitor.init(clock=lambda: next(moments))
        @monitor.observe
        def f(x): return x
        print([f(n) for n in range(4)])
        """,
    "full_disk": """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        monitor.init(endpoint="http://127.0.0.1:9", spool="SPOOL")
        @monitor.observe
        def f(x): return x
        print([f(n) for n in range(4)])
        import time; time.sleep(1.5)
        """,
    "keyboard_interrupt": """
        @monitor.observe
        def f(): raise KeyboardInterrupt
        try: f()
        except KeyboardInterrupt: print("stopped")
        """,
    "deleted_attribute_and_odd_exceptions": """
        class Odd(Exception):
            def __str__(self): raise RuntimeError("str")
        @monitor.observe
        def f(): raise Odd(1)
        try: f()
        except Odd as error: print(error.args, error.__context__, error.__cause__)
        class Group(ExceptionGroup): pass
        @monitor.observe
        def g(): raise Group("several", [ValueError(1), KeyError(2)])
        g()
        """,
}


def run(code: str, tmp_path: Path, **environment: str) -> tuple[bytes, bytes, int]:
    """What a program writes, and how it ends."""
    (tmp_path / "app.py").write_text(code, "utf-8")
    done = subprocess.run(
        [sys.executable, "app.py"], env={**os.environ, **environment}, cwd=tmp_path,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


@pytest.mark.parametrize("app", APPS)
def test_the_app_behaves_as_it_would_without_us(app: str, sink: Sink, tmp_path: Path) -> None:
    """Standard output, standard error and exit status are the same, to the byte."""
    body = textwrap.dedent(APPS[app]).replace("SPOOL", str(tmp_path / "spool"))
    padding = "\n" * (WITHOUT.count("\n") - WITH.count("\n"))  # so that line numbers agree
    plain = run(WITHOUT + body, tmp_path)
    observed = run(padding + WITH + body, tmp_path, OUTERLOOP_ENDPOINT=sink.url)
    assert observed == plain
    if app != "full_disk":
        assert sink.spans


def test_a_mask_that_raises_lets_nothing_out(sink: Sink, tmp_path: Path) -> None:
    """What the mask could not look at is left out."""
    body = textwrap.dedent(APPS["mask_that_raises"])
    run(WITH + body, tmp_path, OUTERLOOP_ENDPOINT=sink.url)
    assert "secret" not in str(sink.spans)
    assert sink.spans[0].attributes["outerloop.step.input"] == "***"
