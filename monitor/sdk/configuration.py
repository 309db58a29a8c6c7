"""Who this app is and where it sends: arguments of `init`, then the environment, then defaults."""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor import vocabulary as v
from monitor.sdk.guard import GUARD
from monitor.sdk.identifiers import bits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Configuration", "Limits", "Options", "Resource", "read_configuration"]


DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
OFF = frozenset({"off", "0", "false", "no"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What the SDK may cost its app."""

    value_chars: int = 65_536
    """Characters kept of one attribute (arguments, result, …); the rest is cut and marked."""
    queue_records: int = 20_000
    """Spans and scores that may wait; more are dropped and counted."""
    queue_bytes: int = 16 * 1024 * 1024
    """Approximate memory that they may hold."""
    exit_timeout_s: float = 0.9
    """How long the end of the process may wait for the last delivery."""
    spool_bytes: int = 64 * 1024 * 1024
    """What one service may keep on disk while its collector is away."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What sends: OpenTelemetry resource attributes of every span and score."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # the fewer, the faster to import
class Configuration:
    """Everything that `init` decides."""

    resource: Resource
    endpoint: str
    """Base address of the collector, without `/v1/traces`."""
    token: str | None
    capture: bool
    """Whether arguments, results and messages are kept; names, times and counts always are."""
    limits: Limits
    sample: float
    """Share of the traces that is kept, from 0 to 1; what fails or is slow is kept anyway."""
    slow_ms: float | None
    """From which duration on a call is kept whatever the share; None: none is slow."""
    secrets: tuple[str, ...]
    """Further words that make a name secret."""
    mask: Callable[[str, str], str] | None
    """Sees every text before it leaves, on the background thread."""
    spool: str | None
    """Folder under which what cannot be sent is kept; None: nothing touches the disk."""
    clock: Callable[[], int] = time.time_ns
    """Unix time in nanoseconds."""
    timer: Callable[[], int] = time.perf_counter_ns
    """Nanoseconds of a clock that never jumps; durations are measured by it."""
    bits: Callable[[int], int] = bits
    """So many random bits: ids."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # the fewer, the faster to import
class Options:
    """What `init` was told; None where the environment or a default decides."""

    service: str | None = None
    release: str | None = None
    environment: str | None = None
    endpoint: str | None = None
    token: str | None = None
    capture: bool = True
    sample: float | None = None
    slow_ms: float | None = None
    secrets: tuple[str, ...] = ()
    mask: Callable[[str, str], str] | None = None
    spool: bool | str | None = None
    clock: Callable[[], int] = time.time_ns
    limits: Limits = Limits()


def read_configuration(options: Options, environ: Mapping[str, str] = os.environ) -> Configuration:
    """The configuration that these options and this environment make.

    >>> read_configuration(
    ...     Options(release="r1"),
    ...     {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,team=a%20b"},
    ... ).resource.attributes
    (('service.name', 'shop'), ('team', 'a b'), ('service.version', 'r1'))
    """
    attributes = {v.SERVICE_NAME: "unknown_service", **_resource_attributes(environ)}
    named = {
        v.SERVICE_NAME: options.service or environ.get("OTEL_SERVICE_NAME"),
        v.SERVICE_VERSION: options.release or environ.get("OUTERLOOP_RELEASE"),
        v.ENVIRONMENT: options.environment or environ.get("OUTERLOOP_ENVIRONMENT"),
    }
    attributes |= {name: str(value) for name, value in named.items() if value}
    address = options.endpoint or environ.get("OUTERLOOP_ENDPOINT") or DEFAULT_ENDPOINT
    words = environ.get("OUTERLOOP_SECRETS", "").split(",")
    return Configuration(
        resource=Resource(tuple(attributes.items())),
        endpoint=_normalise(address),
        token=options.token or environ.get("OUTERLOOP_TOKEN") or None,
        capture=options.capture,
        limits=options.limits,
        sample=_share(options.sample, environ.get("OUTERLOOP_SAMPLE")),
        slow_ms=_milliseconds(options.slow_ms, environ.get("OUTERLOOP_SLOW_MS")),
        secrets=(*options.secrets, *(word.strip() for word in words if word.strip())),
        mask=options.mask,
        spool=_spool(options.spool, environ),
        clock=options.clock,
    )


def _share(given: float | None, told: str | None) -> float:
    """A share between 0 and 1; one that is none keeps everything, and says so."""
    try:
        share = float(told or 1.0) if given is None else float(given)
    except ValueError:
        share = math.nan
    if 0 <= share <= 1:
        return share
    GUARD.warn("sample", "outerloop: sample is a share from 0 to 1, such as 0.1; all is kept")
    return 1.0


def _milliseconds(given: float | None, told: str | None) -> float | None:
    """How long a slow call takes; unreadable means that none is slow, and says so."""
    try:
        return (float(told) if told else None) if given is None else float(given)
    except ValueError:
        GUARD.warn("slow_ms", "outerloop: OUTERLOOP_SLOW_MS is a number of milliseconds: 2000")
        return None


def _spool(given: object, environ: Mapping[str, str]) -> str | None:
    """The folder for the spools of all services, or None where it is switched off."""
    told = environ.get("OUTERLOOP_SPOOL", "").strip()
    if given is False or (given is None and told.lower() in OFF):
        return None
    if isinstance(given, str):
        return given
    if told and told.lower() not in OFF:
        return told
    cache = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if not cache and home:
        cache = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
    if not cache or not (os.access(cache, os.W_OK) or os.access(home or "/", os.W_OK)):
        cache = environ.get("TMPDIR") or environ.get("TEMP") or "/tmp"  # noqa: S108 - per user below
        return f"{cache}/outerloop-{_user()}/spool"
    return f"{cache}/outerloop/spool"


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _normalise(address: str) -> str:
    with_scheme = address if "://" in address else f"http://{address}"
    return with_scheme.rstrip("/").removesuffix("/v1/traces")


def _resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """`key=value,key=value`, percent-encoded, as the OpenTelemetry specification has it."""
    if not environ.get("OTEL_RESOURCE_ATTRIBUTES"):
        return {}
    from urllib.parse import unquote  # noqa: PLC0415 - slow to import, and seldom needed

    pairs = (item.partition("=") for item in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return {
        key.strip(): unquote(value.strip()) for key, sign, value in pairs if key.strip() and sign
    }
