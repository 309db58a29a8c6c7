"""A loopback OpenAI-compatible endpoint for judges, with an account of its own.

In a test:

    with JudgeServer(latency_s=0.01) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="none")
        server.faults.extend(["429", "500", ""])      # for the next requests, in order; "" is none
        ...
        server.account.usd, server.account.billed, server.account.most_in_flight

As a process of its own, e.g. for tests that kill the asking side, or to measure only that side:

    python tests/judge_server.py --latency 0.8 --limit 20 --fault-share 0.1 --faults 429,500,empty
    http://127.0.0.1:40123/v1                                # the first line of its output
    GET  {base_url}/account   -> the account as JSON: requests, billed, usd, input_tokens,
                                 output_tokens, refused, most_in_flight, by_prompt, seconds
    POST {base_url}/settings  -> sets latency_s, limit, faults, refuses, … by name

It answers what the request's shape offers: the options of a JSON schema or a tool, else those that
the prompt names (`"verdict": "yes" | "no"`, `VERDICT: yes`). Which option is `verdict(prompt, slot,
options)`, by default a hash of what stands between the fences, marks left out, so the same material
always gets the same verdict. `by_prompt` counts the billed requests by a hash of the whole prompt,
marks left out: more than one means that something was paid for twice.

A fault also comes with the model's name: `judge-test!429`. Billed are all answers with status 200,
and the requests that never got one (`timeout`, `drop`). Faults: see `FAULTS`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from judge_replies import FENCE, MARK, Verdict, by_hash, choice_of, material, outside
from judge_wire import Answer, Connection, refusal

__all__ = ["FAULTS", "FENCE", "Account", "JudgeServer", "material", "outside"]

FAULTS = (
    "429", "500", "503", "timeout", "drop", "html", "nochoice", "nousage",
    "badjson", "fenced", "truncated", "cut", "empty", "prose", "twice", "thinking", "refusal", "filter",
    "quota", "toolarge",
)  # fmt: skip


@dataclass
class Account:
    """What was asked and what it cost, as the server counts it."""

    requests: int = 0
    billed: int = 0
    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that were not billed, by status."""
    by_prompt: Counter[str] = field(default_factory=Counter)
    """Billed requests by a hash of the prompt, marks left out."""
    most_in_flight: int = 0
    first_s: float = 0.0
    last_s: float = 0.0


