"""Tells the callback what happens, at least once: the same event always has the same id."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import httpx

from examples.finetune.fetching import is_final

if TYPE_CHECKING:
    from examples.finetune.protocol import Order

__all__ = ["tell"]

log = logging.getLogger(__name__)
LAST_WORDS = ("finished", "failed")
ATTEMPTS = 6
"""Of what is news for a moment only, with doubling pauses from a quarter of a second."""
LAST_WORD_ATTEMPTS = 3000
"""Of a run's last event: for about a day, in pauses of up to `LONGEST_PAUSE_S`."""
LONGEST_PAUSE_S = 30.0
TIMEOUT_S = 10


async def tell(order: Order, event: str, data: dict[str, Any], *, suffix: str = "") -> str:
    """Tell one event; returns what the other end finally said to it.

    A run's last word is told for a day, the others are dropped sooner; an answer that says no for good ends it at once.
    """
    identity = f"{order.retrain_id}-{event}{suffix}"
    body = {"type": f"retrain.{event}", "id": identity, "data": data}
    headers = {"authorization": f"Bearer {order.callback.token}"}
    problem = ""
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
        for attempt in range(LAST_WORD_ATTEMPTS if event in LAST_WORDS else ATTEMPTS):
            try:
                answer = await client.post(str(order.callback.url), json=body, headers=headers)
            except httpx.HTTPError as error:
                problem = repr(error)
            else:
                if answer.is_success:
                    return f"{identity}: {answer.status_code}"
                problem = f"{answer.status_code} {answer.text[:300]}"
                if is_final(answer):
                    break
            await asyncio.sleep(min(0.25 * 2 ** min(attempt, 10), LONGEST_PAUSE_S))
    log.error("callback not taken: %s: %s", identity, problem)
    return f"{identity}: {problem}"
