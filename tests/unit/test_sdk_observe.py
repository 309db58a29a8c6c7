"""`observe`: everything that can be called is recorded, and stays what it was."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from sdk_sink import Sink, delivered

import monitor

INPUT, OUTPUT = "outerloop.step.input", "outerloop.step.output"


def test_function_is_recorded_with_input_output_and_resource(sdk: Sink) -> None:
    """A plain call carries its arguments by name, its result, and who sent it."""

    @monitor.observe
    def extract(log: str, *, strict: bool = True) -> dict[str, Any]:
        return {"due": "2024-01-05", "strict": strict}

    assert extract("hello", strict=False) == {"due": "2024-01-05", "strict": False}
    (span,) = delivered(sdk, 1)
    assert span.name == "extract"
    assert json.loads(span.attributes[INPUT]) == {"log": "hello", "strict": False}
    assert json.loads(span.attributes[OUTPUT]) == {"due": "2024-01-05", "strict": False}
    assert span.attributes["outerloop.step.kind"] == "function"
    assert span.resource["service.name"] == "shop"
    assert span.resource["service.version"] == "r1"
    assert span.resource["deployment.environment.name"] == "test"
    assert span.status == 1
    assert span.end_ns >= span.start_ns


def test_the_decorated_function_looks_like_the_function() -> None:
    """Name, docstring, signature and kind stay."""

    async def a(x: int) -> int:
        """Doc."""
        return x

    def g(x: int) -> Iterator[int]:
        yield x

    async def ag(x: int) -> AsyncIterator[int]:
        yield x

    assert inspect.iscoroutinefunction(monitor.observe(a))
    assert inspect.isgeneratorfunction(monitor.observe(g))
    assert inspect.isasyncgenfunction(monitor.observe(ag))
    assert inspect.signature(monitor.observe(a)) == inspect.signature(a)
    assert monitor.observe(a).__doc__ == "Doc."


def test_nested_calls_form_one_trace(sdk: Sink) -> None:
    """A call inside a call is its child, and `current` tells both ids."""
    places = []

    @monitor.observe
    def inner() -> None:
        places.append(monitor.current())

    @monitor.observe
    def outer() -> None:
        inner()

    outer()
    first, second = delivered(sdk, 2)
    assert (second.trace_id, second.parent_id) == (first.trace_id, first.span_id)
    assert places[0] == monitor.Place(second.trace_id, second.span_id)
    assert monitor.current() is None


def test_exception_is_recorded_and_raised_unchanged(sdk: Sink) -> None:
    """The very same exception comes out, and its traceback is what it would be without us."""
    problem = ValueError("no year")

    @monitor.observe
    def broken() -> None:
        raise problem

    with pytest.raises(ValueError, match="no year") as caught:
        broken()
    assert caught.value is problem
    assert problem.__context__ is None
    assert [frame.name for frame in traceback.extract_tb(problem.__traceback__)][1:] == ["broken"]
    (span,) = delivered(sdk, 1)
    assert (span.status, span.message) == (2, "no year")
    assert span.attributes["error.type"] == "ValueError"
    assert OUTPUT not in span.attributes
    (name, said) = span.events[0]
    assert name == "exception"
    assert "broken" in said["exception.stacktrace"]


async def test_coroutines_nest_by_task(sdk: Sink) -> None:
    """Concurrent tasks do not mix their parents."""

    @monitor.observe
    async def leaf(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    @monitor.observe
    async def root(n: int) -> int:
        return sum(await asyncio.gather(leaf(n), leaf(n)))

    assert await asyncio.gather(root(1), root(2)) == [2, 4]
    spans = delivered(sdk, 6)
    roots = {span.span_id: span for span in spans if span.name == "root"}
    assert len({span.trace_id for span in roots.values()}) == 2
    for span in spans:
        if span.name == "leaf":
            assert span.trace_id == roots[span.parent_id].trace_id
            assert json.loads(span.attributes[INPUT]) == json.loads(
                roots[span.parent_id].attributes[INPUT]
            )


async def test_cancelled_coroutine_is_abandoned(sdk: Sink) -> None:
    """Cancellation passes through and is no error."""

    @monitor.observe
    async def waits() -> None:
        await asyncio.sleep(60)

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.abandoned"] is True
    assert "error.type" not in span.attributes


def echo() -> Any:
    """Yields what it is sent; survives a KeyError; returns its own sum."""
    total, got = 0, None
    while True:
        try:
            got = yield got
        except KeyError:
            got = "caught"
        if got is None:
            return total
        total += 1


@pytest.mark.parametrize("wrap", [lambda f: f, monitor.observe], ids=["bare", "observed"])
def test_generator_protocol(sdk: Sink, wrap: Any) -> None:
    """send, throw and return work through the wrapper as without it."""
    generator = wrap(echo)()
    assert next(generator) is None
    assert generator.send("a") == "a"
    assert generator.throw(KeyError("x")) == "caught"
    with pytest.raises(StopIteration) as stop:
        generator.send(None)
    assert stop.value.value == 2
    if wrap is monitor.observe:
        (span,) = delivered(sdk, 1)
        assert json.loads(span.attributes[OUTPUT]) == [None, "a", "caught"]


def test_generator_does_not_leak_its_span_to_its_consumer(sdk: Sink) -> None:
    """Between two items the consumer's surroundings are its own."""

    @monitor.observe
    def numbers() -> Iterator[int]:
        assert monitor.current() is not None
        yield 1
        yield 2

    for _ in numbers():
        assert monitor.current() is None
    delivered(sdk, 1)


