"""`monitor.testing`: what users' own tests see."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import monitor
from monitor import pytest_plugin
from monitor.sdk.configuration import Options
from monitor.testing import Recording, capture

outerloop_spans = pytest_plugin.outerloop_spans


@monitor.observe
def outer(number: int) -> int:
    """Observed, with an observed call inside."""
    return inner(number) + 1


@monitor.observe(kind="tool", name="inner")
def inner(number: int) -> int:
    """Observed."""
    if number < 0:
        raise ValueError("too small")
    return number * 2


def story() -> list[Any]:
    """Spans of a small story, by all that can be seen of them."""
    with capture() as recording, monitor.context(session="s-1"):
        outer(1)
        with pytest.raises(ValueError, match="small"):
            outer(-1)
        monitor.feedback("thumbs", 1, key="k")
    return [*recording.spans, *recording.scores]


def test_every_run_is_the_same() -> None:
    """Ids, times, inputs and outputs do not change from run to run."""
    assert story() == story()
    assert len({span.span_id for span in story()}) == 5


def test_what_a_span_tells(outerloop_spans: Recording) -> None:
    """Nesting, input, output, failure and times can be asked for by name."""
    outer(1)
    span = outerloop_spans.span("inner")
    assert (span.input, span.output, span.status) == ({"number": 1}, 2, "ok")
    parent = outerloop_spans.span("outer")
    assert outerloop_spans.children(parent) == [span]
    assert span.trace_id == parent.trace_id
    assert parent.started_ns < span.started_ns < span.ended_ns < parent.ended_ns
    outerloop_spans.clear()
    with pytest.raises(ValueError, match="small"):
        inner(-1)
    assert outerloop_spans.span("inner").error == "too small"
    with pytest.raises(LookupError, match="captured so far: inner"):
        outerloop_spans.span("other")


def test_ids_inside_are_the_ids_captured(outerloop_spans: Recording) -> None:
    """What the app reads from `current` is what the recording holds; scores point at it."""

    @monitor.observe
    def answer() -> str:
        place = monitor.current()
        assert place is not None
        return place.trace_id

    trace_id = answer()
    monitor.feedback("thumbs", -1, trace_id=trace_id, comment="wrong year")
    assert outerloop_spans.spans[0].trace_id == trace_id
    (score,) = outerloop_spans.scores
    assert (score.name, score.value, score.source, score.target) == (
        "thumbs",
        -1.0,
        "user",
        "trace",
    )
    assert score.trace_id == trace_id


def test_an_apps_own_init_does_not_end_the_capture(outerloop_spans: Recording) -> None:
    """`init`, `flush` and `shutdown` of the app under test stay in memory."""
    monitor.init(service="shop", endpoint="http://127.0.0.1:9")
    outer(1)
    assert monitor.flush(0.1) == monitor.Delivery(acknowledged=2, pending=0, dropped=0)
    assert len(outerloop_spans.spans) == 2
    assert not [thread for thread in threading.enumerate() if thread.name == "outerloop-sdk"]
    monitor.shutdown()


def test_afterwards_the_sdk_is_as_before() -> None:
    """A capture leaves nothing switched on, also when the test fails."""

    def fail() -> Recording:
        with capture() as recording:
            outer(1)
            seen.append(recording)
            raise KeyError("x")

    seen: list[Recording] = []
    with pytest.raises(KeyError):
        fail()
    (recording,) = seen
    outer(1)
    assert len(recording.spans) == 2
    assert monitor.flush(0.1) == monitor.Delivery(0, 0, 0)


async def test_tasks_and_threads(outerloop_spans: Recording) -> None:
    """Spans of tasks and of threads come together in one recording."""

    @monitor.observe
    async def task(number: int) -> int:
        await asyncio.sleep(0)
        return await asyncio.to_thread(inner, number)

    await asyncio.gather(*(task(number) for number in range(10)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(outer, range(10)))
    spans = outerloop_spans.spans
    assert len(spans) == 40
    assert len({span.span_id for span in spans}) == 40
    assert len({span.started_ns for span in spans}) == 40


def test_options_of_init_can_be_given() -> None:
    """A mask sees every text, as it would in production."""
    with capture(options=Options(mask=lambda _, text: text.replace("1", "#"))) as recording:
        outer(1)
    assert recording.span("inner").attributes["outerloop.step.input"] == '{"number":#}'
    assert recording.span("inner").input == '{"number":#}'


def test_spans_of_another_tracer_are_captured_too(outerloop_spans: Recording) -> None:
    """What `span_processor` hands over stands beside our own spans, in its place."""
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider()
    provider.add_span_processor(monitor.span_processor())  # type: ignore[arg-type]  # by its methods
    tracer = provider.get_tracer("app")

    @monitor.observe
    def handle() -> None:
        with tracer.start_as_current_span("query") as span:
            span.set_attribute("db", "x")

    handle()
    query = outerloop_spans.span("query")
    assert query.attributes["db"] == "x"
    (ours,) = (span for span in outerloop_spans.spans if span.name.endswith("handle"))
    assert (query.trace_id, query.parent_id) == (ours.trace_id, ours.span_id)


def test_pytest_finds_the_fixture(tmp_path: Path) -> None:
    """A user's test asks for the fixture by name and gets the spans of its own code."""
    (tmp_path / "test_app.py").write_text(
        textwrap.dedent("""
        import monitor

        @monitor.observe
        def extract(log): return {"due": log}

        def test_extract(outerloop_spans):
            extract("2024-01-05")
            assert outerloop_spans.span("extract").output == {"due": "2024-01-05"}
        """)
    )
    plugin = ["-p", "monitor.pytest_plugin"] if not _installed() else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _installed() -> bool:
    """Whether this environment was installed since the entry point exists."""
    from importlib.metadata import entry_points

    return any(found.value == "monitor.pytest_plugin" for found in entry_points(group="pytest11"))
