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

NEVER_MASKED = (
    "service.*", "telemetry.*", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id",
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.response.finish_reasons",
    "gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.usage.*", "gen_ai.cost.*", "llm.model_name",
    "llm.provider", "llm.token_count.*", "openinference.span.kind", "input.mime_type", "output.mime_type",
    "langfuse.observation.model.name", "langfuse.observation.completion_start_time", "ai.response.id",
    "ai.model.id", "ai.response.model", "ai.response.timestamp", "mlflow.traceRequestId", "outerloop.score.id",
    "outerloop.sdk.dropped", "outerloop.score.observed_at", "gen_ai.openai.response.system_fingerprint",
)  # fmt: skip
"""What a program wrote about itself; service.* too, or a service would change its name."""
ID_KEYS = (
    "user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "gen_ai.user", "gen_ai.request.user",
    "llm.user", "langfuse.user.id", "langfuse.session.id", "traceloop.association.properties.*",
    "ai.telemetry.metadata.*", "langsmith.metadata.user_id", "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id", "metadata.user_api_key_*", "outerloop.tag.*", "user.email", "user.name",
)  # fmt: skip
"""People and sessions are counted by these: their placeholders always tell one value from another."""
PATTERN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
ASSERTION = re.compile(r"\\[bBAz]|[\^$]")
EMPTY_PROBES = (b"", b"a b", b"1 + 2")
"""A pattern that matches nothing at all in one of these matches nothing at all nearly anywhere."""
MOST_NAMES = 4096
"""Whose fate is remembered; instrumentations have a few hundred."""
KEY_FILE = "mask.key"
KEY_BYTES = 32


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


class Names:
    """A list of attribute names; one that ends in `*` stands for all that begin so."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._exact = frozenset(n for n in names if not n.endswith("*"))
        self._prefixes = tuple(n[:-1] for n in names if n.endswith("*"))
        self.literals = tuple(n.removesuffix("*").encode() for n in names)
        """Bytes that a serialised message holds when it has such an attribute."""

    def __contains__(self, key: str) -> bool:
        return key in self._exact or key.startswith(self._prefixes)


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


def secret_of(settings: Settings) -> bytes:
    """The key of placeholders: the setting, or one that is made once and kept in the data directory.

    Raises:
        ConfigurationError: it cannot be kept there.
    """
    if settings.mask_secret is not None:
        return settings.mask_secret.get_secret_value().encode()
    path = settings.data_dir / KEY_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"the key of masked ids cannot be kept in {path}: {error}; set OUTERLOOP_MASK_SECRET"
        ) from error


def _create(path: Path) -> None:
    """Make the key, whole or not at all; another process may do the same at this moment."""
    if path.exists():
        return
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    new.touch(mode=0o600)
    new.write_bytes(secrets.token_bytes(KEY_BYTES))
    try:
        path.hardlink_to(new)
    except FileExistsError:
        pass  # the other was first, and its key holds
    finally:
        new.unlink()


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


def _own(patterns: dict[str, str]) -> tuple[Recogniser, ...]:
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
