"""Wrapped clients where apps live: a web app under load, a pool of workers, a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from model_service import ModelService, serving  # noqa: F401 - a fixture
from sdk_sink import Sink

pytestmark = pytest.mark.integration

WEB = """
    import asyncio, contextlib, socket, sys, threading
    import httpx, monitor, uvicorn
    from openai import AsyncOpenAI
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route

    client = monitor.wrap(AsyncOpenAI(base_url=sys.argv[1], api_key="k"))
    ASK = {"model": "m", "messages": [{"role": "user", "content": "When?"}]}

    @monitor.observe
    async def answer(number):
        with monitor.context(session=f"s-{number}"):
            reply = await client.chat.completions.create(**ASK)
            return reply.choices[0].message.content

    async def whole(request):
        return PlainTextResponse(await answer(request.path_params["number"]))

    async def pieces(request):
        stream = await client.chat.completions.create(**ASK, stream=True)
        async def told():
            async for chunk in stream:
                yield chunk.choices[0].delta.content or ""
        return StreamingResponse(told())

    app = Starlette(routes=[Route("/whole/{number}", whole), Route("/pieces/{number}", pieces)])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    async def load():
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        gate = asyncio.Semaphore(20)
        async with httpx.AsyncClient(base_url=url, timeout=30) as visitor:
            async def visit(number):
                async with gate:
                    kind = "pieces" if number % 2 else "whole"
                    reply = await visitor.get(f"/{kind}/{number}")
                    assert reply.text == "It is due on 5 January.", reply.text
            await asyncio.gather(*(visit(number) for number in range(120)))

    asyncio.run(load())
    server.should_exit = True
    thread.join()
"""
POOL = """
    import multiprocessing, sys
    import monitor
    from openai import OpenAI

    client = monitor.wrap(OpenAI(base_url=sys.argv[1], api_key="k"))

    @monitor.observe(kind="chain")
    def work(number):
        stream = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "When?"}], stream=number % 2 == 0
        )
        return len(list(stream)) if number % 2 == 0 else stream.id

    if __name__ == "__main__":
        work(0)
        with multiprocessing.get_context(sys.argv[2]).Pool(3) as pool:
            assert len(pool.map(work, range(1, 40), chunksize=3)) == 39
            pool.close()
            pool.join()
"""
NOTEBOOK = """
    import sys, monitor
    from openai import OpenAI
    client = monitor.wrap(OpenAI(base_url=sys.argv[1], api_key="k"))
    ask = dict(model="m", messages=[{"role": "user", "content": "When?"}])
    client.chat.completions.create(**ask).choices[0].message.content
    client = monitor.wrap(OpenAI(base_url=sys.argv[1], api_key="k"))
    client = monitor.wrap(client)
    stream = client.chat.completions.create(**ask, stream=True)
    next(stream)
    1 / 0
    _ = client.embeddings.create(model="e", input="one")
    monitor.flush()
    exit()
"""


def run(tmp_path: Path, sink: Sink, code: str, *arguments: str, console: bool = False) -> str:
    """Run an app in a process of its own that only knows the collector's address; its stderr."""
    program = textwrap.dedent(code).lstrip()
    (tmp_path / "app.py").write_text(program)
    environment = {
        **os.environ, "OUTERLOOP_ENDPOINT": sink.url, "OUTERLOOP_SPOOL": "off",
        "OTEL_SERVICE_NAME": "app", "PYTHONWARNINGS": "error::ResourceWarning",
    }  # fmt: skip
    command = [sys.executable, *(["-i", "-"] if console else ["app.py"]), *arguments]
    done = subprocess.run(
        command, input=program if console else None, cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def arrived(sink: Sink, count: int) -> None:
    """Wait a moment for the last delivery; everything is there, once."""
    deadline = time.monotonic() + 5
    while len(sink.spans) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(sink.spans) == count
    assert len({span.span_id for span in sink.spans}) == count


def test_a_web_app_under_load(tmp_path: Path, sink: Sink, service: ModelService) -> None:
    """120 requests, 20 at a time: every call is there, in its own trace and session."""
    said = run(tmp_path, sink, WEB, service.url)
    assert "outerloop" not in said
    arrived(sink, 180)
    roots = {span.span_id: span for span in sink.spans if "answer" in span.name}
    inside = [span for span in sink.spans if span.parent_id]
    assert (len(roots), len(inside)) == (60, 60)
    assert all(span.trace_id == roots[span.parent_id].trace_id for span in inside)
    assert len({span.attributes["session.id"] for span in inside}) == 60
    calls = [span for span in sink.spans if span.kind == 3]
    assert {span.attributes["gen_ai.response.id"] for span in calls} == set(service.served)
    assert all("gen_ai.usage.output_tokens" in span.attributes for span in calls)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_of_workers(tmp_path: Path, sink: Sink, service: ModelService, method: str) -> None:
    """Workers that end with their pool, as Celery's do, have sent all that they did."""
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    said = run(tmp_path, sink, POOL, service.url, method)
    assert "outerloop" not in said
    arrived(sink, 80)
    calls = [span for span in sink.spans if span.kind == 3]
    assert {span.attributes["gen_ai.response.id"] for span in calls} == set(service.served)
    assert len({span.resource["service.instance.id"] for span in sink.spans}) > 1


def test_a_notebook(tmp_path: Path, sink: Sink, service: ModelService) -> None:
    """Cells run one by one and twice, with an error in between and a stream left open."""
    said = run(tmp_path, sink, NOTEBOOK, service.url, console=True)
    assert "ZeroDivisionError" in said
    assert "outerloop" not in said
    arrived(sink, 3)
    left = next(span for span in sink.spans if span.attributes.get("outerloop.abandoned"))
    assert left.attributes["gen_ai.response.id"] in service.served
