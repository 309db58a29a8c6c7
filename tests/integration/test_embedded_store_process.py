"""The embedded store as a process: one per data directory, stopped cleanly, killed without loss."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError
from conftest import free_port

pytestmark = pytest.mark.integration

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Start]:
    """Starts store processes in the test's own folder; kills what is left of them."""
    started: list[subprocess.Popen[str]] = []

    def launch(name: str, port: int, **settings: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ, **settings,
            "OUTERLOOP_DATA_DIR": str(tmp_path / name), "OUTERLOOP_STORE_PORT": str(port),
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "collector.embedded_store"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield launch
    for process in started:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str]) -> str:
    """The line that a store prints when it answers."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "it ended before it was ready"
    return line


def test_the_ready_line_says_where_and_what_and_is_true(launch: Start, tmp_path: Path) -> None:
    """The first line names URL, folder and engine; a query right after it is answered."""
    port = free_port()
    line = ready(launch("one", port))
    assert line.startswith(
        f"store: http://127.0.0.1:{port} (data in {tmp_path / 'one' / 'store'}, ClickHouse 2"
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?query=SELECT+1", timeout=5) as answer:
        assert answer.read() == b"1\n"


def test_a_second_process_on_the_same_data_is_told_who_holds_it(launch: Start) -> None:
    """One line names pid and URL of the first; exit status 2."""
    port = free_port()
    first = launch("one", port)
    ready(first)
    second = launch("one", free_port())
    said = second.communicate(timeout=60)[1]
    assert second.returncode == 2
    assert said.count("\n") == 1
    assert f"process {first.pid} at http://127.0.0.1:{port}" in said


def test_a_taken_port_is_named_with_the_setting_that_changes_it(launch: Start) -> None:
    """One line names the port and OUTERLOOP_STORE_PORT; exit status 2."""
    with socket.socket() as owner:
        owner.bind(("127.0.0.1", 0))
        owner.listen()
        port = owner.getsockname()[1]
        process = launch("one", port)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said.count("\n")) == (2, 1)
    assert f"port {port}" in said
    assert "OUTERLOOP_STORE_PORT" in said


def test_it_listens_on_loopback_even_when_the_host_is_open(launch: Start) -> None:
    """OUTERLOOP_HOST is for collector and dashboard; a store without a password stays inside."""
    process = launch("one", free_port(), OUTERLOOP_HOST="0.0.0.0", OUTERLOOP_TOKEN="secret")
    ready(process)
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(process.pid).net_connections()
        if connection.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_in_the_middle_of_queries(
    launch: Start, number: int
) -> None:
    """Within seconds, status 0, a silent stderr, although statements run that would take hours."""
    port = free_port()
    process = launch("one", port)
    ready(process)
    url = f"http://127.0.0.1:{port}/?function_sleep_max_microseconds_per_block=0&max_block_size=1"

    def run(sql: bytes) -> None:
        with contextlib.suppress(OSError):  # being cut off is the point
            urllib.request.urlopen(url, sql, timeout=30).close()

    slow = b"SELECT sum(sleepEachRow(0.05)) FROM numbers(100000)"
    threads = [
        threading.Thread(target=run, args=(sql,))
        for sql in (slow, b"INSERT INTO FUNCTION null('a UInt64') " + slow)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]  # the queries would run for hours
    assert (process.returncode, said) == (0, "")
    for thread in threads:
        thread.join()


def test_every_acknowledged_row_survives_a_kill(launch: Start) -> None:
    """Twice: insert from several threads, kill -9 in the middle, start again, count."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/default"
    acknowledged: set[int] = set()
    sent = 0
    for cycle in range(2):
        process = launch("one", port)
        ready(process)
        setup = clickhouse_connect.get_client(dsn=url)
        setup.command(
            "CREATE TABLE IF NOT EXISTS t (a UInt64, s String) ENGINE = MergeTree ORDER BY a"
        )
        setup.command("CREATE TABLE IF NOT EXISTS seen (a UInt64) ENGINE = MergeTree ORDER BY a")
        setup.command("CREATE MATERIALIZED VIEW IF NOT EXISTS v TO seen AS SELECT a FROM t")

        def insert(lane: int, cycle: int = cycle) -> None:
            client = clickhouse_connect.get_client(dsn=url)
            try:
                for number in range(100_000):
                    first = ((cycle * 4 + lane) * 100_000 + number) * 10
                    block = [[first + row, "x" * 100] for row in range(10)]
                    client.insert("t", block, column_names=["a", "s"])
                    acknowledged.update(range(first, first + 10))
            except ClickHouseError:
                return

        threads = [threading.Thread(target=insert, args=(lane,)) for lane in range(3)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while len(acknowledged) < sent + 500 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        assert len(acknowledged) > sent, "the kill came before the first row; nothing was tested"
        sent = len(acknowledged)
    ready(launch("one", port))
    client = clickhouse_connect.get_client(dsn=url)
    for table in ("t", "seen"):
        stored = {row[0] for row in client.query(f"SELECT a FROM {table}").result_rows}
        assert acknowledged <= stored
        assert len(stored) == client.command(f"SELECT count() FROM {table}")
    client.close()


def test_ten_million_rows_stream_in_flat_memory(launch: Start) -> None:
    """Some 160 MB of result pass through a process that grows by less than 64 MB."""
    port = free_port()
    process = launch("one", port)
    ready(process)
    client = clickhouse_connect.get_client(dsn=f"http://127.0.0.1:{port}/default")
    sql = "SELECT number, toString(number) AS s FROM numbers({n:UInt64})"
    size = {}
    for rows in (200_000, 10_000_000):
        with client.raw_stream(sql, parameters={"n": rows}, fmt="Native") as raw:
            size[rows] = peak = 0
            received = 0
            while piece := raw.read(1 << 20):
                received += len(piece)
                peak = max(peak, psutil.Process(process.pid).memory_info().rss)
            size[rows] = peak
    assert received > 150_000_000
    assert size[10_000_000] - size[200_000] < 64 << 20
    client.close()


def test_a_slow_reader_holds_the_query_back_and_not_the_store(launch: Start) -> None:
    """While one client does not read its result, memory stands still and others are answered."""
    port = free_port()
    process = launch("one", port)
    ready(process)
    before = psutil.Process(process.pid).memory_info().rss
    with socket.create_connection(("127.0.0.1", port)) as slow:
        sql = b"SELECT number, toString(number) FROM numbers(1000000000)"
        slow.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(sql), sql)
        )
        slow.recv(1000)
        time.sleep(1)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/?query=SELECT+1", timeout=5
        ) as answer:
            assert answer.read() == b"1\n"
        assert psutil.Process(process.pid).memory_info().rss - before < 128 << 20
