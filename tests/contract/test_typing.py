"""What type checkers see: `observe` keeps signatures, `wrap` keeps the client's type."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SNIPPET = """
from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI

import monitor


@monitor.observe
def plain(log: str, *, year: int = 2024) -> dict[str, str]:
    return {log: str(year)}


@monitor.observe(kind="tool", name="add", prompt_version="3", capture=False)
def with_options(a: int, b: int) -> int:
    return a + b


@monitor.observe
async def waits(log: str) -> bytes:
    return log.encode()


@monitor.observe
def yields(count: int) -> Iterator[int]:
    yield count


@monitor.observe
async def yields_later(count: int) -> AsyncIterator[str]:
    yield str(count)


class Extractor:
    @monitor.observe
    def method(self, log: str) -> float:
        return 1.0

    @classmethod
    @monitor.observe
    def of_class(cls, log: str) -> float:
        return 1.0

    @staticmethod
    @monitor.observe
    def alone(log: str) -> float:
        return 1.0


class MyClient(OpenAI):
    pass


reveal_type(plain)  # plain
reveal_type(with_options)  # with_options
reveal_type(waits)  # waits
reveal_type(yields)  # yields
reveal_type(yields_later)  # yields_later
reveal_type(Extractor().method)  # method
reveal_type(Extractor().method("x"))  # method result
reveal_type(Extractor.of_class("x"))  # classmethod
reveal_type(Extractor.alone("x"))  # staticmethod
reveal_type(monitor.wrap(OpenAI()))  # client
reveal_type(monitor.wrap(AsyncOpenAI()))  # async client
reveal_type(monitor.wrap(MyClient()))  # own client
reveal_type(monitor.wrap(OpenAI(), propagate=False).chat.completions.create(model="m", messages=[]))  # reply
reveal_type(monitor.flush())  # delivery
with monitor.context(session="s"):
    pass
plain(3)  # wrong
plain("x", month=1)  # wrong
with_options("x", 2)  # wrong
"""

WANTED = {
    "plain": r"def \(log: (builtins\.)?str, \*, year: (builtins\.)?int =.*\) -> (builtins\.)?dict\[.*str, .*str\]",
    "with_options": r"def \(a: (builtins\.)?int, b: (builtins\.)?int\) -> (builtins\.)?int",
    "waits": r"def \(log: (builtins\.)?str\) -> .*Coroutine\[.*Any, .*Any, .*bytes\]",
    "yields": r"def \(count: (builtins\.)?int\) -> .*Iterator\[.*int\]",
    "yields_later": r"def \(count: (builtins\.)?int\) -> .*AsyncIterator\[.*str\]",
    "method": r"def \(log: (builtins\.)?str\) -> (builtins\.)?float",
    "method result": r"(builtins\.)?float",
    "classmethod": r"(builtins\.)?float",
    "staticmethod": r"(builtins\.)?float",
    "client": r"(openai\._client\.)?OpenAI",
    "async client": r"(openai\._client\.)?AsyncOpenAI",
    "own client": r"(snippet\.)?MyClient",
    "reply": r"(openai\.types\.chat\.chat_completion\.)?ChatCompletion",
    "delivery": r"(monitor\.sdk\.outbox\.)?Delivery",
}


PYRIGHT = {
    "plain": "(log: str, *, year: int = 2024) -> dict[str, str]",
    "with_options": "(a: int, b: int) -> int",
    "waits": "(log: str) -> CoroutineType[Any, Any, bytes]",
    "yields": "(count: int) -> Iterator[int]",
    "yields_later": "(count: int) -> AsyncIterator[str]",
    "method": "(log: str) -> float",
    "method result": "float",
    "classmethod": "float",
    "staticmethod": "float",
    "client": "OpenAI",
    "async client": "AsyncOpenAI",
    "own client": "MyClient",
    "reply": "ChatCompletion",
    "delivery": "Delivery",
}


@pytest.fixture
def snippet(tmp_path: Path) -> Path:
    """An app that uses the SDK, rightly and wrongly."""
    path = tmp_path / "snippet.py"
    path.write_text(SNIPPET)
    return path


def lines_marked(word: str) -> dict[int, str]:
    """Line numbers of the snippet and the comment at their end."""
    marked = {
        number: line.rpartition("  # ")[2]
        for number, line in enumerate(SNIPPET.splitlines(), 1)
        if "  # " in line
    }
    return {n: what for n, what in marked.items() if (what == "wrong") is (word == "wrong")}


def test_mypy_sees_through_the_decorators(
    snippet: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Strict mypy reveals the app's own signatures and finds the app's wrong calls."""
    from mypy import api

    cache = getattr(request.config, "cache", None)  # pytest may run without its own
    folder = cache.mkdir("typing") if cache is not None else tmp_path / "typing"
    options = ["--strict", "--config-file=", "--follow-imports=silent"]
    out, _, _ = api.run([*options, "--cache-dir", str(folder), str(snippet)])
    found = re.findall(r"snippet\.py:(\d+): (\w+): (.*)", out)
    revealed = {
        int(line): re.sub(r'^Revealed type is "(.*)"$', r"\1", text)
        for line, kind, text in found
        if kind == "note" and "Revealed" in text
    }
    for line, name in lines_marked("right").items():
        assert re.fullmatch(WANTED[name], revealed[line].removesuffix("?")), (name, revealed[line])
    assert {int(line) for line, kind, _ in found if kind == "error"} == set(lines_marked("wrong"))


def test_pyright_sees_through_the_decorators(snippet: Path) -> None:
    """The same by pyright, where it is installed with what it runs on."""
    command = [
        *(sys.executable, "-m", "pyright", "--pythonpath", sys.executable),
        *("--outputjson", str(snippet)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        report = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        pytest.skip("pyright cannot run here: it fetches its own Node the first time")
    told = [
        (one["range"]["start"]["line"] + 1, one["severity"], one["message"])
        for one in report["generalDiagnostics"]
    ]
    wrong = {line for line, severity, _ in told if severity == "error"}
    assert wrong == set(lines_marked("wrong")), told
    revealed = {line: text for line, severity, text in told if severity == "information"}
    for line, name in lines_marked("right").items():
        text = re.sub(r'^Type of ".*" is "(.*)"$', r"\1", revealed[line], flags=re.DOTALL)
        assert text == PYRIGHT[name], name
