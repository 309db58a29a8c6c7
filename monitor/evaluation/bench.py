"""Judges ready to judge: resolved from their names, with their endpoints probed before anything is paid."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from judges.interaction import known_as
from monitor.exceptions import ConfigurationError
from monitor.judging.production import FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from numpy.typing import NDArray
    from openai import AsyncOpenAI

    from judges.asking.endpoint import Endpoint
    from judges.checks.similarity import Embedder
    from judges.interaction import Judge
    from judges.running.journal import Journal
    from monitor.evaluation.samples import Dataset
    from monitor.settings import Settings

__all__ = ["JOURNAL", "Bench"]

JOURNAL = "judging.sqlite"
"""In the data directory: what was paid, answered and is under way, of production and evaluations alike."""


@dataclass(slots=True)
class Bench:
    """Makes judges of what the caller named; an async context that owns the connection to the endpoint.

    Args:
        settings: say where the endpoint is, and where definitions are.
        models: to ask where a definition names none; empty takes the settings'.
        journal: keeps replies, so that none is paid for twice.
    """

    settings: Settings
    models: Sequence[str] = ()
    journal: Journal | None = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    lower: set[str] = field(default_factory=set)
    """Judges that were made, of which a lower value is better."""
    _client: AsyncOpenAI | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def endpoint(self, model: str) -> Endpoint:
        """The endpoint of one model; '' is the first that the caller or the settings name.

        Raises:
            ConfigurationError: there is no address, or no model.
        """
        from judges.asking.endpoint import Endpoint  # noqa: PLC0415 - half a second that checks need not wait for
        from judges.asking.prices import price_of  # noqa: PLC0415 - see above

        wanted = model or next(iter(self.models or self.settings.judge_models), "")
        if not wanted:
            raise ConfigurationError(
                "a judge asks a model and none is named; give --model NAME or OUTERLOOP_JUDGE_MODELS"
            )
        if wanted not in self.endpoints:
            from numpy.random import default_rng  # noqa: PLC0415 - see above

            self.endpoints[wanted] = Endpoint(
                self._connected(),
                wanted,
                replies=self.journal,
                rng=default_rng(),
                price=price_of(wanted, own=self.settings.judge_prices),
            )
        return self.endpoints[wanted]

    def judges(self, named: Sequence[str | Judge], dataset: Dataset) -> tuple[Judge, ...]:
        """The judges of those names, when the dataset has what they read.

        Raises:
            ConfigurationError: one is not known, cannot be built, or reads a field that no sample has.
        """
        from judges.definitions.reading import build, resolve  # noqa: PLC0415 - see above

        made: list[Judge] = []
        for one in named:
            if not isinstance(one, str):
                made.append(one)
                self._note(one, getattr(one, "direction", "higher"))
                continue
            try:
                definition = resolve(one, self.settings.data_dir / FOLDER)
                _refuse_lack(definition.score, definition.needs, dataset)
                judge = build(definition, endpoints=self.endpoint, embedder=self.embedder())
                made.append(judge)
                self._note(judge, definition.direction, getattr(judge, "direction", "higher"))
            except ValueError as error:
                raise ConfigurationError(" ".join(str(error).split())) from error
        names = [known_as(judge) for judge in made]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ConfigurationError(
                f"two judges are called {twice[0]!r}; give one another `name` in its definition"
            )
        return tuple(made)

    def _note(self, judge: Judge, *directions: str) -> None:
        if "lower" in directions:
            self.lower.add(known_as(judge))

    def embedder(self) -> Embedder | None:
        """Sentence embeddings, loaded when the first text comes; None without the `embeddings` extra."""
        if find_spec("sentence_transformers") is None:
            return None
        from judges.checks.similarity import Batched  # noqa: PLC0415 - see above

        return Batched(self._embed, self.settings.embedding_model)

    def _embed(self, texts: Sequence[str]) -> NDArray[Any]:
        from numpy import asarray  # noqa: PLC0415 - see above

        from monitor.jobs.embed import encode  # noqa: PLC0415 - with torch, seconds

        return asarray(encode(self.settings.embedding_model, list(texts)))

    def keep_replies(self, journal: Journal | None) -> None:
        """From now on no reply is paid for twice."""
        self.journal = journal
        for one in self.endpoints.values():
            one.replies = journal

    async def probe(self) -> None:
        """Find out whether every endpoint that a judge asks can be used; costs nothing.

        Raises:
            ConfigurationError: one cannot; says what to do.
        """
        if not self.endpoints:
            return
        from judges.asking.probing import UnusableEndpointError  # noqa: PLC0415 - see above

        for one in self.endpoints.values():
            try:
                await one.probe()
            except UnusableEndpointError as error:
                key = "(OUTERLOOP_JUDGE_API_KEY) " if "key" in str(error) else ""
                raise ConfigurationError(
                    f"{' '.join(str(error).split())} {key}[OUTERLOOP_JUDGE_BASE_URL={self.settings.judge_base_url}]"
                ) from error

    def unpriced(self) -> list[str]:
        """Models whose price is not known, so that no budget can be held for them."""
        return [name for name, one in self.endpoints.items() if one.price is None]

    def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            from openai import AsyncOpenAI  # noqa: PLC0415 - see above

            if self.settings.judge_base_url is None:
                raise ConfigurationError(
                    "a judge asks a model and no endpoint is set; give OUTERLOOP_JUDGE_BASE_URL, e.g."
                    " https://api.openai.com/v1 or http://127.0.0.1:11434/v1"
                )
            key = self.settings.judge_api_key
            self._client = AsyncOpenAI(
                base_url=self.settings.judge_base_url,
                api_key=key.get_secret_value() if key else "none",
            )
            self._stack.push_async_callback(self._client.close)
        return self._client


def _refuse_lack(judge: str, needs: Sequence[str], dataset: Dataset) -> None:
    """A field that no sample has is a mistake of the call; one that some lack is the judge's to say."""
    for name in needs:
        if dataset.lacking(name) == len(dataset) and name != "output":
            raise ConfigurationError(
                f"judge {judge} reads `{name}`, which no sample of {dataset.name} has;"
                f" add the field, name it with --{name}-field, or leave the judge out"
            )
