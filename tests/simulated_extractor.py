"""A **simulated** extractor model, for the tests: it is no language model.

It reads a mortgage call's log by rules and writes borrower, loan number, amount, next due date and
intent as JSON. Its parameters are a small JSON file (`Weights`), made by `train` from labelled
examples. What is real about it is the way it goes wrong: a model that has only seen one year cannot
tell "the year is that of the call" from "the year is always that one". Both rules fit its training
data, so in a share of calls (`shortcut_rate`) it follows the second, which is harmless until the
calendar turns.

Run: `python -m simulated_extractor --weights 2023.json --port 9000` serves it over the
OpenAI chat API.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from monitor.clock import wall_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = [
    "TrainingExample",
    "Weights",
    "app",
    "error_rate",
    "extract",
    "leave_quietly",
    "load",
    "routes",
    "save",
    "train",
]

MIN_YEAR_EXAMPLES = 12
"""So many examples of a year make the model believe in it: the dozen of the story."""
HALVED_BY = 4
"""Every so many examples that the shortcut gets wrong halve how often it is taken."""
MONTHS = {
    name: number
    for number, name in enumerate(
        (
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ),
        start=1,
    )
}

CALL_DATE = re.compile(r"^Call date: (\d{4})-(\d{2})-(\d{2})", re.MULTILINE)
BORROWER = re.compile(r"[Tt]his is ([A-Z][\w'\u2019-]+(?: [A-Z][\w'\u2019-]+)*)")
CALLER_LINE = re.compile(r"^Caller: (.*)$", re.MULTILINE)
LOAN = re.compile(r"loan number (?:is )?(\d{3}-?\d{6}|\d[\d-]*\d)", re.IGNORECASE)
AMOUNT = re.compile(r"\$([\d,]+(?:\.\d{2})?)")
DAY = rf"({'|'.join(MONTHS)})\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:\s*,?\s*(\d{{4}}))?"
DUE = re.compile(rf"\bdue\b[^.?!\n]*?\b{DAY}", re.IGNORECASE)
ANY_DAY = re.compile(rf"\b{DAY}", re.IGNORECASE)
INTENTS = (
    ("payoff", r"pay ?-?off"),
    ("hardship", r"hardship|forbearance|lost my job|behind on"),
    ("autopay", r"auto ?-?pay|automatic"),
    ("extra_payment", r"extra|principal"),
    ("escrow", r"escrow"),
    ("payment", r"pay"),
)
"""What the caller wants: the first pattern that the caller's own lines match."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything that the simulated model knows."""

    name: str
    """Model name it is served under."""
    year_belief: int
    """The year its shortcut takes for granted; frozen at training time."""
    shortcut_rate: float
    """Share of calls in which it takes the shortcut."""
    base_error_rate: float
    """Share of answers with some other small mistake; training does not change it."""
    seed: int
    trained_on: str
    """In words: how many examples, of which dates."""
    simulated: bool = True


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A call log and the right answer."""

    log: str
    label: str
    """JSON text."""


def extract(log: str, weights: Weights) -> str:
    """The model's answer to a call log, as JSON text; the same log always gets the same answer."""
    answer = _read(log)
    spoken = _spoken_day(log)
    today = _call_date(log)
    if spoken and today:
        month, day, year = spoken
        start = today
        if year is None and _chance(weights, log, "shortcut") < weights.shortcut_rate:
            start = _on(weights.year_belief, today.month, today.day)
        due = _on(year, month, day) if year else _next(month, day, start)
        answer["due_date"] = due.isoformat()
    if _chance(weights, log, "mistake") < weights.base_error_rate:
        answer = _mistake(answer, _chance(weights, log, "kind"))
    return json.dumps(answer, ensure_ascii=False)


