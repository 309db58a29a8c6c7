"""Which recognisers are at work: the built-in ones that the settings choose, and own patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from collector.masking.accounts import CARD, IBAN
from collector.masking.addresses import EMAIL, IP
from collector.masking.credentials import CREDENTIALS
from collector.masking.identities import NATIONAL_IDS
from collector.masking.phones import phone, regions_known
from collector.masking.recogniser import Recogniser, whole
from collector.masking.scanner import compile_pattern
from monitor.exceptions import ConfigurationError

if TYPE_CHECKING:
    from monitor.settings import Settings

__all__ = ["built_in", "chosen", "own"]

PATTERN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
ASSERTION = re.compile(r"\\[bBAz]|[\^$]")
EMPTY_PROBES = (b"", b"a b", b"1 + 2")
"""A pattern that matches nothing at all in one of these matches nothing at all nearly anywhere."""


def built_in(regions: tuple[str, ...]) -> tuple[Recogniser, ...]:
    """All recognisers, in order of precedence."""
    return (*CREDENTIALS, EMAIL, IBAN, CARD, *NATIONAL_IDS, IP, phone(regions))


def chosen(settings: Settings, names: list[str]) -> tuple[Recogniser, ...]:
    """Those of the built-in ones that go by these names or groups.

    Raises:
        ConfigurationError: there is no such name or region.
    """
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


def own(patterns: dict[str, str]) -> tuple[Recogniser, ...]:
    """Own patterns by name.

    Raises:
        ConfigurationError: a name or pattern cannot be.
    """
    return tuple(_own_one(name, pattern) for name, pattern in patterns.items())


def _own_one(name: str, pattern: str) -> Recogniser:
    where = f"OUTERLOOP_MASK_PATTERNS: {name}={pattern}"
    if not PATTERN_NAME.fullmatch(name):
        raise ConfigurationError(
            f"{where}: a name is small letters, digits and _, e.g. employee_id"
        )
    if name in {r.name for r in built_in(())}:
        raise ConfigurationError(f"{where}: {name} is a built-in recogniser; choose another name")
    try:
        compiled = compile_pattern(pattern)
    except re2.error as error:
        raise ConfigurationError(
            f"{where} is no RE2 expression ({_said(error)}); RE2 has no look-around and no"
            r" back-references; for example employee_id=E-\d{6}"
        ) from error
    if compiled.groups > 1:
        raise ConfigurationError(
            f"{where} has several groups; write (?:…) for those that only group"
        )
    if any(m.start() == m.end() for probe in EMPTY_PROBES for m in compiled.finditer(probe)):
        raise ConfigurationError(f"{where} matches the empty text, so it would match everywhere")
    return Recogniser(name, name, pattern, pattern, whole, bool(ASSERTION.search(pattern)))


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else error
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
