"""A judge that puts one yes/no question about an interaction to a language model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

import openai
from openai import AsyncOpenAI

from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Verdict
from judges.prices import Price, price_of
from judges.replies import RUNGS, UnreadableError, read
from judges.versions import OUTSIDE, version_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

__all__ = ["Question"]

REPLY_TOKENS = 2000
"""Room for a reasoning model's thoughts; a verdict itself takes fifty."""
TEXT_LIMIT = 24_000
"""Characters of input and of answer that are shown; more is cut from the middle, and said."""
LOOKALIKE = re.compile(r"<<<(?=input|answer|reference)|(?<=[0-9a-f])>>>")
ATTEMPTS = 2
"""The question, and one repair that quotes what was wrong with the first reply."""


@dataclass(slots=True)
class Endpoint:
    """What being refused has taught about the endpoint; shared by all calls of one judge."""

    rung: int = 0
    tokens: str = "max_completion_tokens"
    plain: bool = False
    """It refuses `temperature`, as reasoning models do."""

    def learn(self, refusal: openai.APIStatusError) -> bool:
        """Ask otherwise from now on; False when the refusal is about something else."""
        said = str(refusal).lower()
        if "max_completion_tokens" in said and self.tokens != "max_tokens":
            self.tokens = "max_tokens"
        elif "temperature" in said and not self.plain:
            self.plain = True
        elif (
            re.search(r"response_format|json_schema|json_object|structured", said) and self.rung < 2
        ):
            self.rung += 1
        else:
            return False
        return True