@dataclass
class JudgeServer:
    """The settings may be changed while it runs."""

    latency_s: float = 0.0
    limit: int | None = None
    """More requests at once than that are answered 429."""
    retry_after_s: float | None = 1.0
    usd_per_million: tuple[float, float] = (0.25, 2.0)
    refuses: set[str] = field(default_factory=set)
    """Parameters and rungs that it answers 400 to: `json_schema`, `tools`, `logprobs`, `seed`, …"""
    faults: deque[str] = field(default_factory=deque)
    fault: Callable[[int, Mapping[str, Any]], str] = lambda _number, _body: ""
    """By the request's number and body, where the script of `faults` is at its end."""
    verdict: Verdict = by_hash
    sure: float = 0.8
    """The probability that log-probabilities give to the verdict."""
    mass: float = 1.0
    """The part of the probability that falls on tokens of options."""
    ignores_tools: bool = False
    """It takes a tool that it is forced to call, and answers in words."""
    models: tuple[str, ...] = ("judge-test",)
    api_key: str = ""
    path: str = "/v1"
    keep_bodies: bool = True
    account: Account = field(default_factory=Account)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Of all chat requests, oldest first."""
    base_url: str = ""
    in_flight: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join(10)

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self.listen())
        started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def listen(self, port: int = 0) -> asyncio.Server:
        """Begin to listen; sets `base_url`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self.answer), "127.0.0.1", port, backlog=512
        )
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{self.path}"
        return server

    async def answer(  # noqa: PLR0911 - one for each thing that can be asked
        self, method: str, path: str, key: str, body: bytes
    ) -> Answer:
        """The answer to one request."""
        if not path.startswith(self.path + "/"):
            return Answer(404, {"error": {"message": f"there is nothing at {path}"}})
        path = path.removeprefix(self.path)
        if (method, path) == ("GET", "/account"):
            account = self.account
            counts = {"refused": dict(account.refused), "by_prompt": dict(account.by_prompt)}
            seconds = account.last_s - account.first_s
            return Answer(200, {**vars(account), **counts, "seconds": seconds})
        if (method, path) == ("POST", "/settings"):
            return self._set(json.loads(body))
        if self.api_key and key != f"Bearer {self.api_key}":
            return refusal(401, "Incorrect API key provided.", "invalid_api_key")
        if (method, path) == ("GET", "/models"):
            listed = [{"id": name, "object": "model"} for name in self.models]
            return Answer(200, {"object": "list", "data": listed})
        if (method, path) == ("POST", "/chat/completions"):
            return await self._complete(json.loads(body))
        return Answer(404, {"error": {"message": f"there is nothing at {path}"}})

    def _set(self, settings: Mapping[str, Any]) -> Answer:
        for name, value in settings.items():
            kind = type(getattr(self, name))
            setattr(self, name, kind(value) if kind in {set, deque, tuple} else value)
        return Answer(200, {})

    async def _complete(self, body: dict[str, Any]) -> Answer:
        account = self.account
        account.requests += 1
        account.first_s = account.first_s or time.monotonic()
        if self.keep_bodies:
            self.bodies.append(body)
        fault = body.get("model", "").partition("!")[2]
        fault = fault or (
            self.faults.popleft() if self.faults else self.fault(account.requests, body)
        )
        if refused := self._refused(body, fault):
            account.refused[str(refused.status)] += 1
            return refused
        self.in_flight += 1
        account.most_in_flight = max(account.most_in_flight, self.in_flight)
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            return await self._served(body, fault)
        finally:
            self.in_flight -= 1
            account.last_s = time.monotonic()

    def _refused(  # noqa: PLR0911 - one for each way of refusing
        self, body: Mapping[str, Any], fault: str
    ) -> Answer | None:
        model = body.get("model", "").partition("!")[0]
        if model not in self.models:
            return refusal(404, f"The model `{model}` does not exist.", "model_not_found")
        if not body.get("messages"):
            return refusal(400, "[] is too short - 'messages'", "invalid_request", "messages")
        form = (body.get("response_format") or {}).get("type", "")
        if form and form in self.refuses:
            return refusal(400, f"This response_format type is unavailable now: {form}", "")
        for name in self.refuses & body.keys():
            return refusal(400, f"Unsupported parameter: '{name}'.", "unsupported_parameter", name)
        if self.limit is not None and self.in_flight >= self.limit:
            fault = "429"
        if fault == "quota":
            return refusal(429, "You exceeded your current quota.", "insufficient_quota")
        if fault == "toolarge":
            return refusal(429, "Request too large: Limit 10, Requested 99.", "rate_limit_exceeded")
        if fault == "429":
            wait = {} if self.retry_after_s is None else {"Retry-After": f"{self.retry_after_s:g}"}
            return refusal(429, "Rate limit reached.", "rate_limit_exceeded", headers=wait)
        if fault in {"500", "503"}:
            return refusal(int(fault), "The server had an error.", "server_error")
        return None

    async def _served(self, body: Mapping[str, Any], fault: str) -> Answer:
        prompt = "\n".join(
            str(message["content"])
            for message in body["messages"]
            if message["role"] != "assistant"
        )
        tokens = sum(len(str(message["content"])) for message in body["messages"]) // 4
        made = choice_of(prompt, body, fault, self)
        said = max(1, len(json.dumps(made["message"])) // 4)
        self._bill(prompt, tokens, said)
        if fault == "timeout":
            await asyncio.sleep(3600)
        if fault == "drop":
            return Answer(0, {})
        if fault == "html":
            return Answer(200, "<html>Welcome to nginx!</html>")
        usage = {"prompt_tokens": tokens, "completion_tokens": said, "total_tokens": tokens + said}
        return Answer(
            200,
            {
                "id": f"chatcmpl-{self.account.billed}", "object": "chat.completion", "created": 1,
                "model": body["model"], "choices": [] if fault == "nochoice" else [made],
                "usage": None if fault == "nousage" else usage,
            },
        )  # fmt: skip

    def _bill(self, prompt: str, read: int, said: int) -> None:
        account = self.account
        account.billed += 1
        account.input_tokens += read
        account.output_tokens += said
        account.usd += (read * self.usd_per_million[0] + said * self.usd_per_million[1]) / 1e6
        account.by_prompt[hashlib.sha256(MARK.sub("", prompt).encode()).hexdigest()[:16]] += 1


async def _serve(options: argparse.Namespace) -> None:
    faults = [one for one in options.faults.split(",") if one]

    def fault(number: int, body: Mapping[str, Any]) -> str:
        drawn = int.from_bytes(
            hashlib.sha256(f"{options.seed}:{number}".encode()).digest()[:8], "big"
        )
        if not faults or drawn / 2**64 >= options.fault_share:
            return ""
        return faults[drawn % len(faults)]

    server = JudgeServer(
        latency_s=options.latency, limit=options.limit, retry_after_s=options.retry_after,
        fault=fault, models=tuple(options.models.split(",")), keep_bodies=False,
        refuses={one for one in options.refuses.split(",") if one},
    )  # fmt: skip
    listening = await server.listen(options.port)
    print(server.base_url, flush=True)
    async with listening:
        await listening.serve_forever()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    parser.add_argument("--limit", type=int, default=None, help="429 above so many in flight")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds")
    parser.add_argument("--faults", default="", help="by comma: " + ", ".join(FAULTS))
    parser.add_argument("--fault-share", type=float, default=0.1)
    parser.add_argument(
        "--refuses", default="", help="by comma: json_schema, tools, temperature, …"
    )
    parser.add_argument("--models", default="judge-test", help="by comma")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_options()))
