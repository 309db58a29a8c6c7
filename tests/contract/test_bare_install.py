"""The base install is the SDK alone: OpenTelemetry's API, and nothing of the server."""

from __future__ import annotations

import subprocess
import sys
import textwrap

BLOCKED = """
import sys, importlib.abc

ALLOWED = {"opentelemetry", "monitor", "typing_extensions"}
NOT_OURS = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto")
SERVER = {"alerts", "cli", "demo", "drift", "jobs", "retrain", "settings", "standins", "store"}


class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root, _, rest = name.partition(".")
        third_party = root not in sys.stdlib_module_names and root not in ALLOWED
        server = root == "monitor" and rest.partition(".")[0] in SERVER
        if third_party or server or name in NOT_OURS:
            raise ModuleNotFoundError(f"{name} is not part of a bare install", name=name)


sys.meta_path.insert(0, Bare())
"""


def run(code: str) -> str:
    """Run a program in a fresh interpreter where only the base install can be imported."""
    program = textwrap.dedent(BLOCKED) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sdk_works_without_anything_of_the_server() -> None:
    """Import, init, observe, feedback, encode and flush need no more than the base dependencies."""
    out = run("""
        import http.server, threading, monitor

        class Sink(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
            def log_message(self, *said): ...

        server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monitor.init(service="bare", endpoint=f"http://127.0.0.1:{server.server_address[1]}")

        @monitor.observe
        def f(x):
            monitor.feedback("thumbs", 1)
            return x

        assert f(3) == 3
        print(monitor.flush(10))
    """)
    assert "Delivery(acknowledged=2, pending=0, dropped=0)" in out


def test_import_is_light() -> None:
    """`import monitor` loads neither the network, nor protobuf, nor JSON, nor anything heavy."""
    out = run("""
        import monitor
        heavy = {"http.client", "ssl", "socket", "google.protobuf", "asyncio", "openai", "json"}
        print(sorted(heavy & sys.modules.keys()))
    """)
    assert out.strip() == "[]"


def test_every_public_name_exists() -> None:
    """`__all__` is the truth."""
    out = run("import monitor; print(all(hasattr(monitor, name) for name in monitor.__all__))")
    assert out.strip() == "True"
