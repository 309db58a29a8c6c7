"""The embedded store under load: writers and readers at once, heavy queries, clients that leave, backup."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import clickhouse_connect
import psutil
import pytest
from conftest import free_port, start, stop

from collector.embedded_store.blocks import BlockEncoder, read_blocks

pytestmark = pytest.mark.integration

RECORDED = Path(__file__).parents[1] / "data" / "store"
HEAVY = (
    "SELECT s, uniqExact(n) FROM (SELECT toString(number % 3000000) AS s, number AS n"
    " FROM numbers(3000000000)) GROUP BY s ORDER BY s LIMIT 5"
)
PROTO = (
    'syntax = "proto3"; message Span { string name = 1; uint64 n = 2; }'
    " message Req { repeated Span spans = 1; }"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A store of this test's own with 1 GiB, its port and its process."""
    port = free_port()
    process = start(
        "collector.embedded_store", ready=f"http://127.0.0.1:{port}/ping",
        OUTERLOOP_DATA_DIR=str(tmp_path / "data"), OUTERLOOP_STORE_PORT=str(port),
        OUTERLOOP_STORE_MEMORY_MB="1024",
    )  # fmt: skip
    yield port, process
    stop(process)


def ask(port: int, sql: str | bytes, timeout_s: float = 60, **fields: str) -> tuple[int, bytes]:
    """One plain request: status and body."""
    body = sql.encode() if isinstance(sql, str) else sql
    url = f"http://127.0.0.1:{port}/?{urlencode(fields)}"
    try:
        with urllib.request.urlopen(url, body, timeout=timeout_s) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def told(port: int, sql: str) -> str:
    """The answer to a query that must succeed."""
    status, body = ask(port, sql)
    assert status == 200, body
    return body.decode().strip()


def together(*tasks: Callable[[], None]) -> list[threading.Thread]:
    """Run tasks in threads of their own."""
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    return threads


