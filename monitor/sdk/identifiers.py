"""Random trace, span and score ids: seeded from the system in every process, also after a fork."""

from __future__ import annotations

import os
import random

__all__ = ["new_score_id", "new_span_id", "new_trace_id"]

_random = random.Random()  # noqa: S311 - unique, not secret; seeded by os.urandom
_bits = _random.getrandbits

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_trace_id() -> int:
    """A random 128-bit number that is not 0."""
    return _bits(128) or 1


def new_span_id() -> int:
    """A random 64-bit number that is not 0."""
    return _bits(64) or 1


def new_score_id() -> str:
    """32 hexadecimal digits."""
    return f"{_bits(128):032x}"
