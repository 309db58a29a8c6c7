"""Random trace, span and score ids: seeded from the system in every process, also after a fork."""

from __future__ import annotations

import os
import random

__all__ = ["bits", "new_score_id"]

_random = random.Random()  # noqa: S311 - unique, not secret; seeded by os.urandom
bits = _random.getrandbits
"""So many random bits, as a number."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_score_id() -> str:
    """32 hexadecimal digits."""
    return f"{bits(128):032x}"
