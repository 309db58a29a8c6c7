"""What the settings ask for, checked, as what is done for one service."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from collector.masking.accounts import CARD, IBAN
from collector.masking.addresses import EMAIL, IP
from collector.masking.content import is_content, is_fact
from collector.masking.credentials import CREDENTIALS
from collector.masking.identities import NATIONAL_IDS
from collector.masking.phones import phone, regions_known
from collector.masking.placeholder import Placeholders
from collector.masking.recogniser import Recogniser, whole
from collector.masking.scanner import Scanner, compile_pattern
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from monitor.settings import ServiceMask, Settings

__all__ = ["Fate", "Names", "Policy", "built_in", "policy_of", "secret_of"]

PATTERN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
ASSERTION = re.compile(r"\\[bBAz]|[\^$]")
EMPTY_PROBES = (b"", b"a b", b"1 + 2")
"""A pattern that matches nothing at all in one of these matches nothing at all nearly anywhere."""
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
    ids: Names
    """Masked so that values stay apart."""
    fate: Callable[[str], Fate]
    """What becomes of an attribute of this name."""
    telling: Callable[[str], bool]
    """The name itself may hold a value."""


def built_in(regions: tuple[str, ...]) -> tuple[Recogniser, ...]:
    """All recognisers, in order of precedence."""
    return (*CREDENTIALS, EMAIL, IBAN, CARD, *NATIONAL_IDS, IP, phone(regions))


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
    chosen = _chosen(settings, settings.mask_recognisers if names is None else names)
    placeholders = Placeholders(secret, keyed=settings.mask_keyed)
    drop_content = mode == "drop-content"
    scanner = Scanner((*_own(settings.mask_patterns), *chosen), placeholders)
    return Policy(
        scanner=scanner,
        drop_content=drop_content,
        most_chars=settings.mask_drop_over_chars,
        deny=deny,
        ids=Names(ID_KEYS),
        fate=_fates(Names((*NEVER_MASKED, *allow)), deny, drop_content=drop_content),
        telling=lru_cache(MOST_NAMES)(scanner.matches),
    )


def _chosen(settings: Settings, names: list[str]) -> tuple[Recogniser, ...]:
    regions = tuple(region.upper() for region in settings.mask_phone_regions)
    unknown = sorted(set(regions) - regions_known())
    if unknown:
        raise ConfigurationError(
            f"OUTERLOOP_MASK_PHONE_REGIONS: {unknown[0]} is no region code; for example US,GB,DE"
        )
    recognisers = built_in(regions)
    known = {r.name for r in recognisers} | {r.group for r in recognisers} | {"all"}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f"OUTERLOOP_MASK_RECOGNISERS: there is no recogniser {name!r}; there are "
                f"{', '.join(sorted(known))}"
            )
    return tuple(r for r in recognisers if {r.name, r.group, "all"} & set(names))
