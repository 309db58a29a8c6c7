# ruff: noqa: E501 - one line is one kind of value
"""How well masking recognises, and what it costs; one command, fixed seed.

    python benchmarks/masking.py [--quick] [--seed 1] [--json]

Quality: values made by rule (with right check digits) are put into prose, JSON, code and log lines,
beside hard negatives that look like them. A value counts as found when nothing of it is left; a
false alarm is anything masked in a line without values. Cost: spans with 1.5 KB of prose, decoded
and serialised with and without masking, in turns, in the same run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pydoc_data.topics import topics
from string import ascii_letters, ascii_uppercase, digits, hexdigits
from typing import Any

import phonenumbers
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.masking import Masking
from collector.masking.accounts import IBAN_LENGTHS, is_card
from collector.masking.checksums import codice_fiscale, iban, luhn, verhoeff
from collector.masking.identities import DNI_LETTERS
from monitor.settings import Settings, load_settings

WORDS = [word for page in topics.values() for word in page.split() if word.isalpha()]
REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL")
FRAMES = (
    "Please note {} for the file, thanks.",
    '{{"role": "user", "content": "it is {}", "n": 3}}',
    '[{{"a": "line one\\nline two {}\\nthree"}}]',
    "value = lookup('{}')  # checked",
    "2024-01-05T12:34:56.789Z INFO worker-3 request id=7f3a got {} in 12 ms",
    "({}) and so on",
)
HINTS = {
    "phone": "call {}",
    "us_ssn": "SSN {}",
    "nl_bsn": "BSN {}",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A text with what is known about it."""

    text: str
    """The text."""
    kind: str
    """The recogniser that should find the value, or the kind of negative."""
    value: str
    """The value, empty in a negative."""


def _digits(rng: random.Random, number: int) -> str:
    return "".join(rng.choices(digits, k=number))


def _until(make: Callable[[], str], accept: Callable[[str], bool]) -> str:
    return next(value for value in iter(make, None) if value is not None and accept(value))


def _email(rng: random.Random) -> str:
    name = rng.choice(("ann.lee", "o'neil", "x_y", "j+tag", "MARIA", "jürgen", "li.wei88"))
    host = rng.choice(("example.com", "mail.co.uk", "sub.firma.de", "müller.de", "a-b.io"))
    return f"{name}{rng.randrange(100)}@{host}"


def _phone(rng: random.Random) -> str:
    region = rng.choice(REGIONS)
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    example = phonenumbers.example_number_for_type(region, rng.choice(kinds))
    number = phonenumbers.PhoneNumber(
        country_code=example.country_code, national_number=example.national_number
    )
    style = rng.choice((
        phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL,
        phonenumbers.PhoneNumberFormat.E164,
    ))  # fmt: skip
    return str(phonenumbers.format_number(number, style))


def _card(rng: random.Random) -> str:
    start, length = rng.choice((("4", 16), ("5", 16), ("37", 15), ("6011", 16), ("2221", 16)))
    number = _until(lambda: start + _digits(rng, length - len(start)), is_card)
    mark = rng.choice(("", " ", "-"))
    cuts = (0, 4, 10, 15) if length == 15 else (0, 4, 8, 12, 16)
    return mark.join(number[a:b] for a, b in pairwise(cuts))


def _iban(rng: random.Random) -> str:
    code = rng.choice(("DE", "GB", "FR", "NL", "ES", "IT", "CH"))
    bank = rng.choices(ascii_uppercase, k=4) if code in ("GB", "NL") else rng.choices(digits, k=4)
    body = "".join(bank) + _digits(rng, IBAN_LENGTHS[code] - 8)
    number = next(v for n in range(100) if iban(v := f"{code}{n:02}{body}"))
    if rng.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def _steuer_id(rng: random.Random) -> str:
    from collector.masking.identities import NATIONAL_IDS  # noqa: PLC0415 - the rule under test
    from collector.masking.recogniser import Candidate  # noqa: PLC0415 - the same

    rule = next(r for r in NATIONAL_IDS if r.name == "de_steuer_id")
    return _until(
        lambda: str(rng.randrange(1, 10)) + _digits(rng, 10),
        lambda v: rule.verify(Candidate(v.encode(), 0, 11, "")) is not None,
    )


def _nir(rng: random.Random) -> str:
    body = f"{rng.choice('12')}{rng.randrange(100):02}{rng.randrange(1, 13):02}{_digits(rng, 8)}"
    key = f"{97 - int(body) % 97:02}"
    if rng.random() < 0.5:
        return body + key
    cuts = (0, 1, 3, 5, 7, 10, 13)
    return " ".join([body[a:b] for a, b in pairwise(cuts)] + [key])


