"""A **simulated** judge behind the real OpenAI chat-completions protocol: it is no language model.

It judges one thing, the due date in the mortgage story: it reads the call log and the extraction
out of the prompt, and a due date is plausible when it lies less than 31 days before and less than
62 days after the day of the call. It errs like a judge: of wrong dates it calls `sensitivity`
wrong, of right ones it calls `specificity` right, by a hash of seed, question, log and answer, so
that the same call is always judged the same way. Every reply says that it is simulated.

Run it with `python -m monitor.standins.llm --port 8901 --seed 7`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import orjson
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from monitor.clock import wall_now
from monitor.standins.loopback import LoopbackServer, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

__all__ = ["MODEL", "JudgeStandin", "SimulatedJudge", "judge_app"]

MODEL = "judge-stand-in"
SIMULATED = "Simulated judge:"
BEFORE, AFTER = timedelta(days=31), timedelta(days=62)
CALL_DATE = re.compile(r"Call date:\s*(\d{4}-\d{2}-\d{2}|\d{2}/\d{2}/\d{4})")
QUESTION = re.compile(r"^Question:\s*(.+?)\s*(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
CASE = re.compile(r"<<<input .*?<<<answer .*?\n(?=answer [0-9a-f]{16}>>>)", re.DOTALL)
"""The call log and the answer, as `judges/prompts/question.md` sets them."""
FAULT = re.compile(r"\b(wrong|incorrect|mistaken?|errors?|faults?|slips?)\b", re.IGNORECASE)
MERIT = re.compile(r"\b(right|correct|plausible|free of|without|no)\b", re.IGNORECASE)
MARK = re.compile(r"\b[0-9a-f]{16}\b")
CHARACTERS_PER_TOKEN = 4

Answer = Literal["yes", "no", "na"]


@dataclass
class SimulatedJudge:
    """How it errs; change `busy`, `garbled` or `refuses` to make it misbehave."""

    seed: int = 0
    sensitivity: float = 0.9
    """Share of wrong dates that it calls wrong."""
    specificity: float = 0.99
    """Share of right dates that it calls right."""
    api_key: str | None = None
    """When set, a request without it is answered 401."""
    refuses: set[str] = field(default_factory=set)
    """What it answers 400 to: `json_schema`, `json_object`, or a parameter's name."""
    busy: int = 0
    """How many of the next requests are answered 429."""
    garbled: int = 0
    """How many of the next replies hold no verdict."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Every request body that was answered, oldest first."""

    def verdict(self, prompt: str) -> tuple[Answer, str]:
        """Its answer to the question in the prompt, and why."""
        case, question = _case(prompt), _question(prompt)
        called, extraction = _called(case), _extraction(case)
        if called is None or extraction is None or extraction["due_date"] is None:
            return "na", f"{SIMULATED} there is no due date, or no date of the call, to compare."
        due = _day(extraction["due_date"])
        wrong = due is None or not called - BEFORE < due < called + AFTER
        truthful = self._chance(question, case) < (self.sensitivity if wrong else self.specificity)
        says_wrong = wrong if truthful else not wrong
        about_fault = FAULT.search(question) and not MERIT.search(question)
        yes = says_wrong if about_fault else not says_wrong
        said = f"due date {extraction['due_date']} is {'not ' if says_wrong else ''}plausible"
        return ("yes" if yes else "no"), f"{SIMULATED} {said} for a call on {called}."

    def _chance(self, question: str, case: str) -> float:
        said = MARK.sub("", f"{question}\n{case}")  # the marks are drawn afresh for every call
        digest = hashlib.sha256(f"{self.seed}:{said}".encode()).hexdigest()
        return int(digest[:16], 16) / 2**64


class JudgeStandin(LoopbackServer):
    """The stand-in on a thread: `with JudgeStandin(port=0, seed=7) as judge: judge.base_url`."""

    def __init__(
        self, *, port: int = 0, seed: int = 0, sensitivity: float = 0.9, specificity: float = 0.99
    ) -> None:
        self.judge = SimulatedJudge(seed, sensitivity, specificity)
        super().__init__(judge_app(self.judge), port=port)

    @property
    def base_url(self) -> str:
        """What `OUTERLOOP_JUDGE_BASE_URL` has to be."""
        return f"{self.url}/v1"


