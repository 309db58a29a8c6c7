"""Asks a candidate model questions that production has answered, over the OpenAI chat API.

The first calls are asked one at a time, so that their durations are a user's; the others come a few
at a time, and tell what it says but not how fast it is.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.exceptions import OuterloopError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai import AsyncOpenAI

__all__ = ["Asked", "CandidateError", "Reply", "ask"]

HOPELESS_AFTER = 5
"""So many failures before the first answer mean that the endpoint does not work at all."""
LOST_AFTER = 25
"""So many failures in a row mean that it has stopped working."""
TOLERATED_FAILURES = 0.02
"""Above this share of failed requests the endpoint is what is being measured, not the model."""
ALONE = 30
"""Calls that are asked one at a time, for their durations."""
ALONE_S = 60.0
"""No more of them are begun after so long."""
LONGEST_ANSWER = 100_000
"""Characters; more is no answer."""


class CandidateError(OuterloopError):
    """The candidate's endpoint does not answer properly; see that it runs, then compare again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the candidate said to one question."""

    text: str | None
    """None: the request failed."""
    problem: str = ""
    """Why it failed."""
    duration_ms: float | None = None
    """Only of calls that were asked alone."""
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the candidate said."""

    replies: Sequence[Reply]
    """In the order of the questions."""

    @property
    def answers(self) -> Sequence[str | None]:
        """The texts; None (a wrong answer) where the request failed."""
        return [reply.text for reply in self.replies]

    @property
    def failures(self) -> int:
        """Requests that failed."""
        return sum(reply.text is None for reply in self.replies)


@dataclass(slots=True)
class _Visit:
    """One round of questions to one endpoint."""

    client: AsyncOpenAI
    model: str
    replies: list[Reply]
    answered: int = 0
    in_a_row: int = 0
    problem: str = ""
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    @property
    def hopeless(self) -> bool:
        """Whether to ask on would only take time."""
        return self.in_a_row >= (LOST_AFTER if self.answered else HOPELESS_AFTER)

    async def ask(self, place: int, messages: Sequence[dict[str, Any]], *, alone: bool) -> None:
        """Ask one question, unless the endpoint is given up."""
        async with self.turn:
            if self.hopeless:
                self.replies[place] = Reply(None, f"not asked any more after: {self.problem}")
                return
            began = time.perf_counter()
            reply = await _reply(self.client, self.model, messages)
            if reply.text is None:
                self.in_a_row, self.problem = self.in_a_row + 1, reply.problem
            else:
                self.answered, self.in_a_row = self.answered + 1, 0
            took = (
                (time.perf_counter() - began) * 1000 if alone and reply.text is not None else None
            )
            self.replies[place] = Reply(
                reply.text, reply.problem, took, reply.input_tokens, reply.output_tokens
            )


async def ask(
    questions: Sequence[Sequence[dict[str, Any]]],
    *,
    endpoint: str,
    model: str,
    concurrency: int = 16,
    alone: int = ALONE,
    timeout_s: float = 30,
    deadline_s: float = 900,
    tolerated: float = TOLERATED_FAILURES,
) -> Asked:
    """Ask every question: the first `alone` one by one, the rest a few at a time.

    Raises:
        CandidateError: the endpoint is down, stops working, is too slow, or answers something that
            is no chat completion.
    """
    from openai import AsyncOpenAI  # noqa: PLC0415 - half a second that a scheduler need not wait for

    async with AsyncOpenAI(
        base_url=endpoint, api_key="none", timeout=timeout_s, max_retries=1
    ) as client:
        visit = _Visit(client, model, [Reply(None, "not asked")] * len(questions))
        try:
            async with asyncio.timeout(deadline_s):
                await _visit(visit, questions, alone=alone, concurrency=concurrency)
        except TimeoutError as error:
            raise CandidateError(
                f"{model} at {endpoint} answered {visit.answered} of {len(questions)} calls"
                f" in {deadline_s:g} s; it is too slow: give it a faster machine or a smaller"
                " model, then compare again"
            ) from error
    asked = Asked(visit.replies)
    if questions and (not visit.answered or asked.failures / len(questions) > tolerated):
        raise CandidateError(
            f"{model} at {endpoint} failed on {asked.failures} of {len(questions)} calls, last with:"
            f" {visit.problem}; see that it runs, then compare again"
        )
    return asked


async def _visit(
    visit: _Visit, questions: Sequence[Sequence[dict[str, Any]]], *, alone: int, concurrency: int
) -> None:
    began, place = time.perf_counter(), 0
    while place < min(alone, len(questions)) and time.perf_counter() - began < ALONE_S:
        await visit.ask(place, questions[place], alone=True)
        place += 1
    visit.turn = asyncio.Semaphore(concurrency)
    rest = range(place, len(questions))
    await asyncio.gather(*(visit.ask(number, questions[number], alone=False) for number in rest))


async def _reply(client: AsyncOpenAI, model: str, messages: Sequence[dict[str, Any]]) -> Reply:
    from openai import OpenAIError  # noqa: PLC0415 - see above

    given: Any = list(messages)
    try:
        said: Any = await client.chat.completions.create(model=model, messages=given, temperature=0)
        text = _told(said.choices[0].message)
    except OpenAIError as error:
        return Reply(None, f"{type(error).__name__}: {error}"[:500])
    except (
        AttributeError,
        IndexError,
        TypeError,
        ValueError,
    ) as error:  # 200 with something else in it
        return Reply(None, f"an answer that is no chat completion ({error})"[:500])
    if not isinstance(text, str):
        return Reply(None, "an answer without text")
    if len(text) > LONGEST_ANSWER:
        return Reply(None, f"an answer of {len(text):,} characters")
    usage = getattr(said, "usage", None)
    return Reply(
        text.encode("utf-8", "replace").decode(),  # half a pair of surrogates cannot be stored
        input_tokens=_count(getattr(usage, "prompt_tokens", None)),
        output_tokens=_count(getattr(usage, "completion_tokens", None)),
    )


def _told(message: Any) -> object:
    """The text, or the message itself where it calls tools, as `given_answer` writes production's."""
    if not message.tool_calls:
        return message.content
    calls = [
        {
            "id": one.id,
            "type": "function",
            "function": {"name": one.function.name, "arguments": one.function.arguments},
        }
        for one in message.tool_calls
    ]
    told = {"role": "assistant", "content": message.content, "tool_calls": calls}
    return json.dumps(told, ensure_ascii=False)


def _count(told: object) -> int | None:
    """A count that an endpoint told; anything else is none."""
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None
