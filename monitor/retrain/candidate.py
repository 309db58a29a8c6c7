"""Asks a candidate model the reserved calls' own questions over the OpenAI chat API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI, OpenAIError

from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Asked", "CandidateError", "ask"]

HOPELESS_AFTER = 5
"""So many failures before the first answer mean that the endpoint does not work at all."""
TOLERATED_FAILURES = 0.02
"""Above this share of failed requests the endpoint is what is being measured, not the model."""


class CandidateError(OuterloopError):
    """The candidate's endpoint does not answer properly; see that it runs, then compare again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the candidate said."""

    answers: Sequence[str | None]
    """In the order of the questions; None (a wrong answer) where the request failed."""
    failures: int


@dataclass(slots=True)
class _Tally:
    answered: int = 0
    failed: int = 0
    problem: str = ""


async def ask(
    questions: Sequence[Sequence[dict[str, Any]]],
    *,
    endpoint: str,
    model: str,
    concurrency: int = 16,
    timeout_s: float = 30,
    deadline_s: float = 900,
) -> Asked:
    """Ask every question, a few at a time.

    Raises:
        CandidateError: the endpoint is down, too slow, or answers something that is no chat
            completion.
    """
    tally, turn = _Tally(), asyncio.Semaphore(concurrency)
    async with AsyncOpenAI(
        base_url=endpoint, api_key="none", timeout=timeout_s, max_retries=1
    ) as client:

        async def one(messages: Sequence[dict[str, Any]]) -> str | None:
            async with turn:
                if tally.failed >= HOPELESS_AFTER and not tally.answered:
                    return None
                return await _answer(client, model, messages, tally)

        try:
            async with asyncio.timeout(deadline_s):
                answers = await asyncio.gather(*(one(messages) for messages in questions))
        except TimeoutError as error:
            raise CandidateError(
                f"{model} at {endpoint} answered {tally.answered} of {len(questions)} calls"
                f" in {deadline_s:g} s; it is too slow"
            ) from error
    failures = sum(answer is None for answer in answers)
    if questions and (not tally.answered or failures / len(questions) > TOLERATED_FAILURES):
        raise CandidateError(
            f"{model} at {endpoint} failed on {failures} of {len(questions)} calls, last with:"
            f" {tally.problem}; see that it runs, then compare again"
        )
    return Asked(answers, failures)


async def _answer(
    client: AsyncOpenAI, model: str, messages: Sequence[dict[str, Any]], tally: _Tally
) -> str | None:
    given: Any = list(messages)
    try:
        reply: Any = await client.chat.completions.create(
            model=model, messages=given, temperature=0
        )
        text = reply.choices[0].message.content
    except OpenAIError as error:
        tally.problem = f"{type(error).__name__}: {error}"[:500]
    except (
        AttributeError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:  # 200 with something else in it
        tally.problem = f"an answer that is no chat completion ({error})"[:500]
    else:
        if isinstance(text, str):
            tally.answered += 1
            return text
        tally.problem = "an answer without text"
    tally.failed += 1
    return None