def test_two_write_and_five_read_without_an_error_or_a_lost_row(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    """For some seconds over both kinds of client; memory and the number of parts stay bounded."""
    port, process = server
    told(port, "CREATE TABLE t (lane UInt8, n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    end, errors, sent = time.monotonic() + 6, [], [0, 0]

    def guarded(task: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                while time.monotonic() < end:
                    task()
            except Exception as error:  # noqa: BLE001 - any error is the finding
                errors.append(repr(error))

        return run

    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=port, autogenerate_session_id=False
    )

    def native() -> None:
        rows = [[0, sent[0] + row, "x" * 50] for row in range(100)]
        client.insert("t", rows, column_names=["lane", "n", "s"])
        sent[0] += 100

    def lines() -> None:
        rows = "".join(f"1\t{sent[1] + row}\tyy\n" for row in range(100))
        assert ask(port, f"INSERT INTO t FORMAT TSV\n{rows}")[0] == 200
        sent[1] += 100

    def read() -> None:
        told(port, "SELECT lane, count(), uniq(n), max(length(s)) FROM t GROUP BY lane")

    threads = together(guarded(native), guarded(lines), *[guarded(read)] * 5)
    for thread in threads:
        thread.join(60)
    client.close()
    assert errors == []
    assert (
        told(port, "SELECT countIf(lane = 0), countIf(lane = 1) FROM t") == f"{sent[0]}\t{sent[1]}"
    )
    assert min(sent) > 500
    assert int(told(port, "SELECT count() FROM system.parts WHERE active AND table = 't'")) < 100
    assert psutil.Process(process.pid).memory_info().rss < 1024 << 20


def test_heavy_readers_do_not_starve_inserts(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    """While five heavy queries run and more wait, every insert is taken, within generous bounds."""
    port, _ = server
    told(port, "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")

    def heavy() -> None:
        with contextlib.suppress(OSError):
            ask(port, HEAVY)

    together(*[heavy] * 7)
    time.sleep(1)
    took = []
    for number in range(40):
        began = time.monotonic()
        assert ask(port, f"INSERT INTO t VALUES ({number})")[0] == 200
        took.append(time.monotonic() - began)
    assert sorted(took)[20] < 1
    assert max(took) < 5
    told(port, "KILL QUERY WHERE query_kind = 'Select' ASYNC")


@pytest.mark.parametrize(
    ("sql", "fields", "code"),
    [
        ("SELECT groupArray(toString(number)) FROM numbers(100000000)", {}, 241),
        ("SELECT count() FROM numbers(1e13)", {"max_execution_time": "1"}, 159),
        ("SELECT toString(number) FROM numbers(20000000) FORMAT JSONCompact", {}, 396),
        ("SELECT 1 SETTINGS max_memory_usage = 0", {}, 452),
        ("SELECT 1", {"max_execution_time": "86400"}, 452),
    ],
)
def test_too_heavy_a_query_is_stopped_with_clickhouses_code(
    server: tuple[int, subprocess.Popen[bytes]], sql: str, fields: dict[str, str], code: int
) -> None:
    """Memory, time, result size, and a limit that cannot be lifted; the store answers on."""
    port, _ = server
    status, body = ask(port, sql, **fields)
    assert status != 200
    assert body.startswith(b"Code: %d." % code), body[:300]
    assert told(port, "SELECT 1") == "1"


@pytest.mark.parametrize(
    "sql",
    [
        HEAVY,
        "SELECT number FROM numbers(3000000000) ORDER BY sipHash64(number) LIMIT 100",
    ],
)
def test_a_query_whose_client_leaves_before_the_first_byte_stops(
    server: tuple[int, subprocess.Popen[bytes]], sql: str
) -> None:
    """Grouping and sorting end within two seconds or so of the connection's end."""
    port, _ = server
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/", sql)
    time.sleep(1)
    running = "SELECT count() FROM system.processes WHERE query LIKE '%3000000000%' AND query NOT LIKE '%processes%'"
    assert told(port, running) == "1"
    connection.close()
    deadline = time.monotonic() + 4
    while told(port, running) != "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_otlp_bytes_are_parsed_by_the_engine(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    """A schema in the statement, protobuf as the body: INSERT … SETTINGS … FORMAT ProtobufSingle."""
    port, _ = server
    told(
        port,
        "CREATE TABLE t (spans Array(Tuple(name String, n UInt64))) ENGINE = MergeTree ORDER BY ()",
    )
    head = (
        "INSERT INTO t SETTINGS format_schema_source='string',"
        f" format_schema='{PROTO}', format_schema_message_name='Req' FORMAT ProtobufSingle\n"
    )
    spans = b"\x0a\x05\x0a\x01a\x10\x07" + b"\x0a\x05\x0a\x01b\x10\x0a"
    assert ask(port, head.encode() + spans) == (200, b"")
    assert ask(port, spans, query=head.strip())[0] == 200
    assert told(port, "SELECT * FROM t") == "[('a',7),('b',10)]\n[('a',7),('b',10)]"


@pytest.mark.parametrize("method", ["lz4", "zstd"])
def test_clickhouses_own_compression_travels_both_ways(
    server: tuple[int, subprocess.Popen[bytes]], method: str
) -> None:
    """Rows that clickhouse-driver packed go in, packed answers come out."""
    port, _ = server
    told(port, "CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    packed = (RECORDED / f"blocks.{method}").read_bytes()
    assert ask(port, packed, query="INSERT INTO t FORMAT TSV", decompress="1")[0] == 200
    _, body = ask(port, "SELECT * FROM t ORDER BY n", compress="1")
    assert b"".join(read_blocks([body])) == b"".join(read_blocks([packed]))
    sql = BlockEncoder().compress(b"SELECT count() FROM t")
    assert ask(port, sql, decompress="1") == (200, b"399\n")


def test_files_and_other_places_are_out_of_reach(
    server: tuple[int, subprocess.Popen[bytes]],
) -> None:
    """Also through an external table's structure, and for a page of another origin."""
    port, _ = server
    for sql in ("SELECT * FROM `/etc/passwd`", "SELECT * FROM file('/etc/passwd', 'RawBLOB')"):
        assert ask(port, sql)[1].startswith(b"Code: 497.")
    status, body = ask(port, "SELECT * FROM {t:Identifier}", param_t="/etc/passwd")
    assert (status, body[:10]) == (403, b"Code: 497.")
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/", b"SELECT 1", {"Origin": "http://127.0.0.1:1"}
    )
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        urllib.request.urlopen(request, timeout=5)
    refused.value.close()


def test_a_backup_under_load_holds_what_was_acknowledged_before_it(
    server: tuple[int, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Inserts go on; the restored store has every row of before, and the views still work."""
    port, process = server
    told(port, "CREATE DATABASE outerloop")
    told(port, "CREATE TABLE outerloop.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    told(port, "CREATE TABLE outerloop.seen (n UInt64) ENGINE = MergeTree ORDER BY n")
    told(
        port, "CREATE MATERIALIZED VIEW outerloop.v TO outerloop.seen AS SELECT n FROM outerloop.t"
    )
    (tmp_path / "data" / "ledger.json").write_text("{}")
    done, count = threading.Event(), [0]

    def write() -> None:
        while not done.is_set():
            told(port, f"INSERT INTO outerloop.t VALUES ({count[0]})")
            count[0] += 1

    threads = together(write)
    time.sleep(1)
    before = count[0]
    outerloop(port, tmp_path / "data", "backup", str(tmp_path / "copy"))
    done.set()
    threads[0].join()
    assert stop(process) == 0
    outerloop(port, tmp_path / "fresh", "restore", str(tmp_path / "copy"))
    again = start(
        "collector.embedded_store", ready=f"http://127.0.0.1:{port}/ping",
        OUTERLOOP_DATA_DIR=str(tmp_path / "fresh"), OUTERLOOP_STORE_PORT=str(port),
    )  # fmt: skip
    for table in ("t", "seen"):
        assert int(told(port, f"SELECT countIf(n < {before}) FROM outerloop.{table}")) == before
    told(port, "INSERT INTO outerloop.t VALUES (1000000)")
    assert told(port, "SELECT max(n) FROM outerloop.seen") == "1000000"
    assert stop(again) == 0
    assert (tmp_path / "fresh" / "ledger.json").read_text() == "{}"


def outerloop(port: int, data_dir: Path, *arguments: str) -> None:
    """Run a command; it must succeed."""
    environment = {"OUTERLOOP_DATA_DIR": str(data_dir), "OUTERLOOP_STORE_PORT": str(port)}
    command = [sys.executable, "-m", "monitor.cli", *arguments]
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
