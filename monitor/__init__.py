"""Outerloop's SDK, as an app sees it; a table of contents, and light to import.

import monitor

monitor.init(service="loan-extractor", release="extractor-2023-11")
client = monitor.wrap(OpenAI())

@monitor.observe
def extract(log: str) -> dict: ...
"""

from __future__ import annotations

from monitor.sdk.clients import wrap
from monitor.sdk.configuration import Limits
from monitor.sdk.observation import observe
from monitor.sdk.outbox import Delivery
from monitor.sdk.runtime import flush, init, shutdown
from monitor.sdk.scores import feedback, outcome
from monitor.sdk.surroundings import Place, context, current, last_call

__all__ = [
    "Delivery",
    "Limits",
    "Place",
    "context",
    "current",
    "feedback",
    "flush",
    "init",
    "last_call",
    "observe",
    "outcome",
    "shutdown",
    "wrap",
]
