"""What the replaying server says that its answers take, counted apart from those who judge."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import Counter
from contextlib import closing, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["Till"]

MARKER = re.compile(r"\[\[[^\]\[]+\]\]")
SILENCE_S = 4.0
"""After so long without an answer from the server, the connection breaks."""
AT_ONCE = 5
"""More connections than the server's queue holds would be dropped, and look like failures of ours."""


class Till(ThreadingHTTPServer):
    """Passes requests on to the server, and keeps an account of the tokens in its answers.

    Args:
        port: the server's.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.port = port
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(AT_ONCE)
        self.bill: Counter[str] = Counter()
        """Nano-USD by model."""
        self.answered: Counter[tuple[str, str]] = Counter()
        """Answers that were billed, by model and marker."""

    @property
    def base_url(self) -> str:
        """Where to ask."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has gone, by a timeout or a kill: that is what is measured."""

    def count(self, asked: bytes, answer: bytes, nano: tuple[int, int]) -> None:
        """Take down what an answer costs."""
        body = json.loads(asked)
        usage = json.loads(answer)["usage"]
        marker = MARKER.search(json.dumps(body["messages"]))
        cost = usage["prompt_tokens"] * nano[0] + usage["completion_tokens"] * nano[1]
        with self.lock:
            self.bill[body["model"]] += cost
            self.answered[body["model"], marker.group() if marker else ""] += 1


NANO = (250, 2000)
"""Nano-USD a token: 0.25 and 2 USD a million."""


class _Passing(BaseHTTPRequestHandler):
    server: Till

    def log_message(self, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._pass("GET", b"")

    def do_POST(self) -> None:
        self._pass("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def _pass(self, method: str, asked: bytes) -> None:
        waits = b"!timeout" in asked
        with nullcontext() if waits else self.server.places:
            there = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=SILENCE_S)
            with closing(there):
                there.request(method, self.path, asked, {"Content-Type": "application/json"})
                answer = there.getresponse()
                said = answer.read()
        if method == "POST" and answer.status == http.client.OK:
            self.server.count(asked, said, NANO)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name in {"Content-Type", "Content-Length", "Retry-After"}:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)
