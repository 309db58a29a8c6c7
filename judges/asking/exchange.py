"""One request and its answer: retried where that helps, paced, and counted for what it cost.

Failures (5xx, broken connections, no answer in time) use up `ATTEMPTS`. A refusal by rate limit (429)
is none: nothing went wrong and nothing was billed, so it is asked again as long as the run's deadline
and the pace's `patience_s` allow.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai

from judges.asking.pace import Outcome, Pace, TooLateError, nap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from numpy.random import Generator

    from judges.asking.purse import Purse
    from judges.interaction import Failure

__all__ = ["ATTEMPTS", "FailedError", "exchange"]

ATTEMPTS = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
LONGEST_RETRY_AFTER_S = 120.0
"""An endpoint in trouble that wants to be left alone for longer is as good as gone."""
REFUSED, TROUBLED = 429, frozenset({408, 409, 500, 502, 503, 504, 520, 522, 524, 529})
UNSENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol"})
"""What went wrong before a request was sent, and cannot have been billed."""
FILTERED = frozenset({"content_filter", "content_policy_violation"})
OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
TOO_LARGE = "request too large"
"""So begins a 429 that says that one request alone is above the limit: waiting does not help."""


class FailedError(Exception):
    """There is no answer, and asking again does not help."""

    def __init__(self, reason: str, status: Failure = "error") -> None:
        super().__init__(reason)
        self.status: Failure = status


@dataclass(slots=True)
class _Tries:
    """What one question has been through."""

    pace: Pace
    purse: Purse
    rng: Generator
    failures: int = 0
    refusals: int = 0
    refused_since: float = 0.0

    @property
    def again(self) -> bool:
        """Whether it was asked before."""
        return self.failures + self.refusals > 0

    def wait_s(self, outcome: Outcome, asked_s: float) -> float | None:
        """Count what came of a request; how long to wait for the next one, None for never.

        What the endpoint asks, else by full jitter: anything between nothing and a limit that doubles
        (Brooker, "Exponential Backoff And Jitter", 2015).
        """
        if outcome == "refused":
            self.refusals += 1
            self.refused_since = self.refused_since or time.monotonic()
            wait_s = asked_s or self._jitter_s(self.refusals)
            waited_s = time.monotonic() - self.refused_since
            patient = waited_s + wait_s <= self.pace.patience_s
            return wait_s if patient and not self.pace.hopeless else None
        self.failures += 1
        if self.failures == ATTEMPTS or self.purse.billable <= 0 or self.pace.hopeless:
            return None
        return asked_s or self._jitter_s(self.failures)

    def __str__(self) -> str:
        said = [f"{self.failures} of {ATTEMPTS} attempts"] if self.failures else []
        if self.refusals:
            waited_s = time.monotonic() - self.refused_since
            said.append(f"{self.refusals} x rate-limited in {waited_s:.0f} s")
        return ", ".join(said)

    def _jitter_s(self, number: int) -> float:
        # The exponent is bounded for the sake of a question that is refused thousands of times.
        limit_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(number, 16))
        return float(self.rng.uniform(0, limit_s))


async def exchange(
    send: Callable[[], Awaitable[Any]],
    *,
    pace: Pace,
    purse: Purse,
    rng: Generator,
    timeout_s: float,
) -> Mapping[str, Any]:
    """The answer's body.

    Raises:
        FailedError: there is none.
        openai.APIStatusError: the request itself was refused; asked otherwise it may be answered.
    """
    tries = _Tries(pace, purse, rng)
    while True:
        try:
            place = await pace.enter(again=tries.again)
        except TooLateError as error:
            raise FailedError(str(error)) from error
        outcome: Outcome = "left"
        asked_s, reason = 0.0, ""
        try:
            async with asyncio.timeout(timeout_s):
                body = await send()
            outcome = "clean"
            purse.pay(body if isinstance(body, dict) else {})
            return _checked(body)
        except openai.APIStatusError as error:
            outcome, asked_s = _outcome(error), _retry_after_s(error)
            reason = _said(error)
            _give_up(error, reason, asked_s)
        except (openai.APIConnectionError, TimeoutError) as error:
            outcome = "failed"
            reason = _why(error, timeout_s)
            if type(error.__cause__).__name__ not in UNSENT:
                purse.lose()
        except openai.OpenAIError as error:
            raise FailedError(f"{type(error).__name__}: {error}") from error
        finally:
            pace.leave(place, outcome, wait_s=asked_s)
        wait_s = tries.wait_s(outcome, asked_s)
        if wait_s is None:
            asks = f"; it asks to wait {asked_s:.0f} s" if asked_s else ""
            raise FailedError(f"{reason} ({tries}{asks})")
        try:
            await nap(wait_s)
        except TooLateError as error:
            raise FailedError(f"{error}; before that: {reason}") from error


def _checked(body: Any) -> Mapping[str, Any]:
    if isinstance(body, dict) and isinstance(body.get("choices"), list):
        return body
    raise FailedError(f"this is no chat completion, is the base URL right? {str(body)[:200]!r}")


def _outcome(error: openai.APIStatusError) -> Outcome:
    if error.status_code == REFUSED:
        final = error.code in OUT_OF_MONEY or TOO_LARGE in error.message.lower()
        return "left" if final else "refused"
    return "failed" if error.status_code in TROUBLED else "left"


def _give_up(error: openai.APIStatusError, reason: str, wait_s: float) -> None:
    """Raise where another attempt is no use."""
    if error.code in FILTERED:
        raise FailedError(f"a content filter stopped the request: {reason}", "refused") from error
    if _outcome(error) == "left":
        if error.status_code in {400, 404, 422, 501}:
            raise error
        raise FailedError(reason) from error
    if error.status_code != REFUSED and wait_s > LONGEST_RETRY_AFTER_S:
        raise FailedError(f"the endpoint asks to wait {wait_s:.0f} s: {reason}") from error


def _said(error: openai.APIStatusError) -> str:
    return f"{type(error).__name__} {error.status_code}: {error.message}"[:500]


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return f"no answer within {timeout_s:g} s"
    return f"{type(error).__name__}: {error.__cause__ or error}"[:500]


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
