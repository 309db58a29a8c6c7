"""The app's own mask: sees every text before it leaves; where it fails, the text stays here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.sdk.guard import GUARD
from monitor.sdk.snapshot import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["masking"]

STRUCTURE = (
    "gen_ai.request.", "gen_ai.response.", "gen_ai.operation.", "gen_ai.provider.",
    "gen_ai.prompt.", "gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.output.type",
    "gen_ai.evaluation.name", "gen_ai.conversation.id", "server.", "error.type", "exception.type",
    "outerloop.step.kind", "outerloop.score.id", "outerloop.score.source", "outerloop.score.target",
    "session.id", "user.id",
)  # fmt: skip
"""Names, numbers and ids, which are not the mask's to change."""


def masking(mask: Callable[[str, str], str]) -> Callable[[str, Any], Any]:
    """`mask` as the encoder calls it: for texts only, and harmless when it raises.

    >>> masked = masking(lambda name, text: text.replace("7", "x"))
    >>> masked("outerloop.step.input", "1776"), masked("gen_ai.request.model", "m-7")
    ('1xx6', 'm-7')
    """

    def masked(name: str, value: Any) -> Any:
        if type(value) is not str or name.startswith(STRUCTURE):
            return value
        try:
            return str(mask(name, value))
        except Exception as error:  # noqa: BLE001 - the app's own code may raise anything
            GUARD.warn(
                f"mask: {type(error).__name__}",
                "outerloop: the mask raised %s; what it was given is left out",
                type(error).__name__,
            )
            return MASK

    return masked
