"""Records as OTLP protobuf: spans for `/v1/traces`, scores for `/v1/logs`, off thread."""

from __future__ import annotations

import struct
import time
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor import vocabulary as v
from monitor.sdk.failure import Failure
from monitor.sdk.guard import GUARD
from monitor.sdk.observed import Observed
from monitor.sdk.scores import Score
from monitor.sdk.step import Step
from monitor.sdk.surroundings import NO_LABELS
from monitor.sdk.wire import clean, field, fields_of, fixed64, key_of, pair, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from monitor.sdk.configuration import Resource
    from monitor.sdk.outbox import Record
    from monitor.sdk.surroundings import Labels

__all__ = ["LOGS", "TRACES", "Parcel", "encode", "further", "rejected"]

TRACES, LOGS = "/v1/traces", "/v1/logs"
SLICE_S = 0.0003
BREATH_S = 0.00002
"""After each slice the other threads get their turn; the interpreter alone would let them wait 5 ms."""
INTERNAL, CLIENT = b"\x30\x01", b"\x30\x03"
OK, UNSET = b"\x7a\x02\x18\x01", b""
_times = struct.Struct("<BQBQ").pack
_ids = struct.Struct(">BBQQBBQ").pack
_parent = struct.Struct(">BBQ").pack
SAMPLED_RANDOM = b"\x85\x01" + (3).to_bytes(4, "little")
NANOSECONDS = 1 << 64
INPUT, OUTPUT = key_of(v.OUTERLOOP_INPUT), key_of(v.OUTERLOOP_OUTPUT)


class Parcel(NamedTuple):
    """The body of one request."""

    path: str
    body: bytes
    records: list[Record]
    """What is in it, so that it can be split where it is too big."""
    unreadable: int
    """Records that could not be encoded and are not in it."""


def encode(records: Iterable[Record], *, dropped: int) -> list[Parcel]:
    """The requests that carry these records; `dropped` is told on their resource."""
    paths: dict[str, list[Record]] = {}
    for record in records:
        paths.setdefault(record.path, []).append(record)
    return [_parcel(path, group, dropped) for path, group in paths.items()]


def rejected(path: str, body: bytes) -> tuple[int, str]:
    """How many records the collector's answer refuses, and why."""
    del path  # the answer to either has the same shape
    if not body:
        return 0, ""
    try:
        partial = fields_of(fields_of(body).get(1, b""))
    except ValueError:  # a proxy's page, or JSON: a 200 all the same
        return 0, ""
    return int(partial.get(1, 0)), bytes(partial.get(2, b"")).decode("utf-8", "replace")


def _parcel(path: str, records: list[Record], dropped: int) -> Parcel:
    """Each record on its own: one that cannot be written must not take the others with it."""
    written: list[Record] = []
    groups: dict[tuple[int, tuple[str, str]], tuple[Resource, list[bytes]]] = {}
    breathed = time.monotonic()
    for record in records:
        try:
            content = WRITERS.get(type(record), _other)(record)
        except Exception as error:
            if GUARD.strict:
                raise
            GUARD.note(error)
            continue
        written.append(record)
        group = groups.setdefault((id(record.resource), record.scope), (record.resource, []))
        group[1].extend((b"\x12", varint(len(content)), content))
        if time.monotonic() - breathed > SLICE_S:
            time.sleep(BREATH_S)
            breathed = time.monotonic()
    unreadable = len(records) - len(written)
    body = b"".join(
        piece
        for (_, scope), (resource, contents) in groups.items()
        for piece in _scoped(_resource(resource, dropped + unreadable), scope, contents)
    )
    return Parcel(path, body, written, unreadable)


def _scoped(resource: bytes, scope: tuple[str, str], contents: list[bytes]) -> Iterator[bytes]:
    """The pieces of one `ResourceSpans`: they are copied only once, however large it is."""
    name, number = scope
    number = number or (sdk_version() if name == v.SCOPE_NAME else "")
    told = field(b"\x0a", clean(name)) + (field(b"\x12", clean(number)) if number else b"")
    head = field(b"\x0a", told)
    size = sum(map(len, contents)) + len(head)
    begin = b"\x12" + varint(size)
    yield b"\x0a" + varint(len(resource) + len(begin) + size)
    yield from (resource, begin, head)
    yield from contents


@lru_cache(maxsize=1)
def sdk_version() -> str:
    """Of this distribution; empty where it runs from a source tree that is not installed."""
    try:
        return version("outerloop")
    except PackageNotFoundError:
        return ""


def _resource(resource: Resource, dropped: int) -> bytes:
    attributes: list[tuple[str, Any]] = [*resource.attributes]
    if not any(name == "telemetry.sdk.name" for name, _ in attributes):
        attributes += [
            ("telemetry.sdk.name", "outerloop"),
            ("telemetry.sdk.language", "python"),
            ("telemetry.sdk.version", sdk_version()),
        ]
    if dropped:
        attributes.append((v.OUTERLOOP_DROPPED, dropped))
    return field(b"\x0a", b"".join(field(b"\x0a", pair(*attribute)) for attribute in attributes))


@lru_cache(maxsize=256)
def _labels(labels: Labels) -> bytes:
    return b"".join(field(b"\x4a", pair(name, value)) for name, value in labels.attributes())