def judge_app(judge: SimulatedJudge) -> Starlette:
    """The stand-in's HTTP side."""

    async def complete(request: Request) -> JSONResponse:
        if judge.api_key and request.headers.get("authorization") != f"Bearer {judge.api_key}":
            return _error(401, "Incorrect API key provided.", "invalid_api_key")
        if judge.busy > 0:
            judge.busy -= 1
            return _error(429, "Rate limit reached.", "rate_limit_exceeded")
        try:
            body = orjson.loads(await request.body())
            prompt = _prompt(body)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            return _error(400, f"This is no chat completion request: {error}", "invalid_request")
        if refused := _refused(judge, body):
            return _error(400, f"Unsupported parameter: '{refused}'.", "unsupported_parameter")
        judge.requests.append(body)
        if judge.garbled > 0:
            judge.garbled -= 1
            return JSONResponse(_completion(body, prompt, "I would rather give it 5 out of 5."))
        answer, reason = judge.verdict(prompt)
        return JSONResponse(_completion(body, prompt, _content(body, answer, reason)))

    async def models(_: Request) -> JSONResponse:
        one = {"id": MODEL, "object": "model", "created": 0, "owned_by": "simulation"}
        return JSONResponse({"object": "list", "data": [one]})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
        ]
    )


def _prompt(body: Mapping[str, Any]) -> str:
    texts = []
    for message in body["messages"]:
        if message["role"] == "assistant":  # its own earlier reply
            continue
        content = message["content"]
        if not isinstance(content, str):
            content = "\n".join(part["text"] for part in content if part["type"] == "text")
        texts.append(content)
    return "\n".join(texts)


def _refused(judge: SimulatedJudge, body: Mapping[str, Any]) -> str:
    form = (body.get("response_format") or {}).get("type", "")
    if body.get("stream"):
        return "stream"
    if form in judge.refuses:
        return f"response_format {form}"
    return next((name for name in judge.refuses if name in body), "")


def _case(prompt: str) -> str:
    found = CASE.search(prompt)
    return found.group() if found else prompt


def _called(prompt: str) -> date | None:
    found = CALL_DATE.search(prompt)
    return _day(found.group(1)) if found else None


def _question(prompt: str) -> str:
    found = QUESTION.search(prompt)
    return found.group(1) if found else ""


def _extraction(prompt: str) -> dict[str, Any] | None:
    """The last JSON object with a due date: the answer stands after the log."""
    found = [one for one in _objects(prompt) if "due_date" in one]
    return found[-1] if found else None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder, position = json.JSONDecoder(), text.find("{")
    while position >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
            yield value
        except ValueError:
            position += 1
        position = text.find("{", position)


def _day(text: object) -> date | None:
    """A day as ISO 8601 has it, or as month/day/year."""
    said = str(text)[:10]
    try:
        return (
            datetime.strptime(said, "%m/%d/%Y").replace(tzinfo=UTC).date()
            if "/" in said
            else date.fromisoformat(said)
        )
    except ValueError:
        return None


def _content(body: Mapping[str, Any], answer: Answer, reason: str) -> str:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(_fill(form["json_schema"]["schema"], answer, reason))
    if form.get("type") == "json_object":
        return json.dumps({"verdict": answer, "reason": reason})
    return f"{reason}\nVERDICT: {answer}"


def _fill(schema: Mapping[str, Any], answer: Answer, reason: str) -> dict[str, Any]:
    """An object of the wanted shape: the verdict where it fits, the reason in any other text."""
    filled: dict[str, Any] = {}
    for name, wanted in schema.get("properties", {}).items():
        offered = [one for one in wanted.get("enum", ()) if str(one).lower() == answer]
        if offered:
            filled[name] = offered[0]
        elif wanted.get("type") == "boolean":
            filled[name] = answer == "yes"
        elif wanted.get("type") in {"number", "integer"}:
            filled[name] = int(answer == "yes")
        else:
            filled[name] = reason
    return filled


def _completion(body: Mapping[str, Any], prompt: str, content: str) -> dict[str, Any]:
    asked = len(prompt) // CHARACTERS_PER_TOKEN + 1
    said = len(content) // CHARACTERS_PER_TOKEN + 1
    message = {"role": "assistant", "content": content, "refusal": None}
    identifier = hashlib.sha256(f"{prompt}{content}".encode()).hexdigest()[:24]
    return {
        "id": f"chatcmpl-{identifier}",
        "object": "chat.completion",
        "created": int(wall_now().timestamp()),
        "model": body.get("model", MODEL),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": said,
            "total_tokens": asked + said,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "system_fingerprint": "simulation",
    }


def _error(status: int, message: str, code: str) -> JSONResponse:
    kind = "invalid_request_error" if status < 429 else "requests"
    said = {"message": message, "type": kind, "param": None, "code": code}
    headers = {"Retry-After": "0"} if status == 429 else None
    return JSONResponse({"error": said}, status_code=status, headers=headers)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="simulated judge on loopback; no language model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sensitivity", type=float, default=0.9)
    parser.add_argument("--specificity", type=float, default=0.99)
    given = parser.parse_args()
    judge = SimulatedJudge(given.seed, given.sensitivity, given.specificity)
    serve(judge_app(judge), port=given.port)


if __name__ == "__main__":
    main()