@dataclass(slots=True)
class Bill:
    """What one verdict cost, over all its attempts."""

    price: Price | None
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: float | None = 0.0

    def add(self, answer: ChatCompletion) -> None:
        """Count one answer; a missing usage makes the whole unknown, not smaller."""
        usage = answer.usage
        if usage is None or self.input_tokens is None or self.output_tokens is None:
            self.input_tokens = self.output_tokens = self.cost_usd = None
            return
        self.input_tokens += usage.prompt_tokens
        self.output_tokens += usage.completion_tokens
        details = usage.prompt_tokens_details
        cached = (details.cached_tokens or 0) if details else 0
        if self.price is None or self.cost_usd is None:
            self.cost_usd = None
        else:
            self.cost_usd += self.price.cost(
                usage.prompt_tokens, usage.completion_tokens, cached_tokens=cached
            )

    def spent(self) -> dict[str, Any]:
        """The same as keyword arguments of a verdict."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
        }


@dataclass(frozen=True, slots=True)
class Question:
    """Asks a model one question about an interaction: yes is True, no is False, na is not counted.

    What is judged is set between marks drawn afresh for every call, and declared to be data.
    A reply that cannot be read gets one repair, then it is a `JudgeFailure`, as is a dead endpoint.

    Args:
        name: names the score.
        question: one criterion, answerable by yes or no.
        model: the judging model.
        client: an OpenAI-compatible client; its timeout and retries are the caller's to set.
        rng: draws the marks; seed it from the operating system in production, so that nobody who
            writes what is judged can foresee them.
        price: None takes the listed one.
    """

    name: str
    question: str
    model: str
    client: AsyncOpenAI = field(repr=False, compare=False, metadata=OUTSIDE)
    rng: Generator = field(repr=False, compare=False, metadata=OUTSIDE)
    price: Price | None = field(default=None, metadata=OUTSIDE)
    _endpoint: Endpoint = field(init=False, repr=False, compare=False, default_factory=Endpoint)

    @property
    def version(self) -> str:
        """Hash of the class, the question, the model and the prompt."""
        return version_of(self, _prompt(), *(rung.instruction for rung in RUNGS))

    async def __call__(self, interaction: Interaction) -> Verdict:
        """The model's verdict."""
        bill = Bill(self.price or price_of(self.model))
        messages = self._messages(interaction)
        raw = problem = ""
        for _ in range(ATTEMPTS):
            try:
                answer = await self._ask(messages)
            except openai.OpenAIError as error:
                return self._failure(f"{type(error).__name__}: {error}", raw, bill)
            bill.add(answer)
            raw, problem = _content(answer)
            if problem:
                return self._failure(problem, raw, bill)
            try:
                return self._verdict(raw, bill)
            except UnreadableError as error:
                problem = str(error)
                messages = [*messages, *_repair(raw, problem)]
        return self._failure(f"unreadable reply: {problem}", raw, bill)

    def most_usd(self, interaction: Interaction) -> float | None:
        """An upper bound of what judging it can cost, to be held back before asking.

        No token is shorter than a byte. None when the price is unknown.
        """
        price = self.price or price_of(self.model)
        if price is None:
            return None
        said = sum(
            len(str(message.get("content")).encode()) for message in self._messages(interaction)
        )
        # The repair sends everything again, and the first reply with it.
        return ATTEMPTS * price.cost(said + REPLY_TOKENS, REPLY_TOKENS)

    def _messages(self, interaction: Interaction) -> list[ChatCompletionMessageParam]:
        mark = self.rng.bytes(8).hex()
        known = _shown(interaction.expected)
        reference = f"\nRight answer:\n<<<reference {mark}\n{known}\nreference {mark}>>>\n"
        values = {
            "mark": mark,
            "question": self.question.strip(),
            "input": _shown(interaction.input),
            "output": _shown(interaction.output),
            "reference": reference if known else "",
            "reply": RUNGS[self._endpoint.rung].instruction,
        }
        system, _, user = Template(_prompt()).substitute(values).partition("\n---\n")
        return [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ]

    async def _ask(self, messages: list[ChatCompletionMessageParam]) -> ChatCompletion:
        while True:
            asked = self._parameters()
            try:
                answer: ChatCompletion = await self.client.chat.completions.create(
                    model=self.model, messages=messages, **asked
                )
                return answer
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                # Another call may have learnt the same meanwhile: then simply ask as it now stands.
                if asked == self._parameters() and not self._endpoint.learn(error):
                    raise

    def _parameters(self) -> dict[str, Any]:
        rung = RUNGS[self._endpoint.rung]
        asked: dict[str, Any] = {self._endpoint.tokens: REPLY_TOKENS}
        if not self._endpoint.plain:
            asked["temperature"] = 0
        if rung.response_format:
            asked["response_format"] = rung.response_format
        return asked

    def _verdict(self, raw: str, bill: Bill) -> Judgement | NotApplicable:
        reply = read(raw)
        told = {"version": self.version, "model": self.model, **bill.spent()}
        if reply.verdict == "na":
            return NotApplicable(self.name, reply.reason, **told)
        return Judgement(self.name, reply.verdict == "yes", reply.verdict, reply.reason, **told)

    def _failure(self, reason: str, raw: str, bill: Bill) -> JudgeFailure:
        return JudgeFailure(self.name, self.version, reason, raw, model=self.model, **bill.spent())


@cache
def _prompt() -> str:
    return (files("judges") / "prompts" / "question.md").read_text("utf-8")


def _shown(text: str) -> str:
    """The text with look-alikes of our marks broken, and cut in the middle when it is too long."""
    if len(text) > TEXT_LIMIT:
        half = TEXT_LIMIT // 2
        left_out = len(text) - 2 * half
        text = f"{text[:half]}\n[… {left_out} characters left out here …]\n{text[-half:]}"
    return LOOKALIKE.sub(lambda found: " ".join(found.group()), text)


def _content(answer: ChatCompletion) -> tuple[str, str]:
    """The reply's text, and what makes it no reply at all."""
    if not answer.choices:
        return "", "the endpoint answered without a choice"
    choice = answer.choices[0]
    text = choice.message.content or ""
    if choice.message.refusal:
        return choice.message.refusal, "the model refused"
    if choice.finish_reason == "content_filter":
        return text, "a content filter stopped the reply"
    if choice.finish_reason == "length":
        return text, f"the reply was cut off at {REPLY_TOKENS} tokens"
    return text, "" if text.strip() else "the reply is empty"


def _repair(raw: str, problem: str) -> list[ChatCompletionMessageParam]:
    ask = f"That reply cannot be read ({problem}). Answer again, in the form that was asked for."
    return [{"role": "assistant", "content": raw}, {"role": "user", "content": ask}]
