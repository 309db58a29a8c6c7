"""What the settings ask for, checked, as what is done for one service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from collector.masking.choice import chosen, own
from collector.masking.content import is_content, is_fact
from collector.masking.names import NEVER_MASKED, Names, identifies
from collector.masking.placeholder import Placeholders
from collector.masking.scanner import Scanner

if TYPE_CHECKING:
    from monitor.settings import ServiceMask, Settings

__all__ = ["Fate", "Policy", "policy_of"]

MOST_NAMES = 4096
"""Whose fate is remembered; instrumentations have a few hundred."""


class Fate(Enum):
    """What becomes of an attribute, by its name."""

    ALLOWED = "allowed"
    """Never touched."""
    DENIED = "denied"
    """Always removed."""
    CONTENT = "content"
    """Removed with `drop-content`, but for the facts in it."""
    FACT = "fact"
    """Masked, and kept whatever its length."""
    OTHER = "other"
    """Masked, and with `drop-content` removed when it is long."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done to the spans and log records of one service."""

    scanner: Scanner
    """Finds and replaces."""
    drop_content: bool
    """Prompts, answers, arguments, documents go altogether."""
    most_chars: int
    """With `drop_content`, the longest value of an attribute that the table does not know."""
    deny: Names
    """Always removed."""
    identifies: Callable[[str], bool]
    """Masked so that values stay apart."""
    fate: Callable[[str], Fate]
    """What becomes of an attribute of this name."""
    telling: Callable[[str], bool]
    """The name itself may hold a value."""


def _fates(allow: Names, deny: Names, *, drop_content: bool) -> Callable[[str], Fate]:
    @lru_cache(MOST_NAMES)
    def fate(key: str) -> Fate:
        if key in deny:
            return Fate.DENIED
        if key in allow:
            return Fate.ALLOWED
        if drop_content and is_content(key):
            return Fate.CONTENT
        return Fate.FACT if is_fact(key) else Fate.OTHER

    return fate


def policy_of(settings: Settings, service: ServiceMask | None, secret: bytes) -> Policy | None:
    """The policy of a service, or of all others; None where nothing is masked.

    Raises:
        ConfigurationError: a recogniser, region or pattern is wrong.
    """
    mode = service.mask if service and service.mask else settings.mask
    if mode == "off":
        return None
    names = service.recognisers if service else None
    allow = (*settings.mask_allow, *(service.allow if service else ()))
    deny = Names((*settings.mask_deny, *(service.deny if service else ())))
    recognisers = chosen(settings, settings.mask_recognisers if names is None else names)
    placeholders = Placeholders(secret, keyed=settings.mask_keyed)
    drop_content = mode == "drop-content"
    scanner = Scanner((*own(settings.mask_patterns), *recognisers), placeholders)
    return Policy(
        scanner=scanner,
        drop_content=drop_content,
        most_chars=settings.mask_drop_over_chars,
        deny=deny,
        identifies=lru_cache(MOST_NAMES)(identifies),
        fate=_fates(Names((*NEVER_MASKED, *allow)), deny, drop_content=drop_content),
        telling=lru_cache(MOST_NAMES)(scanner.matches),
    )
