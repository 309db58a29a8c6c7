"""One model behind one OpenAI-compatible endpoint: asked politely, read strictly, billed in full.

    endpoint = Endpoint(client, "gpt-5-mini", rng=rng)
    answer = await endpoint.ask(prompt, shape)      # Answer, or raises NoAnswer(status, reason, …)

What an endpoint can do is learnt once, from what it refuses, and holds for all judges that share
the `Endpoint`: how a reply's shape is asked for (`judges.asking.shapes.RUNGS`), which parameters it takes
(`judges.asking.abilities`), how many requests it bears at once (`judges.asking.pace`). `await endpoint.probe()`
says before any money is spent whether it is there, lets us in and knows the model.

Nothing is guessed and nothing is hidden: a reply that cannot be read is asked for once more, quoting
what was wrong; what failed is `NoAnswer`, with what it cost. At most `BILLABLE` requests of one
question can have been billed, so `most_usd` is a bound, and a budget can be hard.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import openai

from judges.asking.abilities import REPLY_TOKENS, Abilities
from judges.asking.answer import Answer, NoAnswer, answer_of
from judges.asking.exchange import FailedError, exchange
from judges.asking.hearing import heard
from judges.asking.messages import added_bytes, instructed, key_of, messages_of, repair
from judges.asking.pace import Pace
from judges.asking.prices import Price, price_of
from judges.asking.probing import probe
from judges.asking.purse import Purse
from judges.asking.replies import Replies, StoredReply, UnreadableError, read
from judges.interaction import Usage
from judges.panels.families import family_of

if TYPE_CHECKING:
    from asyncio import Event
    from collections.abc import Sequence

    from numpy.random import Generator
    from openai import AsyncOpenAI

    from judges.asking.hearing import Said
    from judges.asking.messages import Message
    from judges.asking.prompting import Prompt
    from judges.asking.shapes import Rung, Shape

__all__ = ["BILLABLE", "Answer", "Endpoint", "NoAnswer"]

BILLABLE = 2
"""The question, and one repair or one repetition after a request that got no answer."""
TIMEOUT_S = 60.0
OVERHEAD_TOKENS = 2000
"""What the shape and the instruction add to a prompt, where the shape is not known."""
REFUSAL_S = 0.3
"""A refusal comes at once; so long the other calls wait for what the first one learns."""


class Endpoint:
    """One model of one client; judges that share it share what was learnt, and its pace.

    Args:
        client: an OpenAI-compatible client; its own retries are switched off here.
        model: the model's name.
        price: None takes the listed one, if there is one.
        replies: where readable replies are kept, so that none is paid for twice.
        pace: pass one to share it between models of one endpoint.
        rung: ask in this way only, instead of finding out.
        timeout_s: for one request.
        rng: draws the marks and the waiting times; seed it from the operating system in production,
            so that nobody who writes what is judged can foresee the marks.
    """

    def __init__(
        self,
        client: AsyncOpenAI,
        model: str,
        *,
        price: Price | None = None,
        replies: Replies | None = None,
        pace: Pace | None = None,
        rung: Rung | None = None,
        timeout_s: float = TIMEOUT_S,
        rng: Generator,
    ) -> None:
        self.model = model
        self.price = price or price_of(model)
        self.replies = replies
        self.pace = pace or Pace()
        self.abilities = Abilities(rung)
        self.timeout_s = timeout_s
        self.rng = rng
        # A moment longer than ours: a request that we gave up must not look like another failure.
        self._client = client.with_options(max_retries=0, timeout=timeout_s + 1)
        self._learning: Event | None = None

    @property
    def family(self) -> str:
        """Whose model it is: `openai`, and so on."""
        return family_of(self.model)

    @property
    def base_url(self) -> str:
        """Where it is."""
        return str(self._client.base_url)

    def mark(self) -> str:
        """A fresh random mark for the fences around what is judged."""
        return self.rng.bytes(8).hex()

    async def probe(self) -> None:
        """Check address, key and model by what costs nothing: the list of models.

        Raises:
            UnusableEndpointError: one line that says what to do.
        """
        await probe(self._client, self.model)

    def purse(self) -> Purse:
        """For one question: counts what its requests cost, and how many more may be billed."""
        return Purse(self.model, self.price, BILLABLE)

    def most_usd(
        self,
        prompt: Prompt,
        *,
        requests: int = 1,
        shape: Shape | None = None,
        tokens: int = REPLY_TOKENS,
    ) -> float | None:
        """An upper bound of what asking can cost, to be held back before; None when it is unknown.

        No token is shorter than a byte. A repair sends everything again, with the first reply.

        Args:
            prompt: what will be asked.
            requests: how many questions like it.
            shape: what the reply has to hold.
            tokens: the most that a reply may have.
        """
        if self.price is None or self.abilities.token_parameter is None:
            return None
        said = OVERHEAD_TOKENS if shape is None else added_bytes(shape)
        for text in (prompt.system, prompt.user):
            said += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        dearest = replace(self.price, reasoning_usd=None)
        if (self.price.reasoning_usd or 0) > self.price.output_usd:
            dearest = replace(dearest, output_usd=self.price.reasoning_usd or 0)
        return requests * BILLABLE * dearest.cost(said + tokens, tokens)

    async def ask(
        self,
        prompt: Prompt,
        shape: Shape,
        *,
        logprobs: bool = False,
        repeat: int = 0,
        version: str = "",
        temperature: float = 0.0,
    ) -> Answer:
        """The model's reply in that shape.

        Args:
            prompt: without the instruction how to answer, which is added here.
            shape: what the reply has to hold.
            logprobs: also ask for probabilities, as far as the endpoint tells them.
            repeat: another number asks anew instead of taking the stored reply.
            version: of the judge; replies to another one are not taken.
            temperature: above 0 for repeats that are meant to differ.

        Raises:
            NoAnswer: there is none, after one repair and all retries.
        """
        started = time.monotonic()
        settings = [repr(shape), logprobs, repeat, version, temperature]
        # A reply of another endpoint or model, or asked for in a way of one's own, is another one.
        key = key_of(prompt, [self.base_url, self.model, self.abilities.forced, *settings])
        if (known := self._known(key, shape)) is not None:
            return known
        purse, messages, raw = self.purse(), messages_of(prompt), ""
        try:
            while True:
                said = await self.post(
                    messages, shape, purse, logprobs=logprobs, temperature=temperature, seed=repeat
                )
                raw = said.text
                try:
                    answer = answer_of(said, shape)
                except UnreadableError as error:
                    self.abilities.miss_call(said)
                    if purse.billable <= 0:
                        raise FailedError(f"unreadable reply: {error}", "invalid_output") from error
                    messages = [*messages, *repair(raw, str(error))]
                    continue
                took = (time.monotonic() - started) * 1e3
                answer = replace(answer, usage=replace(purse.usage, duration_ms=took))
                if self.replies is not None:
                    kept = StoredReply(raw, answer.probabilities, answer.usage)
                    self.replies.put(key, kept)
                return answer
        except FailedError as error:
            usage = replace(purse.usage, duration_ms=(time.monotonic() - started) * 1e3)
            raise NoAnswer(error.status, str(error), raw=raw, usage=usage) from error

    def _known(self, key: str, shape: Shape) -> Answer | None:
        stored = self.replies.get(key) if self.replies is not None else None
        if stored is None:
            return None
        try:
            reply = read(stored.text, shape)
        except UnreadableError:  # stored by a reader that was less strict
            return None
        return Answer(reply, stored.text, Usage(self.model, cache_hits=1), stored.probabilities)

    async def post(
        self,
        messages: Sequence[Message],
        shape: Shape,
        purse: Purse,
        *,
        tokens: int = REPLY_TOKENS,
        **wished: Any,
    ) -> Said:
        """One answered request, in the best way that the endpoint takes; what it refuses is learnt for all.

        For what is no verdict; `ask` reads, repairs and keeps.

        Args:
            messages: without the instruction how to answer, which is added here.
            shape: what the reply has to hold.
            purse: pays.
            tokens: the most that the reply may have.
            wished: `logprobs`, `temperature` and `seed`, as far as the endpoint takes them.

        Raises:
            FailedError: no answer.
        """
        while True:
            await self._wait_for_who_learns()
            abilities = self.abilities
            told, rung = len(abilities.refused), abilities.rung
            body = {
                "model": self.model,
                "messages": instructed(messages, shape.instruction(rung)),
                **abilities.parameters(shape, tokens=tokens, **wished),
            }
            learning = self._begin_to_learn()
            try:
                answer = await exchange(
                    partial(self._send, body),
                    pace=self.pace,
                    purse=purse,
                    rng=self.rng,
                    timeout_s=self.timeout_s,
                )
                abilities.settled = abilities.settled or len(abilities.refused) == told
                said = heard(answer, tokens)
                abilities.calls = abilities.calls or said.called
                return said
            except openai.APIStatusError as error:
                # Another call may have learnt the same meanwhile: then ask as it now stands.
                if len(abilities.refused) == told and not abilities.learn(error):
                    reason = f"{type(error).__name__} {error.status_code}: {error.message}"[:500]
                    raise FailedError(reason) from error
            finally:
                if learning is not None:
                    learning.set()
                    self._learning = None

    async def _send(self, body: dict[str, Any]) -> Any:
        # As the client's own `create`, without building and taking apart a model for every reply.
        return await self._client.post("/chat/completions", cast_to=object, body=body)

    async def _wait_for_who_learns(self) -> None:
        """While nothing has been answered yet, one call finds out what the endpoint takes."""
        while not self.abilities.settled and (learning := self._learning) is not None:
            try:
                async with asyncio.timeout(REFUSAL_S):
                    await learning.wait()
            except TimeoutError:
                return

    def _begin_to_learn(self) -> Event | None:
        if self.abilities.settled or self._learning is not None:
            return None
        self._learning = asyncio.Event()
        return self._learning