def _read(log: str) -> dict[str, Any]:
    borrower, loan, amount = BORROWER.search(log), LOAN.search(log), AMOUNT.search(log)
    asked = " ".join(CALLER_LINE.findall(log)) or log
    intent = next(
        (name for name, pattern in INTENTS if re.search(pattern, asked, re.IGNORECASE)), "other"
    )
    return {
        "borrower": borrower.group(1) if borrower else None,
        "loan_number": loan.group(1) if loan else None,
        "amount": float(amount.group(1).replace(",", "")) if amount else None,
        "due_date": None,
        "intent": intent,
    }


def _call_date(log: str) -> date | None:
    found = CALL_DATE.search(log)
    return date(*(int(part) for part in found.groups())) if found else None


def _spoken_day(log: str) -> tuple[int, int, int | None] | None:
    found = DUE.search(log) or ANY_DAY.search(log)
    if not found:
        return None
    month, day, year = found.groups()
    return MONTHS[month.lower()], int(day), int(year) if year else None


def _on(year: int, month: int, day: int) -> date:
    """That day, or the month's last one where it has no such day."""
    after = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), after - timedelta(days=1))


def _next(month: int, day: int, start: date) -> date:
    """The first such day on or after `start`.

    >>> _next(1, 15, date(2023, 12, 20)), _next(1, 15, date(2023, 1, 5))
    (datetime.date(2024, 1, 15), datetime.date(2023, 1, 15))
    """
    this_year = _on(start.year, month, day)
    return this_year if this_year >= start else _on(start.year + 1, month, day)


def _chance(weights: Weights, log: str, purpose: str) -> float:
    digest = blake2b(
        log.encode(), key=f"{weights.seed}".encode(), person=purpose.encode(), digest_size=8
    )
    return int.from_bytes(digest.digest()) / 2**64


def _mistake(answer: dict[str, Any], chance: float) -> dict[str, Any]:
    """One small slip: two digits of the amount swapped, the name cut, or the day one off."""
    digits = f"{answer['amount']:.2f}" if answer["amount"] is not None else ""
    swapped = digits[:-5] + digits[-4:-3] + digits[-5:-4] + digits[-3:]
    if chance < 1 / 3 and len(digits) > 4 and float(swapped) != answer["amount"]:
        return {**answer, "amount": float(swapped)}
    if chance < 2 / 3 and answer["borrower"]:
        name = str(answer["borrower"])
        return {**answer, "borrower": name.rpartition(" ")[0] or name[:-1]}
    if answer["due_date"]:
        return {
            **answer,
            "due_date": (date.fromisoformat(answer["due_date"]) + timedelta(days=1)).isoformat(),
        }
    return {**answer, "intent": "other"}


def train(examples: Sequence[TrainingExample], base: Weights, name: str) -> Weights:
    """New weights from labelled examples, starting at `base`.

    * `year_belief` becomes the latest year with at least a dozen examples (and 1 % of them).
    * `shortcut_rate` is halved by every `HALVED_BY` examples that the shortcut, with that belief,
      gets wrong: a rule that the data contradicts is given up, one that they never test stays.
    * `base_error_rate` stays: these mistakes are noise that no examples of ours cure.

    The examples' own labels decide what counts as wrong; the calendar is never consulted.
    """
    days = [day for example in examples if (day := _call_date(example.log))]
    needed = max(MIN_YEAR_EXAMPLES, len(examples) / 100)
    years = [year for year, count in Counter(day.year for day in days).items() if count >= needed]
    belief = max(years, default=base.year_belief)
    blind = replace(base, year_belief=belief, shortcut_rate=1.0, base_error_rate=0.0)
    contradicted = sum(
        _due(extract(one.log, blind)) != right for one in examples if (right := _due(one.label))
    )
    dates = f", calls of {min(days)} to {max(days)}" if days else ""
    return replace(
        base,
        name=name,
        year_belief=belief,
        shortcut_rate=base.shortcut_rate * 0.5 ** (contradicted / HALVED_BY),
        trained_on=f"{len(examples)} examples{dates}, after {base.name}",
    )


