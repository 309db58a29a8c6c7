"""Which names say that what they hold is not to be written down."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["also_secret", "is_secret"]

SECRET_WORDS = frozenset(
    {
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "authorization",
        "apikey",
        "credential",
        "credentials",
        "cookie",
    }
)
SECRET_PAIRS = frozenset({"apikey", "privatekey", "accesskey", "signingkey", "authtoken"})

_further_words: frozenset[str] = frozenset()
_changes = 0


def also_secret(words: Iterable[str]) -> int:
    """Make these words secret too, in place of those told before; returns the list's number."""
    global _further_words, _changes  # noqa: PLW0603 - one list for the process, like logging
    told = frozenset("".join(re.findall(r"[a-z0-9]+", str(word).lower())) for word in words)
    if told != _further_words:
        _further_words = told
        _changes += 1
        is_secret.cache_clear()
    return _changes


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether something of this name is not to be written down.

    >>> [is_secret(name) for name in ("api_key", "openaiApiKey", "max_tokens", "key")]
    [True, True, False, False]
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    lowered = [word.lower() for word in words]
    pairs = {first + second for first, second in pairwise(lowered)}
    if not SECRET_WORDS.isdisjoint(lowered) or pairs & SECRET_PAIRS:
        return True
    return bool(_further_words) and not _further_words.isdisjoint(
        {*lowered, *pairs, "".join(lowered)}
    )
