"""Which attributes are never masked, which name people and sessions, and lists of names in the settings."""

from __future__ import annotations

from collector.identities import IDENTITIES

__all__ = ["NEVER_MASKED", "Names", "identifies"]

NEVER_MASKED = (
    "service.*", "telemetry.*", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.response.finish_reasons",
    "gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.usage.*", "gen_ai.cost.*", "llm.model_name",
    "llm.provider", "llm.token_count.*", "openinference.span.kind", "input.mime_type", "output.mime_type",
    "langfuse.observation.model.name", "langfuse.observation.completion_start_time", "ai.response.id",
    "ai.model.id", "ai.response.model", "ai.response.timestamp", "mlflow.traceRequestId", "outerloop.score.id",
    "outerloop.sdk.dropped", "outerloop.score.observed_at", "gen_ai.openai.response.system_fingerprint",
)  # fmt: skip
"""What a program wrote about itself; service.* too, or a service would change its name."""
ID_KEYS = (
    "user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "gen_ai.user", "gen_ai.request.user",
    "llm.user", "langfuse.user.id", "langfuse.session.id", "traceloop.association.properties.*",
    "ai.telemetry.metadata.*", "langsmith.metadata.user_id", "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id", "metadata.user_api_key_*", "outerloop.tag.*", "user.email", "user.name",
)  # fmt: skip
"""People and sessions are counted by these and by `IDENTITIES`: placeholders always tell one value from another."""


class Names:
    """A list of attribute names; one that ends in `*` stands for all that begin so."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._exact = frozenset(n for n in names if not n.endswith("*"))
        self._prefixes = tuple(n[:-1] for n in names if n.endswith("*"))
        self.literals = tuple(n.removesuffix("*").encode() for n in names)
        """Bytes that a serialised message holds when it has such an attribute."""

    def __contains__(self, key: str) -> bool:
        return key in self._exact or key.startswith(self._prefixes)


_ID_NAMES = Names(ID_KEYS)


def identifies(key: str) -> bool:
    """People or sessions are told apart by this attribute.

    >>> identifies("user.id"), identifies("app.session_id"), identifies("session.length")
    (True, True, False)
    """
    return key in _ID_NAMES or any(pattern.search(key) for pattern in IDENTITIES.values())