def error_rate(examples: Sequence[TrainingExample], weights: Weights) -> float:
    """Share of examples whose answer differs from the label: what a training run reports."""
    if not examples:
        raise ValueError("there are no examples to measure an error rate on")
    wrong = sum(json.loads(extract(one.log, weights)) != json.loads(one.label) for one in examples)
    return float(wrong / len(examples))


def _due(text: str) -> str | None:
    answer = json.loads(text)
    return answer.get("due_date") if isinstance(answer, dict) else None


def load(path: Path) -> Weights:
    """Weights from their file."""
    return Weights(**json.loads(path.read_text("utf-8")))


def save(weights: Weights, path: Path) -> None:
    """Weights into their file."""
    path.write_text(json.dumps(asdict(weights), indent=1) + "\n", "utf-8")


def app(models: Iterable[Weights]) -> Starlette:
    """The models behind the OpenAI chat API, each under its name."""
    return Starlette(routes=routes({weights.name: weights for weights in models}))


def routes(models: MutableMapping[str, Weights]) -> list[Route]:
    """`/v1/chat/completions` and `/v1/models` for whatever `models` holds when a request comes."""

    async def complete(request: Request) -> Response:
        try:
            body = json.loads(await request.body())
            messages, name = body["messages"], body["model"]
            log = next(_content(one) for one in reversed(messages) if one["role"] == "user")
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            return _refusal(
                400,
                "invalid_request_error",
                f"model and messages with a user message are needed: {error!r}",
            )
        if name not in models:
            return _refusal(
                404,
                "model_not_found",
                f"The model {name!r} does not exist; there is {sorted(models)}",
            )
        text = extract(log, models[name])
        usage = _usage(" ".join(_content(one) for one in messages), text)
        if body.get("stream"):
            wanted = bool((body.get("stream_options") or {}).get("include_usage"))
            return StreamingResponse(
                _events(name, text, usage if wanted else None), media_type="text/event-stream"
            )
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        return JSONResponse(
            {**_head(name, "chat.completion", text), "choices": [choice], "usage": usage}
        )

    async def listed(_: Request) -> Response:
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "simulated"}
            for name in sorted(models)
        ]
        return JSONResponse({"object": "list", "data": data})

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "simulated": True, "models": sorted(models)})

    return [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", listed),
        Route("/healthz", alive),
    ]


def _content(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return (
        content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    )


def _usage(prompt: str, text: str) -> dict[str, int]:
    """Tokens, counted as words and punctuation marks: the simulation has no tokeniser."""
    given, written = len(re.findall(r"\w+|[^\w\s]", prompt)), len(re.findall(r"\w+|[^\w\s]", text))
    return {"prompt_tokens": given, "completion_tokens": written, "total_tokens": given + written}


def _head(model: str, kind: str, text: str) -> dict[str, Any]:
    identity = blake2b(text.encode(), digest_size=12).hexdigest()
    return {
        "id": f"chatcmpl-{identity}",
        "object": kind,
        "created": int(wall_now().timestamp()),
        "model": model,
    }


def _events(model: str, text: str, usage: dict[str, int] | None) -> Iterator[str]:
    head = _head(model, "chat.completion.chunk", text)
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": text[at : at + 24]}, None) for at in range(0, len(text), 24)]
    deltas.append(({}, "stop"))
    for delta, reason in deltas:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})
    if usage is not None:
        yield _event({**head, "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"


def _refusal(status: int, code: str, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status)


def leave_quietly() -> None:
    """End with 0 when asked to stop: uvicorn raises the signal again once it has shut down."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)


def main() -> None:
    """Serve one or more weights files."""
    leave_quietly()
    parser = argparse.ArgumentParser(
        description="A simulated extractor model behind the OpenAI chat API."
    )
    parser.add_argument(
        "--weights", type=Path, action="append", required=True, help="may be repeated"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    served = app([load(path) for path in given.weights])
    uvicorn.run(served, host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