@lru_cache(maxsize=1024)
def _name(name: str) -> bytes:
    return field(b"\x2a", clean(name))


@lru_cache(maxsize=1024)
def _head(observed: Observed) -> bytes:
    """What all calls of one function have in common: name, kind, attributes."""
    always = (field(b"\x4a", pair(*attribute)) for attribute in observed.always())
    return _name(observed.name()) + INTERNAL + b"".join(always)


def _texts(step: Step, observed: Observed) -> list[bytes]:
    """Arguments and result, in pieces: a text is copied as seldom as can be."""
    pieces: list[bytes] = []
    for key, text in ((INPUT, observed.given(step)), (OUTPUT, observed.result(step))):
        if text is not None:
            size = varint(len(text))
            content = len(text) + len(size) + 1
            told = varint(content)
            whole = varint(len(key) + len(told) + content)
            pieces += (b"\x4a", whole, key, told, b"\x0a", size, text)
    return pieces


def _attributes(step: Step, mask: Callable[[str, Any], Any] | None) -> list[bytes]:
    """Name, kind and attributes of any step, one by one."""
    description = step.description
    pieces = [_name(description.name(step)), CLIENT if description.client else INTERNAL]
    for name, value in description.attributes(step):
        if value is not None:
            content = pair(name, value if mask is None else mask(name, value))
            pieces += (b"\x4a", varint(len(content)), content)
    return pieces


def _span(step: Step) -> bytes:
    description, mask = step.description, step.runtime.mask
    trace_id, started_ns = step.trace_id, step.started_ns
    pieces = [
        _ids(0x0A, 16, trace_id >> 64, trace_id & (NANOSECONDS - 1), 0x12, 8, step.span_id),
        _times(0x39, started_ns % NANOSECONDS, 0x41, (started_ns + step.elapsed_ns) % NANOSECONDS),
    ]
    add = pieces.append
    if step.kept is not None or step.trace_state:
        add(field(b"\x1a", clean(step.told_state())))
    if step.parent_id:
        add(_parent(0x22, 8, step.parent_id))
    if mask is None and type(description) is Observed:
        add(_head(description))
        pieces += _texts(step, description)
    else:
        pieces += _attributes(step, mask)
    if step.labels is not NO_LABELS:
        add(_labels(step.labels))
    for name, value in further(step):
        add(field(b"\x4a", pair(name, value if mask is None else mask(name, value))))
    if step.events or step.failure is not None:
        pieces += [field(b"\x5a", event) for event in _events(step)]
    add(_status(step))
    add(SAMPLED_RANDOM)
    return b"".join(pieces)


def further(step: Step) -> Iterator[tuple[str, Any]]:
    """What only some spans have."""
    if step.cut:
        yield v.OUTERLOOP_TRUNCATED, list(step.cut)
    if step.abandoned:
        yield v.OUTERLOOP_ABANDONED, True
    if step.extra:
        yield from step.extra.items()
    if step.failure is not None:
        yield v.ERROR_TYPE, step.failure.kind


def _status(step: Step) -> bytes:
    if step.failure is None:
        return UNSET if step.abandoned else OK
    message = step.failure.message
    if step.runtime.mask:
        message = step.runtime.mask("exception.message", message)
    return field(b"\x7a", field(b"\x12", clean(message)) + b"\x18\x02")


def _events(step: Step) -> Iterator[bytes]:
    mask = step.runtime.mask
    told = list(step.events or ())
    if step.failure is not None and step.failure.places:
        told.append((step.started_ns + step.elapsed_ns, "exception", _exception(step.failure)))
    for at, name, said in told:
        yield write_event(
            at,
            name,
            ((key, value if mask is None else mask(key, value)) for key, value in said.items()),
        )


def write_event(at: int, name: str, said: Iterable[tuple[str, Any]]) -> bytes:
    """A `Span.Event`, without its tag."""
    pairs = (field(b"\x1a", pair(key, value)) for key, value in said)
    return b"".join((fixed64(0x09, at), field(b"\x12", clean(name)), *pairs))


def _exception(failure: Failure) -> dict[str, str]:
    lines = [
        f'  File "{file}", line {line}, in {function}' for file, line, function in failure.places
    ]
    trace = "\n".join(
        ["Traceback (most recent call last):", *lines, f"{failure.kind}: {failure.message}"]
    )
    return {
        "exception.type": failure.kind,
        "exception.message": failure.message,
        "exception.stacktrace": trace,
    }


def _log_record(score: Score) -> bytes:
    mask = score.mask
    pairs = [
        field(b"\x32", pair(name, value if mask is None else mask(name, value)))
        for name, value in score.attributes()
    ]
    return b"".join(
        (
            fixed64(0x09, score.told_ns),
            *pairs,
            field(b"\x4a", bytes.fromhex(score.trace_id)) if score.trace_id else b"",
            field(b"\x52", bytes.fromhex(score.span_id)) if score.span_id else b"",
            fixed64(0x59, score.told_ns),
            field(b"\x62", v.EVALUATION_EVENT.encode()),
        )
    )


def _other(record: Any) -> bytes:
    """A record that knows itself how it is written: a span of another tracer."""
    return bytes(record.write())


WRITERS: dict[type, Callable[[Any], bytes]] = {Step: _span, Score: _log_record}