def test_dropped_generator_is_abandoned(sdk: Sink) -> None:
    """A generator not read to its end is recorded as far as it went, and its finally runs."""
    cleaned = []

    @monitor.observe
    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    generator = numbers()
    next(generator)
    del generator
    gc.collect()
    assert cleaned == [True]
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.abandoned"] is True
    assert json.loads(span.attributes[OUTPUT]) == [1]


def test_generator_that_refuses_to_close_behaves_as_without_us(sdk: Sink) -> None:
    """Yielding in answer to GeneratorExit is the same RuntimeError."""

    @monitor.observe
    def stubborn() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        generator.close()


async def test_async_generator(sdk: Sink) -> None:
    """asend, athrow and aclose reach the generator; a closed one is abandoned."""

    @monitor.observe
    async def talk() -> Any:
        got = yield "start"
        try:
            yield got
        except KeyError:
            yield "caught"

    generator = talk()
    assert await anext(generator) == "start"
    assert await generator.asend("x") == "x"
    assert await generator.athrow(KeyError()) == "caught"
    await generator.aclose()
    assert [item async for item in talk()] == ["start", None]
    first, second = delivered(sdk, 2)
    assert first.attributes["outerloop.abandoned"] is True
    assert json.loads(first.attributes[OUTPUT]) == ["start", "x", "caught"]
    assert "outerloop.abandoned" not in second.attributes


def test_methods_of_every_kind(sdk: Sink) -> None:
    """Methods, classmethods and staticmethods work, and neither self nor cls is recorded."""

    class Extractor:
        @monitor.observe
        def plain(self, x: int) -> int:
            return x

        @monitor.observe
        @classmethod
        def of_class(cls, x: int) -> str:
            return cls.__name__ * x

        @classmethod
        @monitor.observe
        def of_class_too(cls, x: int) -> str:
            return cls.__name__ * x

        @monitor.observe
        @staticmethod
        def static(x: int) -> int:
            return x

    assert Extractor().plain(1) == 1
    assert Extractor.of_class(1) == "Extractor" == Extractor.of_class_too(1)
    assert Extractor().static(4) == 4
    spans = delivered(sdk, 4)
    assert spans[0].name == "Extractor.plain"
    assert [json.loads(span.attributes[INPUT]) for span in spans] == [
        {"x": 1},
        {"x": 1},
        {"x": 1},
        {"x": 4},
    ]


def test_arguments_are_kept_as_they_were(sdk: Sink) -> None:
    """What the app changes after the call does not change the record."""

    @monitor.observe
    def collect(items: list[int], *more: int, **named: int) -> list[int]:
        items.append(9)
        return items

    kept = collect([1], 2, 3, four=4)
    kept.append(10)
    (span,) = delivered(sdk, 1)
    assert json.loads(span.attributes[INPUT]) == {"items": [1], "more": [2, 3], "four": 4}
    assert json.loads(span.attributes[OUTPUT]) == [1, 9]


def test_secrets_are_masked(sdk: Sink) -> None:
    """Neither a secret argument nor a secret key inside one is written down."""

    @monitor.observe
    def login(user: str, password: str, headers: dict[str, str], api_key: str = "") -> None:
        del user, password, headers, api_key

    login("ann", "hunter2", {"Authorization": "Bearer hunter2", "x": "y"}, api_key="hunter2")
    (span,) = delivered(sdk, 1)
    assert "hunter2" not in span.attributes[INPUT]
    assert json.loads(span.attributes[INPUT])["headers"] == {"Authorization": "***", "x": "y"}


def test_large_values_are_cut_and_marked(sdk: Sink) -> None:
    """A value over the limit is cut to valid JSON and named in `outerloop.truncated`."""

    @monitor.observe
    def big(text: str) -> list[str]:
        return [text] * 5

    big("x" * 200_000)
    (span,) = delivered(sdk, 1)
    assert span.attributes["outerloop.truncated"] == [INPUT, OUTPUT]
    assert len(json.loads(span.attributes[INPUT])["text"]) == 65_537
    assert len(span.attributes[OUTPUT]) < 70_000


