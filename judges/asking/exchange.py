"""One request and its answer: retried where that helps, paced, and counted for what it cost."""

from __future__ import annotations

import asyncio
import email.utils
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openai

from judges.asking.pace import Outcome, Pace, TooLateError, nap
from judges.interaction import Failure, Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from numpy.random import Generator

    from judges.asking.prices import Price

__all__ = ["ATTEMPTS", "FailedError", "Purse", "Said", "exchange", "heard"]

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
LONGEST_RETRY_AFTER_S = 120.0
"""An endpoint that wants to be left alone for longer is as good as gone."""
REFUSED, TROUBLED = 429, frozenset({408, 409, 500, 502, 503, 504, 520, 522, 524, 529})
UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})
"""What went wrong before a request was sent, and cannot have been billed."""
FILTERED = frozenset({"content_filter", "content_policy_violation"})
OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class FailedError(Exception):
    """There is no answer, and asking again does not help."""

    def __init__(self, reason: str, status: Failure = "error") -> None:
        super().__init__(reason)
        self.status: Failure = status


@dataclass(slots=True)
class Purse:
    """What one question has cost so far, and how many requests may still be billed for it."""

    model: str
    price: Price | None
    billable: int
    usage: Usage = field(default_factory=Usage)

    def pay(self, body: Mapping[str, Any]) -> None:
        """Count an answer; one without a usage makes the whole unknown, not smaller."""
        self.billable -= 1
        told = body.get("usage") or {}
        read, said = told.get("prompt_tokens"), told.get("completion_tokens")
        if not isinstance(read, int) or not isinstance(said, int):
            read = said = cost_usd = None
        elif self.price is None:
            cost_usd = None
        else:
            cost_usd = self.price.cost(
                read,
                said,
                cached_tokens=_detail(told, "prompt_tokens_details", "cached_tokens"),
                reasoning_tokens=_detail(told, "completion_tokens_details", "reasoning_tokens"),
            )
        self.usage = self.usage.plus(Usage(self.model, read, said, cost_usd, requests=1))

    def lose(self) -> None:
        """Count a request that got no answer: nobody knows whether it was billed."""
        self.billable -= 1
        self.usage = self.usage.plus(Usage(self.model, None, None, None, requests=1))


def _detail(told: Mapping[str, Any], group: str, name: str) -> int:
    value = (told.get(group) or {}).get(name)
    return value if isinstance(value, int) else 0


async def exchange(
    send: Callable[[], Awaitable[Any]],
    *,
    pace: Pace,
    purse: Purse,
    rng: Generator,
    timeout_s: float,
) -> Mapping[str, Any]:
    """The answer's body, after at most `ATTEMPTS` requests.

    Waits as long as the endpoint asks, else by full jitter: anything between nothing and a limit
    that doubles (Brooker, "Exponential Backoff And Jitter", 2015).

    Raises:
        FailedError: there is none.
        openai.APIStatusError: the request itself was refused; asked otherwise it may be answered.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            place = await pace.enter(again=attempt > 1)
        except TooLateError as error:
            raise FailedError(str(error)) from error
        outcome: Outcome = "left"
        wait_s, reason = 0.0, ""
        try:
            async with asyncio.timeout(timeout_s):
                body = await send()
            outcome = "clean"
            purse.pay(body if isinstance(body, dict) else {})
            return _checked(body)
        except openai.APIStatusError as error:
            outcome, wait_s = _outcome(error), _retry_after_s(error)
            reason = _said(error)
            _give_up(error, reason, wait_s)
        except (openai.APIConnectionError, TimeoutError) as error:
            outcome = "failed"
            reason = _why(error, timeout_s)
            if type(error.__cause__).__name__ not in UNSENT:
                purse.lose()
        except openai.OpenAIError as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error
        finally:
            pace.leave(place, outcome, wait_s=wait_s)
        if purse.billable <= 0 or attempt == ATTEMPTS or pace.hopeless:
            break
        try:
            await nap(wait_s or _jitter_s(attempt, rng))
        except TooLateError as error:
            raise FailedError(f"{error}; before that: {reason}") from error
    raise FailedError(f"{reason} ({attempt} of {ATTEMPTS} attempts)")


def _checked(body: Any) -> Mapping[str, Any]:
    if isinstance(body, dict) and isinstance(body.get("choices"), list):
        return body
    raise FailedError(f"this is no chat completion, is the base URL right? {str(body)[:200]!r}")


def _outcome(error: openai.APIStatusError) -> Outcome:
    if error.status_code == REFUSED:
        return "left" if error.code in OUT_OF_MONEY else "refused"
    return "failed" if error.status_code in TROUBLED else "left"


def _give_up(error: openai.APIStatusError, reason: str, wait_s: float) -> None:
    """Raise where another attempt is no use."""
    if error.code in FILTERED:
        raise FailedError(f"a content filter stopped the request: {reason}", "refused") from error
    if _outcome(error) == "left":
        if error.status_code in {400, 404, 422, 501}:
            raise error
        raise FailedError(reason) from error
    if wait_s > LONGEST_RETRY_AFTER_S:
        raise FailedError(f"the endpoint asks to wait {wait_s:.0f} s: {reason}") from error


def _said(error: openai.APIStatusError) -> str:
    return f"{type(error).__name__} {error.status_code}: {error.message}"[:500]


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return f"no answer within {timeout_s:g} s"
    return f"{type(error).__name__}: {error.__cause__ or error}"[:500]


def _jitter_s(attempt: int, rng: Generator) -> float:
    return float(rng.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempt)))


def _retry_after_s(error: openai.APIStatusError) -> float:
    """Seconds that the endpoint asks to wait; 0 when it does not say."""
    headers = error.response.headers
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return _until_s(headers.get("retry-after", ""), headers.get("date", ""))


def _until_s(then: str, now: str) -> float:
    """Seconds between two dates of one answer: ours may be another clock."""
    try:
        wait = email.utils.parsedate_to_datetime(then) - email.utils.parsedate_to_datetime(now)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, wait.total_seconds())


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says."""

    text: str
    problem: str = ""
    """What makes it no reply; '' when it may be read."""
    status: Failure = "invalid_output"
    tokens: tuple[Mapping[str, Any], ...] = ()
    """With their log-probabilities, where the endpoint tells them."""


def heard(body: Mapping[str, Any], limit_tokens: int) -> Said:
    """The first choice: the arguments of a tool call, else the content."""
    if not body["choices"]:
        return Said("", "the endpoint answered without a choice", "error")
    choice = body["choices"][0]
    message = choice.get("message") or {}
    text = _text(message)
    if message.get("refusal"):
        return Said(str(message["refusal"]), "the model refused", "refused")
    if choice.get("finish_reason") == "content_filter":
        return Said(text, "a content filter stopped the reply", "refused")
    if choice.get("finish_reason") == "length":
        return Said(text, f"the reply was cut off at {limit_tokens} tokens")
    told = (choice.get("logprobs") or {}).get("content") or ()
    return Said(text, tokens=tuple(told))


def _text(message: Mapping[str, Any]) -> str:
    calls = message.get("tool_calls") or ()
    if calls:
        return "\n".join(str((one.get("function") or {}).get("arguments") or "") for one in calls)
    content = message.get("content") or ""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)
