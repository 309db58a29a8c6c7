"""The engine reads OTLP bytes as Python would: the same rows, value for value."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.batch import Part
from collector.inserts import NESTED, insert, insert_otlp
from collector.rows import TRACES
from collector.segment import Record
from monitor.store import Store

pytestmark = pytest.mark.integration

START_NS = 1_704_067_200_000_000_000
TEXTS = (
    "", "plain", "ünï©ode ✓", 'quo"te', "back\\slash", "a/b", "<b>&amp;</b>", "tab\tnew\nline\r",
    "\x00\x01\x19\x7f", "\b\f", "line\u2028par\u2029", "'", "{}", "\U0001f600",
)  # fmt: skip
NUMBERS = (
    0.0, -0.0, 1.0, 0.1, -2.5, 1e16, 1e20, 1e21, 1.5e300, 1e-6, 1e-7, 1.5e-9, -1e-7, 5e-324,
    123456789.123, 1 / 3, math.nan, math.inf, -math.inf,
)  # fmt: skip
INTEGERS = (0, 1, -1, 2**53, 2**63 - 1, -(2**63))


def fill(value, random_: random.Random, *, plain: bool) -> None:
    """Set an AnyValue, or leave it unset; lists hold plain values only."""
    kind = random_.choice(["s", "s", "b", "i", "d", "y", "unset"] + ([] if plain else ["a", "k"]))
    if kind == "s":
        value.string_value = random_.choice(TEXTS)
    elif kind == "b":
        value.bool_value = random_.random() < 0.5
    elif kind == "i":
        value.int_value = random_.choice(INTEGERS)
    elif kind == "d":
        value.double_value = random_.choice(
            (*NUMBERS, random_.gauss(0, 1), random_.expovariate(1e-9))
        )
    elif kind == "y":
        value.bytes_value = random_.randbytes(random_.randrange(9))
    elif kind == "a":
        value.array_value.SetInParent()
        for _ in range(random_.randrange(4)):
            fill(value.array_value.values.add(), random_, plain=True)
    elif kind == "k":
        value.kvlist_value.SetInParent()


def attributes(pairs, random_: random.Random) -> None:
    """Up to six attributes with names of their own."""
    for name in random_.sample(
        ["a", "b.c", "d/e", "ü", "service.name", "x" * 200], random_.randrange(6)
    ):
        fill(pairs.add(key=name).value, random_, plain=False)


def request(seed: int) -> ExportTraceServiceRequest:
    """A request with everything a span can carry."""
    random_ = random.Random(seed)
    found = ExportTraceServiceRequest()
    for _ in range(random_.randrange(1, 3)):
        group = found.resource_spans.add()
        attributes(group.resource.attributes, random_)
        for _ in range(random_.randrange(1, 3)):
            scoped = group.scope_spans.add()
            scoped.scope.name, scoped.scope.version = random_.choice(TEXTS), "1"
            for _ in range(random_.randrange(4)):
                span = scoped.spans.add(
                    trace_id=random_.randbytes(16), span_id=random_.randbytes(8),
                    parent_span_id=random_.choice((b"", bytes(8), random_.randbytes(8))),
                    trace_state=random_.choice(("", "a=b")), name=random_.choice(TEXTS),
                    kind=random_.choice((0, 1, 2, 3, 4, 5, 9)),
                    start_time_unix_nano=START_NS + random_.randrange(10**15),
                    end_time_unix_nano=START_NS + random_.randrange(10**15),
                )  # fmt: skip
                span.status.code = random_.choice((0, 1, 2, 7))
                span.status.message = random_.choice(TEXTS)
                attributes(span.attributes, random_)
                for _ in range(random_.randrange(3)):
                    event = span.events.add(name="e", time_unix_nano=START_NS + 5)
                    attributes(event.attributes, random_)
                for _ in range(random_.randrange(3)):
                    link = span.links.add(
                        trace_id=random_.choice((bytes(16), random_.randbytes(16))),
                        span_id=random_.choice((bytes(8), random_.randbytes(8))), trace_state="l",
                    )  # fmt: skip
                    attributes(link.attributes, random_)
    return found


def part(*requests: ExportTraceServiceRequest, token: str = "t") -> Part:
    """Requests as a part of a segment."""
    spans = [sum(len(s.spans) for g in r.resource_spans for s in g.scope_spans) for r in requests]
    records = [
        Record("traces", n, START_NS // 1000, r.SerializeToString())
        for n, r in zip(spans, requests, strict=True)
    ]
    return Part("traces", token, records)


def stored(store: Store) -> list[dict]:
    """Everything in `otel_traces`, in the order of the ids."""
    result = store.client.query("SELECT * FROM otel_traces ORDER BY TraceId, SpanId")
    return list(result.named_results())


def test_both_ways_into_the_store_give_the_same_rows(store: Store) -> None:
    """Any value, any nesting that the reader knows, in any place: the bytes and the rows agree."""
    found = part(*(request(seed) for seed in range(200)))
    insert_otlp(store, found.otlp(), found.token)
    by_engine = stored(store)
    store.command("TRUNCATE TABLE otel_traces")
    rows, minutes = found.rows()
    insert(store, TRACES.name, TRACES.columns, rows, "rows")
    assert len(by_engine) == len(rows) == len(minutes) == found.count > 300
    for engine, python in zip(by_engine, stored(store), strict=True):
        assert engine == python


def test_same_token_is_stored_once(store: Store) -> None:
    """A part that is sent again, also with its values flattened, changes nothing, in no table."""
    found = part(request(1), request(2), request(3))
    for otlp in (found.otlp(), found.otlp(), found.flat_otlp()):
        insert_otlp(store, otlp, found.token)
    counts = [len(stored(store)), store.command("SELECT count() FROM steps")]
    assert counts == [found.count, found.count]


@pytest.mark.parametrize("nesting", ["map", "list in list", "map in list", "escape in list"])
def test_deeper_values_are_refused_by_name_and_stored_flattened(store: Store, nesting: str) -> None:
    """What the reader cannot hold it does not lose: it says so, and takes it as text."""
    asked = request(4)
    value = asked.resource_spans[0].scope_spans[0].spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=START_NS
    ).attributes.add(key="deep").value  # fmt: skip
    if nesting == "map":
        value.kvlist_value.values.add(key="k").value.int_value = 1
    else:
        inner = value.array_value.values.add()
        if nesting == "list in list":
            inner.array_value.values.add().int_value = 1
        elif nesting == "map in list":
            inner.kvlist_value.values.add(key="k").value.int_value = 1
        else:
            inner.string_value = "\x1b[1mbold"
    with pytest.raises(DatabaseError) as refusal:
        insert_otlp(store, part(asked).otlp(), "t")
    assert refusal.value.code == NESTED
    assert stored(store) == []
    insert_otlp(store, part(asked).flat_otlp(), "t")
    by_engine = stored(store)
    store.command("TRUNCATE TABLE otel_traces")
    insert(store, TRACES.name, TRACES.columns, part(asked).rows()[0], "rows")
    assert by_engine == stored(store)


def test_time_keeps_its_nanoseconds(store: Store) -> None:
    """A span's start is stored to the nanosecond."""
    asked = ExportTraceServiceRequest()
    asked.resource_spans.add().scope_spans.add().spans.add(
        trace_id=b"t" * 16, span_id=b"s" * 8, start_time_unix_nano=START_NS + 1
    )
    insert_otlp(store, part(asked).otlp(), "t")
    assert store.command("SELECT toUnixTimestamp64Nano(Timestamp) FROM otel_traces") == START_NS + 1
    assert stored(store)[0]["Timestamp"] == datetime(2024, 1, 1, tzinfo=UTC)