def test_no_code_of_the_app_is_run_twice(sdk: Sink) -> None:
    """No repr, str or property of an argument is called; dataclasses are read by their fields."""

    @dataclass
    class Order:
        number: int

        def __repr__(self) -> str:
            raise AssertionError("called")

        __str__ = __repr__

    class Opaque:
        def __repr__(self) -> str:
            raise AssertionError("called")

    @monitor.observe
    def take(order: Order, thing: Opaque, text: str) -> None:
        del order, thing, text

    take(Order(7), Opaque(), "lone \ud800 surrogate")
    (span,) = delivered(sdk, 1)
    said = json.loads(span.attributes[INPUT])
    assert said["order"] == {"number": 7}
    assert said["thing"].endswith("Opaque>")
    assert said["text"] == "lone ? surrogate"


def test_capture_off_keeps_no_content(sdk: Sink) -> None:
    """`capture=False` keeps the name and the time only; tools say that they are tools."""

    @monitor.observe(kind="tool", name="lookup", capture=False)
    def f(x: int) -> int:
        return x

    f(1)
    (span,) = delivered(sdk, 1)
    assert INPUT not in span.attributes
    assert OUTPUT not in span.attributes
    assert (span.name, span.attributes["gen_ai.operation.name"]) == ("lookup", "execute_tool")


def test_context_and_prompt_reach_everything_inside(sdk: Sink) -> None:
    """Session, user, tags and prompt are on each span inside; inner contexts add to outer ones."""

    @monitor.observe
    def inner() -> None: ...

    @monitor.observe(prompt_name="extract", prompt_version="v2")
    def outer() -> None:
        with monitor.context(user="u-9", tags={"team": 7}):
            inner()

    with monitor.context(session="s-1", tags={"tenant": "acme"}):
        outer()
    first, second = delivered(sdk, 2)
    assert first.attributes["session.id"] == "s-1"
    assert first.attributes["gen_ai.prompt.version"] == "v2"
    wanted = {
        "session.id": "s-1", "user.id": "u-9", "gen_ai.prompt.name": "extract",
        "outerloop.tag.tenant": "acme", "outerloop.tag.team": "7",
    }  # fmt: skip
    assert wanted.items() <= second.attributes.items()


def test_spans_of_other_tracers_are_parents_and_children(sdk: Sink) -> None:
    """Ours nests under a foreign current span, and a foreign tracer sees ours as its parent."""
    seen = []

    @monitor.observe
    def ours() -> None:
        span = trace.get_current_span()
        span.set_attribute("app.note", "yes")
        seen.append(span.get_span_context())

    foreign = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1)))
    with trace.use_span(foreign):
        ours()
    (span,) = delivered(sdk, 1)
    assert (span.trace_id, span.parent_id) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert span.attributes["app.note"] == "yes"
    assert (seen[0].trace_id, f"{seen[0].span_id:016x}") == (0xABC, span.span_id)


def test_nothing_happens_before_init() -> None:
    """Without `init` and without OUTERLOOP_ENDPOINT everything works and nothing is kept."""

    @monitor.observe
    def f(x: int) -> int:
        monitor.feedback("thumbs", 1)
        return x

    with monitor.context(session="s"):
        assert f(1) == 1
    assert monitor.flush(0.1) == monitor.Delivery(0, 0, 0)


def test_a_failure_of_ours_never_reaches_the_app(sdk: Sink, lenient: None) -> None:
    """Argument and result classes that break every protocol we touch change nothing for the app."""

    class Hostile(dict):  # type: ignore[type-arg]
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    @monitor.observe
    def f(x: Any) -> Any:
        return x

    class Breaks:
        __module__ = property(lambda _: 1 / 0)  # type: ignore[assignment]

    hostile, breaks = Hostile(a=1), Breaks()
    assert f(hostile) is hostile
    assert f(breaks) is breaks
    assert monitor.flush(2).pending == 0


def test_observe_of_something_else_returns_it_unchanged() -> None:
    """A class, or a thing that cannot be called, is left alone."""

    class Thing: ...

    assert monitor.observe(Thing) is Thing


def test_clock_is_the_apps_own(sink: Sink) -> None:
    """With a clock, spans begin when it says so; durations are real."""
    monitor.init(service="replay", endpoint=sink.url, clock=lambda: 1_704_067_200_000_000_000)

    @monitor.observe
    def f() -> None: ...

    f()
    (span,) = delivered(sink, 1)
    assert span.start_ns == 1_704_067_200_000_000_000
    assert 0 < span.end_ns - span.start_ns < 1e9
    monitor.shutdown()
