"""Sampling: a share of the traces, all that fails or is slow, and the probability of each."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import TraceState
from sdk_sink import Sink

import monitor
from monitor.sdk.encoding import encode
from monitor.sdk.guard import GUARD
from monitor.sdk.runtime import active
from monitor.sdk.sampling import probability, threshold, with_probability


@pytest.fixture
def tenth(sink: Sink) -> Iterator[Sink]:
    """The SDK switched on, keeping a tenth of the traces and all that takes 20 ms."""
    monitor.init(service="shop", endpoint=sink.url, sample=0.1, slow_ms=20)
    GUARD.strict = True
    yield sink
    GUARD.strict = False
    monitor.shutdown()


@monitor.observe
def leaf(number: int) -> int:
    """A call that fails for -1 and is slow for -2."""
    if number == -1:
        raise ValueError("bad")
    if number == -2:
        time.sleep(0.03)
    return number


@monitor.observe
def root(number: int) -> int | None:
    """The call around it, which deals with the failure, after a call that ended well."""
    try:
        leaf(abs(number))
        return leaf(number)
    except ValueError:
        return None


def test_a_trace_is_kept_or_left_out_as_a_whole(tenth: Sink) -> None:
    """Near the share, and each of the traces kept has all of its three spans."""
    for number in range(2000):
        root(number)
    monitor.flush(5)
    traces: dict[str, int] = {}
    for span in tenth.spans:
        traces[span.trace_id] = traces.get(span.trace_id, 0) + 1
    assert set(traces.values()) == {3}
    assert 120 < len(traces) < 290  # ten standard deviations around 200, about


def test_what_fails_or_is_slow_is_kept_with_the_way_to_it(tenth: Sink) -> None:
    """Every failing and slow call arrives with its root; those that had ended well need not."""
    for _ in range(20):
        root(-1)
        root(-2)
    monitor.flush(5)
    assert sum(span.status == 2 for span in tenth.spans) == 20
    assert sum(span.name == "root" for span in tenth.spans) == 40
    assert sum(span.end_ns - span.start_ns > 20e6 for span in tenth.spans) == 40
    assert len(tenth.spans) < 80 + 40


def test_the_probability_travels_and_makes_rates_unbiased(sink: Sink) -> None:
    """`ot=th:` says 1 for what is always kept and the share for the rest; weights add up."""
    monitor.init(service="shop", endpoint=sink.url, sample=0.25)
    runtime = active()
    assert runtime is not None
    runtime.outbox._started = True  # nobody sends: the records are read here
    errors = 100
    for number in range(4000):
        if number % 40:
            leaf(number)
        else:
            with pytest.raises(ValueError, match="bad"):
                leaf(-1)
    records = runtime.outbox.take(records=10**6, size=10**9).records
    (parcel,) = encode(records, dropped=0)
    request = ExportTraceServiceRequest.FromString(parcel.body)
    spans = request.resource_spans[0].scope_spans[0].spans
    told = [(span.status.code, probability(span.trace_state)) for span in spans]
    assert {share for code, share in told if code == 2} == {1.0}
    assert {share for code, share in told if code != 2} == {0.25}
    everything = sum(1 / share for _, share in told if share)
    assert sum(code == 2 for code, _ in told) == errors
    assert 3500 < everything < 4500
    runtime.outbox.drop(len(records), "test")
    monitor.shutdown()


def test_all_or_nothing(sink: Sink) -> None:
    """A share of 0 keeps only what fails; without sampling nothing is said about it."""
    monitor.init(service="shop", endpoint=sink.url, sample=0)
    leaf(1)
    with pytest.raises(ValueError, match="bad"):
        leaf(-1)
    assert monitor.flush(5).acknowledged == 1
    monitor.shutdown()


def test_the_decision_is_seen_downstream(tenth: Sink) -> None:
    """W3C headers carry the flag and the threshold, so that the next service decides alike."""
    kept, seen = set(), set()

    @monitor.observe
    def ask(number: int) -> None:
        headers: dict[str, str] = {}
        monitor.inject(headers)
        sampled = trace.get_current_span().get_span_context().trace_flags.sampled
        assert headers["traceparent"].endswith("-01" if sampled else "-00")
        assert ("ot=th:" in headers.get("tracestate", "")) == sampled
        (kept if sampled else seen).add(number)

    for number in range(100):
        ask(number)
    assert kept
    assert seen
    assert monitor.flush(5).acknowledged == len(kept)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1, 0.001, 1e-9])
def test_thresholds_say_the_share(share: float) -> None:
    """Writing and reading gives the share back."""
    state = with_probability(TraceState([("vendor", "x"), ("ot", "rv:01234567890abc;th:8")]), share)
    assert state.to_header() == f"ot=th:{threshold(share)};rv:01234567890abc,vendor=x"
    assert probability(state.to_header()) == pytest.approx(share, rel=1e-6)


def test_a_wrong_share_keeps_everything(sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    """10 is not 10 %: told once, and nothing is lost."""
    GUARD._told.discard("sample")
    monitor.init(service="shop", endpoint=sink.url, sample=10)
    leaf(1)
    assert monitor.flush(5).acknowledged == 1
    assert "share from 0 to 1" in caplog.text
    monitor.shutdown()