def _codice(rng: random.Random) -> str:
    body = f"{''.join(rng.choices(ascii_uppercase, k=6))}{_digits(rng, 2)}{rng.choice('ABCDEHLMPRST')}{_digits(rng, 2)}A{_digits(rng, 3)}"
    return next(v for letter in ascii_uppercase if codice_fiscale(v := body + letter))


def _dni(rng: random.Random) -> str:
    number = rng.randrange(10**8)
    return f"{number:08}{DNI_LETTERS[number % 23]}"


def _secret(rng: random.Random) -> str:
    text = "".join(rng.choices(ascii_letters + digits, k=48))
    return rng.choice((
        f"sk-proj-{text}", f"sk-ant-api03-{text}", f"ghp_{text[:36]}", f"AKIA{text[:16].upper()}",
        f"xoxb-{_digits(rng, 11)}-{text[:24]}", f"AIza{text[:35]}",
    ))  # fmt: skip


def _assigned(rng: random.Random) -> str:
    return "".join(rng.choices(ascii_letters + digits, k=32)) + "7"


def _grouped(
    rng: random.Random, first: str, accept: Callable[[str], bool], *, size: int, mark: str
) -> str:
    """Three groups of digits with a right check digit."""
    number = _until(lambda: rng.choice(first) + _digits(rng, 3 * size - 1), accept)
    return mark.join(number[i : i + size] for i in range(0, 3 * size, size))


VALUES: dict[str, Callable[[random.Random], str]] = {
    "email": _email,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "us_ssn": lambda r: f"{r.randrange(1, 600):03}-{r.randrange(1, 99):02}-{r.randrange(1, 9999):04}".replace("666-", "667-"),
    "uk_nino": lambda r: f"{r.choice('ABCEHJ')}{r.choice('ABCEHJ')} {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)} C",
    "de_steuer_id": _steuer_id,
    "fr_nir": _nir,
    "es_dni": _dni,
    "it_codice_fiscale": _codice,
    "in_aadhaar": lambda r: _grouped(r, "23456789", verhoeff, size=4, mark=" "),
    "ca_sin": lambda r: _grouped(r, "1234567", luhn, size=3, mark="-"),
    "ip": lambda r: r.choice((f"{r.randrange(1, 224)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}".replace("127.", "128.", 1), f"2001:db8:{r.randrange(1, 65536):x}::{r.randrange(16, 65536):x}")),
    "api_key": _secret,
    "jwt": lambda r: f"eyJ{''.join(r.choices(ascii_letters, k=20))}.eyJ{''.join(r.choices(ascii_letters, k=40))}.{''.join(r.choices(ascii_letters, k=43))}",
    "assigned_secret": _assigned,
    "password": lambda r: "".join(r.choices(ascii_letters + digits + "!#", k=12)),
    "url_password": lambda r: "".join(r.choices(ascii_letters + digits, k=12)),
}  # fmt: skip
ASSIGNED = {
    "assigned_secret": ('"api_key": "{}"', "client_secret={}", "X-Auth-Token: {}", '\\"token\\": \\"{}\\"'),
    "password": ("password={}", '"passwd": "{}"', "DB_PASSWORD='{}'"),
    "url_password": ("postgres://app:{}@db.internal:5432/main", "redis://:{}@cache/0"),
}  # fmt: skip


def _negatives(rng: random.Random) -> dict[str, str]:
    """Things that look like values."""
    hexa = "".join(rng.choices(hexdigits.lower(), k=32))
    return {
        "timestamp": rng.choice((f"17{_digits(rng, 8)}", f"17{_digits(rng, 11)}", f"17{_digits(rng, 17)}")),
        "date": f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        "european date": f"{rng.randrange(1, 29):02}.{rng.randrange(1, 13):02}.20{rng.randrange(10, 30)}",
        "uuid": f"{hexa[:8]}-{hexa[8:12]}-4{hexa[13:16]}-a{hexa[17:20]}-{hexa[20:]}",
        "trace id": hexa,
        "order number": rng.choice((f"ORD-{_digits(rng, 8)}", f"#{_digits(rng, 10)}", f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, 7)}")),
        "plain number": str(rng.randrange(10 ** rng.randrange(6, 16))),
        "version": f"v{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(99)}",
        "price": f"${rng.randrange(1, 999)},{rng.randrange(1000):03}.{rng.randrange(100):02}",
        "numbers": f"[{rng.random():.6f}, {rng.random() * 100:.4f}, {rng.randrange(10**6)}]",
        "usage": f'{{"prompt_tokens": {rng.randrange(9999)}, "max_tokens": 1024, "total_tokens": {rng.randrange(99999)}}}',
        "response id": f"chatcmpl-{''.join(rng.choices(ascii_letters + digits, k=29))}",
        "bad card": _until(lambda: "4" + _digits(rng, 15), lambda v: not is_card(v)),
        "time": f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        "code": rng.choice(("x[1::2]", "std::vector<int>", "@property", "icon@2x.png", "pip install a==1.2.3", "git@github.com:o/r.git", "a @ b", "token = next(tokens)", "password: str", "def secret(self):", "bearer of bad news")),
        "prose": " ".join(rng.choices(WORDS, k=20)),
    }  # fmt: skip


