"""What masking costs: spans with 1.5 KB of prose, decoded and serialised with and without it, in turns."""

from __future__ import annotations

import random
import statistics
import time
from collections import defaultdict
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.masking.lines import WORDS
from benchmarks.masking.values import VALUES
from collector.masking import Masking
from monitor.settings import Settings, load_settings

__all__ = ["cost", "costs", "requests", "settings"]


def settings(mode: str) -> Settings:
    """The settings of a mode."""
    return load_settings(mask=mode, mask_secret="benchmark")


def _prose(rng: random.Random, chars: int) -> str:
    return " ".join(rng.choices(WORDS, k=chars // 6))[:chars]


def requests(rng: random.Random, *, number: int, spans: int, share: float) -> list[bytes]:
    """OTLP bodies; `share` of the spans hold a value."""
    bodies = []
    for _ in range(number):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _set(group.resource, {"service.name": "shop", "host.name": "bench"})
        scoped = group.scope_spans.add()
        for _ in range(spans):
            span = scoped.spans.add(
                trace_id=rng.randbytes(16), span_id=rng.randbytes(8), name="chat gpt-4o",
                start_time_unix_nano=1_700_000_000 * 10**9, end_time_unix_nano=1_700_000_001 * 10**9,
            )  # fmt: skip
            prompt = _prose(rng, 1000)
            if rng.random() < share:
                prompt += " " + VALUES["email"](rng) + " or " + VALUES["phone"](rng)
            _set(span, {
                "input.value": prompt, "output.value": _prose(rng, 500), "openinference.span.kind": "LLM",
                "session.id": f"sess-{rng.getrandbits(48):012x}", "user.id": f"user-{rng.randrange(500)}",
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "gpt-4o",
                "gen_ai.response.id": f"chatcmpl-{rng.getrandbits(96):024x}", "llm.model_name": "gpt-4o",
                "gen_ai.usage.input_tokens": 250, "gen_ai.usage.output_tokens": 120,
                "llm.token_count.prompt": 250, "llm.token_count.completion": 120, "input.mime_type": "text/plain",
            })  # fmt: skip
        bodies.append(request.SerializeToString())
    return bodies


def _set(holder: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        pair = holder.attributes.add(key=key)
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def cost(bodies: list[bytes], spans: int, masking: Masking | None, *, rounds: int) -> float:
    """Microseconds of processor time a span: decode, mask, serialise; the median of the rounds."""
    took = []
    for _ in range(rounds):
        begun = time.process_time()
        for body in bodies:
            request = ExportTraceServiceRequest.FromString(body)
            if masking is not None:
                masking.apply("traces", request)
            request.SerializeToString()
        took.append((time.process_time() - begun) / len(bodies) / spans * 1e6)
    return statistics.median(took)


def costs(rng: random.Random, *, quick: bool) -> list[dict[str, Any]]:
    """What each mode costs, where no span, one in ten and every span holds an address and a number."""
    rows = []
    number, spans, rounds = (2, 256, 3) if quick else (8, 512, 7)
    maskings = {m: Masking.from_settings(settings(m)) for m in ("off", "on", "drop-content")}
    for share in (0.0, 0.1, 1.0):
        bodies = requests(rng, number=number, spans=spans, share=share)
        took = defaultdict(list)
        for _ in range(2):  # in turns; the first warms up
            for mode, masking in maskings.items():
                took[mode].append(cost(bodies, spans, masking, rounds=rounds))
        for mode in maskings:
            us = took[mode][-1]
            rows.append({"mode": mode, "spans with values": share, "us_per_span": us,
                         "spans_per_s": 1e6 / us, "ratio": us / took["off"][-1]})  # fmt: skip
    return rows
