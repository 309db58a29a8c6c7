"""The embedded store's front, measured: insert latency with and without heavy readers, idle cost, cold start.

Run: `python benchmarks/store_front.py` (a minute; it starts its own store and collector in a temporary folder)
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import psutil

HEAVY = (
    "SELECT s, uniqExact(n) FROM (SELECT toString(number % 1000000) AS s, number AS n"
    " FROM numbers(3000000000)) GROUP BY s ORDER BY s LIMIT 5"
)
READERS = 5
INSERTS = 150
IDLE_S = 30
MIB = 1024 * 1024


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        ports = [_free_port() for _ in range(3)]
        names = ("STORE_PORT", "OTLP_HTTP_PORT", "OTLP_GRPC_PORT")
        variables = {
            f"OUTERLOOP_{name}": str(port) for name, port in zip(names, ports, strict=True)
        }
        variables["OUTERLOOP_DATA_DIR"] = folder
        began = time.perf_counter()
        processes = [
            subprocess.Popen([sys.executable, "-m", module], env={**os.environ, **variables},
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for module in ("collector.embedded_store", "collector")
        ]  # fmt: skip
        try:
            _wait(f"http://127.0.0.1:{ports[0]}/ping")
            print(f"cold start, store      {time.perf_counter() - began:6.2f} s")
            _wait(f"http://127.0.0.1:{ports[1]}/readyz")
            print(f"cold start, both ready {time.perf_counter() - began:6.2f} s")
            _idle(processes)
            _latency(f"http://127.0.0.1:{ports[0]}/")
        finally:
            for process in processes[::-1]:
                process.terminate()
                process.wait(20)


def _idle(processes: list[subprocess.Popen[bytes]]) -> None:
    watched = [psutil.Process(process.pid) for process in processes]
    before = [sum(process.cpu_times()[:2]) for process in watched]
    time.sleep(IDLE_S)
    for name, process, start in zip(("store", "collector"), watched, before, strict=True):
        memory = process.memory_full_info()
        share = (sum(process.cpu_times()[:2]) - start) / IDLE_S
        print(
            f"idle {name:10} RSS {memory.rss // MIB:4} MB  PSS {memory.pss // MIB:4} MB  CPU {share:.2%}"
        )


def _latency(url: str) -> None:
    _ask(url, "CREATE TABLE default.t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    print("inserts of 1,000 rows   ", _inserts(url))
    for _ in range(READERS):
        threading.Thread(target=_heavy, args=(url,), daemon=True).start()
    time.sleep(1)
    print(f"  beside {READERS} heavy readers", _inserts(url))
    _ask(url, "KILL QUERY WHERE query_kind = 'Select' ASYNC")


def _inserts(url: str) -> str:
    rows = "INSERT INTO default.t FORMAT TSV\n" + "".join(
        f"{n}\t{'x' * 100}\n" for n in range(1000)
    )
    took = []
    for _ in range(INSERTS):
        began = time.perf_counter()
        _ask(url, rows)
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    cuts = statistics.quantiles(took, n=100)
    return f"p50 {cuts[49]:6.1f} ms  p99 {cuts[98]:6.1f} ms"


def _heavy(url: str) -> None:
    with contextlib.suppress(OSError):
        _ask(url, HEAVY)


def _ask(url: str, sql: str) -> bytes:
    with urllib.request.urlopen(url, sql.encode(), timeout=300) as answer:
        return bytes(answer.read())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.01)
    raise TimeoutError(f"{url} did not answer within a minute")


if __name__ == "__main__":
    main()
