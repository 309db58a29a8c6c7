"""`python -m collector.masking`: what ids became on their way in, for those who search for them or erase them.

Reads `{"settings", "kind", "id", "tenants"}` as JSON from standard input, where no other process sees it, and prints
the placeholders of that user's or session's id as a list: one for each way in which policies and tenants differ.
"""

from __future__ import annotations

import sys
from itertools import product
from typing import TYPE_CHECKING

from collector.masking.answering import answer
from collector.masking.request import Masking
from collector.masking.scanner import UNSCANNABLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.settings import Settings

__all__ = ["main", "placeholders"]

KEYS = {
    "user": (
        "user.id", "enduser.id", "langfuse.user.id", "traceloop.association.properties.user_id",
        "ai.telemetry.metadata.userId", "langsmith.metadata.user_id", "mlflow.trace.user",
    ),
    "session": (
        "session.id", "gen_ai.conversation.id", "langfuse.session.id",
        "traceloop.association.properties.session_id", "ai.telemetry.metadata.sessionId",
        "langsmith.metadata.session_id", "langsmith.metadata.thread_id", "mlflow.trace.session",
    ),
}  # fmt: skip
"""A policy may leave one of them alone and mask the others."""


def placeholders(
    settings: Settings, kind: str, identity: str, tenants: Iterable[str] = ()
) -> list[str]:
    """What an id became, by every policy; a policy that is off now may have been on before.

    >>> from monitor.settings import load_settings
    >>> settings = load_settings(mask="on", mask_secret="s")
    >>> placeholders(settings, "user", "ann@example.org") == placeholders(settings, "user", "Ann@Example.org")
    True
    >>> placeholders(settings, "user", "user-17")
    []
    """
    on = settings.model_copy(update={"mask": "on"}) if settings.mask == "off" else settings
    masking = Masking.from_settings(on)
    assert masking is not None
    ways = product(("", *settings.mask_services), KEYS[kind], ("", *tenants))
    found = {
        masking.identity(identity, service=service, key=key, tenant=tenant)
        for service, key, tenant in ways
    }
    return sorted(found - {identity, f"[{UNSCANNABLE}]"})


def main() -> int:
    """Answer; returns the exit status."""
    return answer(
        lambda settings, asked: placeholders(settings, asked["kind"], asked["id"], asked["tenants"])
    )


if __name__ == "__main__":
    sys.exit(main())