def lines(rng: random.Random, number: int) -> list[Line]:
    """The labelled set: `number` lines of each recogniser and of each kind of negative."""
    made = []
    for kind, value_of in VALUES.items():
        for _ in range(number):
            value = value_of(rng)
            if kind in ASSIGNED:
                template = rng.choice(ASSIGNED[kind])
                made.append(Line(template.replace("{}", value), kind, value))
                continue
            shown = value
            if kind in HINTS and rng.random() < 0.5:
                shown = HINTS[kind].format(value)
            made.append(Line(rng.choice(FRAMES).format(shown), kind, value))
    for _ in range(number):
        for kind, text in _negatives(rng).items():
            frame = rng.choice(FRAMES).replace("2024-01-05T12:34:56.789Z ", "")
            made.append(Line(frame.format(text) if "{" not in text else text, kind, ""))
    return made


def quality(masking: Masking, made: list[Line]) -> list[dict[str, Any]]:
    """Precision and recall by recogniser, and the share of negatives that were touched."""
    policy = masking._default  # noqa: SLF001 - measured alone, without the message around it
    assert policy is not None
    found, total, wrong = Counter[str](), Counter[str](), Counter[str]()
    touched, negatives = Counter[str](), Counter[str]()
    for line in made:
        counts = Counter[str]()
        text = policy.scanner.mask(line.text, "", counts)
        if not line.value:
            negatives[line.kind] += 1
            touched[line.kind] += bool(counts)
            wrong.update(counts.keys())
            continue
        total[line.kind] += 1
        found[line.kind] += line.value not in text and (counts[line.kind] > 0 or bool(counts))
        wrong.update(name for name in counts if name != line.kind)
    rows = [
        {"kind": k, "recall": found[k] / total[k], "lines": total[k],
         "precision": found[k] / max(1, found[k] + wrong[k]), "wrong": wrong[k]}
        for k in total
    ]  # fmt: skip
    extra = [{"kind": k, "touched": touched[k] / n, "lines": n} for k, n in negatives.items()]
    return rows + extra


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
                prompt += " " + _email(rng) + " or " + _phone(rng)
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


def _settings(mode: str) -> Settings:
    return load_settings(mask=mode, mask_secret="benchmark")


def costs(rng: random.Random, *, quick: bool) -> list[dict[str, Any]]:
    """What each mode costs, where no span, one in ten and every span holds an address and a number."""
    rows = []
    number, spans, rounds = (2, 256, 3) if quick else (8, 512, 7)
    maskings = {m: Masking.from_settings(_settings(m)) for m in ("off", "on", "drop-content")}
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


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    masking = Masking.from_settings(_settings("on"))
    assert masking is not None
    rows = quality(masking, lines(rng, 100 if options.quick else 2000))
    prices = costs(rng, quick=options.quick)
    if options.json:
        print(json.dumps({"quality": rows, "cost": prices}))
        return 0
    for row in rows:
        if "recall" in row:
            print(
                f"{row['kind']:<20} recall {row['recall']:.4f}  precision {row['precision']:.4f}  ({row['lines']} lines, {row['wrong']} wrong)"
            )
        else:
            print(f"not: {row['kind']:<15} touched {row['touched']:.4f}  ({row['lines']} lines)")
    for row in prices:
        print(
            f"{row['mode']:<13} values in {row['spans with values']:>4.0%} of spans: {row['us_per_span']:6.1f} us/span, {row['spans_per_s']:>9,.0f} spans/s, {row['ratio']:.1f} x decode+serialise"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
