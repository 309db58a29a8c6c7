"""The spool: what the collector does not take outlives the process, and is sent once by another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from sdk_sink import Sink, delivered, serve

import monitor
from monitor.sdk.leftovers import send_leftovers
from monitor.sdk.segment import Segment
from monitor.sdk.spool import Spool, spool_folder

pytestmark = pytest.mark.integration

PROGRAM = """
    import os, sys, time, monitor
    monitor.init(service="shop")
    @monitor.observe
    def f(x): return x
    for n in range({count}): f(f"{prefix}-{{n}}")
"""


def program(sink: Sink, folder: Path, code: str) -> subprocess.Popen[str]:
    """A process of the service `shop` that keeps its spool in `folder`."""
    environment = {"OUTERLOOP_ENDPOINT": sink.url, "OUTERLOOP_SPOOL": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def away() -> Sink:
    """A collector that has just gone: its port is known, nobody listens."""
    sink = Sink()
    server = serve(sink)
    server.shutdown()
    server.server_close()
    return sink


def files(folder: Path) -> list[Path]:
    """The segments below a folder."""
    return sorted(folder.rglob("*.otlp"))


def wait_until(true: object, *, timeout_s: float = 10) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_left_at_exit_is_sent_by_the_next_process(tmp_path: Path) -> None:
    """A process ends while the collector is away; the next one of its service sends everything once."""
    sink = away()
    first = program(sink, tmp_path, PROGRAM.format(count=700, prefix="a"))
    _, said = first.communicate(timeout=60)
    assert first.returncode == 0
    assert "being dropped" not in said
    assert files(tmp_path)
    server = serve(sink, sink.port)
    second = program(sink, tmp_path, PROGRAM.format(count=3, prefix="b") + "    time.sleep(1.5)\n")
    second.communicate(timeout=60)
    assert len(sink.spans) == len({span.span_id for span in sink.spans}) == 703
    assert not files(tmp_path)
    server.shutdown()
    server.server_close()


def test_a_killed_process_loses_only_its_last_second(tmp_path: Path) -> None:
    """After kill -9 with the collector away, what was recorded before is on disk and gets sent."""
    sink = away()
    first = program(sink, tmp_path, PROGRAM.format(count=300, prefix="a") + "    time.sleep(60)\n")
    wait_until(lambda: sum(path.stat().st_size for path in files(tmp_path)) > 30_000)
    time.sleep(0.3)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
    server = serve(sink, sink.port)
    second = program(sink, tmp_path, PROGRAM.format(count=1, prefix="b") + "    time.sleep(1)\n")
    second.communicate(timeout=60)
    assert len({span.span_id for span in sink.spans}) == 301
    server.shutdown()
    server.server_close()


def test_the_same_process_sends_it_when_the_collector_is_back(tmp_path: Path) -> None:
    """An outage longer than memory would hold goes by way of the disk and loses nothing."""
    sink = away()
    limits = monitor.Limits(queue_records=600)
    monitor.init(service="shop", endpoint=sink.url, spool=str(tmp_path), limits=limits)

    @monitor.observe
    def work(text: str) -> str:
        return text

    for number in range(2000):
        work(f"{number}")
        if not number % 200:
            time.sleep(0.25)
    assert files(tmp_path)
    assert monitor.flush(0).dropped == 0
    server = serve(sink, sink.port)
    delivered(sink, 2000)
    assert len({span.span_id for span in sink.spans}) == 2000
    monitor.shutdown()
    assert not files(tmp_path)
    server.shutdown()
    server.server_close()


def test_a_hanging_collector_does_not_stop_the_spool(tmp_path: Path) -> None:
    """While a request hangs, what is recorded goes to disk, and the exit is quick."""
    sink = Sink(hang_s=30)
    server = serve(sink)
    code = PROGRAM.format(count=50, prefix="a") + (
        "    time.sleep(2.5)\n    for n in range(40): f('later')\n    print(time.monotonic())\n"
    )
    process = program(sink, tmp_path, code)
    out, said = process.communicate(timeout=60)
    assert time.monotonic() - float(out) < 10
    assert "dropped" not in said
    server.shutdown()
    server.server_close()
    sink.hang_s = 0
    sink.spans.clear()
    server = serve(sink, sink.port)
    program(
        sink, tmp_path, PROGRAM.format(count=1, prefix="b") + "    time.sleep(1)\n"
    ).communicate(timeout=60)
    assert len({span.span_id for span in sink.spans}) == 91
    server.shutdown()
    server.server_close()


def test_two_processes_never_have_the_same_segment(tmp_path: Path) -> None:
    """A segment belongs to whoever holds its lock."""
    first, second = Spool(tmp_path, 10**6), Spool(tmp_path, 10**6)
    assert first.keep("/v1/traces", 2, b"body")
    assert not second.look()
    first.close()
    assert second.look()
    found = second.last()
    assert found is not None
    segment, frame, own = found
    assert (segment.read(frame), frame.records, own) == (b"body", 2, False)
    segment.cut(frame)
    assert second.last() is None
    assert not files(tmp_path)


def test_the_spool_is_bounded(tmp_path: Path) -> None:
    """When it is full, it says no; nothing of what is in it is lost."""
    spool = Spool(tmp_path, 5000)
    kept = [spool.keep("/v1/logs", 1, b"x" * 1000) for _ in range(10)]
    assert sum(kept) == 4
    assert spool.held() == 4
    spool.close()


@pytest.mark.parametrize("damage", ["torn", "flipped", "garbage"])
def test_damage_costs_only_what_is_damaged(tmp_path: Path, damage: str) -> None:
    """Whole frames before the damage are sent; the rest is put aside for a person."""
    segment = Segment.create(tmp_path)
    segment.append("/v1/traces", 1, b"first" * 10)
    segment.append("/v1/traces", 1, b"second" * 10)
    path = segment.path
    segment.close(remove=False)
    content = bytearray(path.read_bytes())
    if damage == "torn":
        content = content[:-7]
    elif damage == "flipped":
        content[-1] ^= 255
    else:
        content += b"garbage that is long enough to be a header"
    path.write_bytes(content)
    spool = Spool(tmp_path, 10**6)
    assert spool.look()
    found = spool.last()
    assert found is not None
    wanted = b"second" if damage == "garbage" else b"first"
    assert found[0].read(found[1]) == wanted * 10
    assert len(list(tmp_path.glob("*.corrupt"))) == 1
    spool.close()


def test_services_and_endpoints_do_not_mix() -> None:
    """What is meant for one collector is never sent to another."""
    folders = {
        spool_folder("/r", service, endpoint)
        for service in ("a", "a/../b", "b")
        for endpoint in ("http://x:1", "http://x:2")
    }
    assert len(folders) == 6
    assert {folder.parent for folder in folders} == {Path("/r")}


def test_a_disk_that_fails_is_memory_only(tmp_path: Path) -> None:
    """With a limit on file sizes that no frame fits in, records wait in memory and nothing breaks."""
    sink = away()
    code = (
        "    import resource\n    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        + PROGRAM.format(count=200, prefix="a")
        + "    time.sleep(2.5)\n    print(monitor.flush(0))\n"
    )
    process = program(sink, tmp_path, code)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "pending=200, dropped=0" in out
    assert "cannot write to" in said
    assert "being dropped" in said  # at exit there is nowhere left to put them
    assert sum(path.stat().st_size for path in files(tmp_path)) == 0


def test_off_means_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OUTERLOOP_SPOOL=off keeps everything off the disk."""
    from monitor.sdk.configuration import Options, read_configuration

    monkeypatch.setenv("OUTERLOOP_SPOOL", "off")
    assert read_configuration(Options(), {"OUTERLOOP_SPOOL": "off"}).spool is None
    assert read_configuration(Options(spool=False), {"HOME": str(tmp_path)}).spool is None
    told = read_configuration(Options(), {"HOME": str(tmp_path)}).spool
    assert told == str(tmp_path / ".cache" / "outerloop" / "spool")
    assert read_configuration(Options(), {"OUTERLOOP_SPOOL": "/s"}).spool == "/s"


def test_the_sidecar_sends_what_apps_left(tmp_path: Path) -> None:
    """Without a next process of the service, the sidecar finds the spools meant for its port."""
    sink = away()
    for prefix in "ab":
        program(sink, tmp_path, PROGRAM.format(count=20, prefix=prefix)).communicate(timeout=60)
    assert files(tmp_path)
    environ = {"OUTERLOOP_SPOOL": str(tmp_path)}
    assert send_leftovers(sink.port, environ=environ) == 0
    assert files(tmp_path)
    server = serve(sink, sink.port)
    assert send_leftovers(sink.port + 1, environ=environ) == 0
    assert send_leftovers(sink.port, environ=environ) == 40
    assert send_leftovers(sink.port, environ=environ) == 0
    assert len({span.span_id for span in sink.spans}) == 40
    assert not files(tmp_path)
    server.shutdown()
    server.server_close()
