"""Asking a candidate: an endpoint that is slow or odd is told apart from a wrong model."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from conftest import free_port
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from monitor.retrain.candidate import CandidateError, ask

pytestmark = pytest.mark.integration

QUESTIONS = [[{"role": "user", "content": str(number)}] for number in range(100)]


def _said(text: str | None) -> dict[str, object]:
    message = {"role": "assistant", "content": text}
    return {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}


async def _slow(request: Request) -> Response:
    await asyncio.sleep(2)
    return JSONResponse(_said("late"))


async def _html(request: Request) -> Response:
    return HTMLResponse("<h1>Sign in</h1>")


async def _odd(request: Request) -> Response:
    return JSONResponse({"answer": "yes"})


async def _silent(request: Request) -> Response:
    return JSONResponse(_said(None))


async def _flaky(request: Request) -> Response:
    number = (await request.json())["messages"][0]["content"]
    return (
        JSONResponse({"error": {"message": "no"}}, 400)
        if number == "7"
        else JSONResponse(_said(number))
    )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server with a few bad habits, each under its own path."""
    habits = {"slow": _slow, "html": _html, "odd": _odd, "silent": _silent, "flaky": _flaky}
    app = Starlette(
        routes=[
            Route(f"/{name}/chat/completions", habit, methods=["POST"])
            for name, habit in habits.items()
        ]
    )
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize(
    ("habit", "problem"),
    [
        ("slow", "timed out"),
        ("html", "no chat completion"),
        ("odd", "no chat completion"),
        ("silent", "without text"),
    ],
)
async def test_an_endpoint_that_does_not_work_is_a_clear_failure(
    endpoint: str, habit: str, problem: str
) -> None:
    """It is given up after a few requests, with the reason, not counted as wrong answers."""
    began = time.monotonic()
    with pytest.raises(
        CandidateError, match=f"m at {endpoint}/{habit} failed on 100 of 100 .*{problem}"
    ):
        await ask(QUESTIONS, endpoint=f"{endpoint}/{habit}", model="m", timeout_s=0.2)
    assert time.monotonic() - began < 60


async def test_a_deadline_holds_for_the_whole(endpoint: str) -> None:
    """A candidate that would take too long in all is too slow, and says how far it came."""
    with pytest.raises(CandidateError, match=r"answered 0 of 100 calls in 0.3 s; it is too slow"):
        await ask(QUESTIONS, endpoint=f"{endpoint}/slow", model="m", deadline_s=0.3)


async def test_one_failed_request_is_one_wrong_answer(endpoint: str) -> None:
    """A rare failure is a missing answer in its place; the others keep theirs."""
    asked = await ask(QUESTIONS, endpoint=f"{endpoint}/flaky", model="m")
    assert asked.failures == 1
    assert asked.answers[7] is None
    assert [*asked.answers[:7], *asked.answers[8:]] == [str(n) for n in range(100) if n != 7]


async def test_nothing_to_ask_is_nothing_wrong(endpoint: str) -> None:
    """Without questions there are no answers and no error."""
    assert (await ask([], endpoint=endpoint, model="m")).answers == []
