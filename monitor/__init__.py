"""Outerloop's SDK, as an app sees it; a table of contents, and light to import.

import monitor

monitor.init(service="loan-extractor", release="extractor-2023-11")
client = monitor.wrap(OpenAI())

@monitor.observe
def extract(log: str) -> dict: ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from monitor.sdk.configuration import Limits
from monitor.sdk.observation import observe
from monitor.sdk.outbox import Delivery
from monitor.sdk.runtime import flush, init, shutdown
from monitor.sdk.surroundings import Place, context, current, last_call

if TYPE_CHECKING:
    from monitor.sdk import signals
    from monitor.sdk.clients import wrap
    from monitor.sdk.processor import span_processor
    from monitor.sdk.propagation import extract, inject, propagate
    from monitor.sdk.scores import feedback, outcome

__all__ = [
    "Delivery",
    "Limits",
    "Place",
    "context",
    "current",
    "extract",
    "feedback",
    "flush",
    "init",
    "inject",
    "last_call",
    "observe",
    "outcome",
    "propagate",
    "shutdown",
    "signals",
    "span_processor",
    "wrap",
]

_LATER = {
    "extract": "monitor.sdk.propagation",
    "feedback": "monitor.sdk.scores",
    "inject": "monitor.sdk.propagation",
    "outcome": "monitor.sdk.scores",
    "propagate": "monitor.sdk.propagation",
    "signals": "monitor.sdk.signals",
    "span_processor": "monitor.sdk.processor",
    "wrap": "monitor.sdk.clients",
}
"""Imported by whoever first asks for it."""


def __getattr__(name: str) -> Any:
    """What not every app needs is not imported by every app."""
    if name not in _LATER:
        raise AttributeError(f"module 'monitor' has no attribute {name!r}")
    module = import_module(_LATER[name])
    value = module if name == "signals" else getattr(module, name)
    globals()[name] = value
    return value
