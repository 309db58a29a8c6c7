"""Damaged bodies: flipped bits, cuts, bombs, wrong types, invalid text, monsters."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import zlib
from collections import Counter
from typing import TYPE_CHECKING

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.faults.finding import Finding
from benchmarks.faults.sidecar import PARTS, Sidecar, until
from benchmarks.ingest.load import load
from benchmarks.ingest.sender import send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["mutations"]

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MIB = 1 << 20
MEMORY_MB = 900
"""Bound of the collector's memory, monsters of 64 MiB included."""
Body = tuple[bytes, dict[str, str]]


def mutations(folder: Path, *, number: int, seed: int) -> list[Finding]:
    """Send `number` damaged bodies, watch, then send good ones."""
    random_ = random.Random(seed)
    sidecar = Sidecar(folder / "mutations")
    sidecar.start(*PARTS)
    good = [request.body for request in load(64, per_request=2, seed=seed)]
    answers: Counter[tuple[str, int]] = Counter()
    peak_mb = 0.0
    try:
        connection = http.client.HTTPConnection("127.0.0.1", sidecar.port, timeout=60)
        for name, (body, headers) in _bodies(good, number, random_):
            signals = ("traces", "traces", "traces", "logs", "metrics")
            signal = random_.choice(signals) if name in MUTATIONS else "traces"
            answers[name, _post(connection, f"/v1/{signal}", body, headers)] += 1
            if sum(answers.values()) % 200 == 0:
                peak_mb = max(peak_mb, sidecar.memory_mb()["collector"])
        later = send(sidecar.port, "/v1/traces", {}, load(2048, per_request=512, seed=seed + 1))
        until(sidecar.drained, "all is stored", within_s=120)
        for (name, status), count in sorted(answers.items()):
            print(f"    {name:<28}{status:>5}{count:>8}")
        bad = sum(n for (_, status), n in answers.items() if status >= 500 or status < 200)
        return [
            Finding("damaged bodies sent", sum(answers.values())),
            Finding("answered 5xx, or not at all", bad, 0),
            Finding("collector's peak memory, MB", peak_mb, MEMORY_MB),
            Finding("good spans afterwards not accepted", 2048 - later.spans, 0),
            Finding("rows that the store refused", sidecar.metric("refused_total"), 0),
        ]
    finally:
        sidecar.stop_all()


def _post(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> int:
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
    except (http.client.HTTPException, OSError):
        # refused before the whole body was sent: the answer may be lost with the connection
        connection.close()
        return 413 if len(body) > 16 * MIB else 0
    if answer.will_close:
        connection.close()
    return answer.status


def _bodies(good: list[bytes], number: int, random_: random.Random) -> Iterator[tuple[str, Body]]:
    names = list(MUTATIONS)
    for _ in range(number):
        name = random_.choice(names)
        yield name, MUTATIONS[name](random_.choice(good), random_)
    for name, (body, headers) in _monsters():
        yield name, (body, headers)


def _flip(body: bytes, random_: random.Random) -> Body:
    damaged = bytearray(body)
    for _ in range(random_.choice((1, 1, 3, 30))):
        damaged[random_.randrange(len(damaged))] ^= 1 << random_.randrange(8)
    return bytes(damaged), {"Content-Type": PROTOBUF}


def _cut(body: bytes, random_: random.Random) -> Body:
    return body[: random_.randrange(len(body))], {"Content-Type": PROTOBUF}


def _splice(body: bytes, random_: random.Random) -> Body:
    at = random_.randrange(len(body))
    return body[:at] + random_.randbytes(random_.randrange(1, 50)) + body[at:], {
        "Content-Type": PROTOBUF
    }


def _noise(_body: bytes, random_: random.Random) -> Body:
    return random_.randbytes(random_.randrange(2000)), {
        "Content-Type": random_.choice((PROTOBUF, JSON))
    }


def _bad_gzip(body: bytes, random_: random.Random) -> Body:
    packed = bytearray(gzip.compress(body, 1))
    packed[random_.randrange(len(packed))] ^= 1 << random_.randrange(8)
    cut = random_.randrange(len(packed)) if random_.random() < 0.5 else len(packed)
    return bytes(packed[:cut]), {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}


def _wrong_type(body: bytes, random_: random.Random) -> Body:
    document = json.loads(_as_json(body))
    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    span = random_.choice(spans)
    key = random_.choice(
        ("traceId", "spanId", "name", "kind", "startTimeUnixNano", "attributes", "status")
    )
    span[key] = random_.choice((None, [], {}, "x", -1, 2**70, 1.5, True, [[[]]], {"a": {"b": []}}))
    return json.dumps(document).encode(), {"Content-Type": JSON}


def _bad_text(body: bytes, random_: random.Random) -> Body:
    at = body.find(b"chat")
    damaged = body.replace(
        b"chat", random_.choice((b"ch\xff\xfe", b"\xed\xa0\x80t", b"\xc0\xaf\x00t"))
    )
    return (damaged if at >= 0 else body), {"Content-Type": PROTOBUF}


def _as_json(body: bytes) -> bytes:
    return json.dumps(MessageToDict(ExportTraceServiceRequest.FromString(body))).encode()


def _nested_json(_body: bytes, random_: random.Random) -> Body:
    depth = random_.choice((50, 101, 500, 50_000))
    value = '{"arrayValue":{"values":[' * depth + "]}}" * depth
    span = f'{{"attributes":[{{"key":"k","value":{value}}}]}}'
    return f'{{"resourceSpans":[{{"resource":{span}}}]}}'.encode(), {"Content-Type": JSON}


def _nested_protobuf(_body: bytes, random_: random.Random) -> Body:
    value = b"\x10\x01"
    for _ in range(random_.choice((20, 90, 110, 3000))):
        value = b"\x0a" + _varint(len(value)) + value
        value = b"\x2a" + _varint(len(value)) + value
    attribute = b"\x0a\x01k\x12" + _varint(len(value)) + value
    for tag in (b"\x0a", b"\x0a", b"\x0a"):
        attribute = tag + _varint(len(attribute)) + attribute
    return attribute, {"Content-Type": PROTOBUF}


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes((*out, number))


MUTATIONS: dict[str, Callable[[bytes, random.Random], Body]] = {
    "bit flips": _flip, "truncated": _cut, "spliced": _splice, "noise": _noise, "damaged gzip": _bad_gzip,
    "wrong types": _wrong_type, "invalid UTF-8": _bad_text, "nested JSON": _nested_json,
    "nested protobuf": _nested_protobuf,
}  # fmt: skip


def _monsters() -> Iterator[tuple[str, Body]]:
    """Bodies at and over the limits, each once."""
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    )
    span.attributes.add(key="huge").value.string_value = "x" * (60 * MIB)
    yield "60 MiB attribute", (request.SerializeToString(), {"Content-Type": PROTOBUF})
    span.attributes[0].value.string_value = "x" * (70 * MIB)
    yield "70 MiB attribute", (request.SerializeToString(), {"Content-Type": PROTOBUF})
    bomb = zlib.compress(bytes(512 * MIB), 9)
    yield "zip bomb", (bomb, {"Content-Type": PROTOBUF, "Content-Encoding": "deflate"})
    twice = gzip.compress(gzip.compress(bytes(256 * MIB)))
    yield "bomb in a bomb", (twice, {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"})
