"""Who this app is and where it sends: arguments of `init`, then the environment, then defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from monitor import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Configuration", "Limits", "Resource", "read_configuration"]

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


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


@dataclass(frozen=True, slots=True)
class Resource:
    """What sends: OpenTelemetry resource attributes of every span and score."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that `init` decides."""

    resource: Resource
    endpoint: str
    """Base address of the collector, without `/v1/traces`."""
    token: str | None
    clock: Callable[[], int]
    """Unix time in nanoseconds."""
    capture: bool
    """Whether arguments, results and messages are kept; names, times and counts always are."""
    limits: Limits

    @property
    def compress(self) -> bool:
        """Gzip what leaves this machine; on loopback it would only cost."""
        return urlsplit(self.endpoint).hostname not in LOOPBACK


def read_configuration(  # noqa: PLR0913 - the options of init, keyword-only
    *,
    service: str | None,
    release: str | None,
    environment: str | None,
    endpoint: str | None,
    token: str | None,
    clock: Callable[[], int],
    capture: bool,
    limits: Limits,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """The configuration that these arguments and this environment make.

    >>> import time
    >>> read_configuration(
    ...     service=None, release="r1", environment=None, endpoint=None, token=None,
    ...     clock=time.time_ns, capture=True, limits=Limits(),
    ...     environ={"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,team=a%20b"},
    ... ).resource.attributes
    (('service.name', 'shop'), ('team', 'a b'), ('service.version', 'r1'))
    """
    attributes = {v.SERVICE_NAME: "unknown_service", **_resource_attributes(environ)}
    named = {
        v.SERVICE_NAME: service or environ.get("OTEL_SERVICE_NAME"),
        v.SERVICE_VERSION: release or environ.get("OUTERLOOP_RELEASE"),
        v.ENVIRONMENT: environment or environ.get("OUTERLOOP_ENVIRONMENT"),
    }
    attributes |= {name: str(value) for name, value in named.items() if value}
    address = endpoint or environ.get("OUTERLOOP_ENDPOINT") or DEFAULT_ENDPOINT
    return Configuration(
        resource=Resource(tuple(attributes.items())),
        endpoint=_normalise(address),
        token=token or environ.get("OUTERLOOP_TOKEN") or None,
        clock=clock,
        capture=capture,
        limits=limits,
    )


def _normalise(address: str) -> str:
    with_scheme = address if "://" in address else f"http://{address}"
    return with_scheme.rstrip("/").removesuffix("/v1/traces")


def _resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """`key=value,key=value`, percent-encoded, as the OpenTelemetry specification has it."""
    pairs = (item.partition("=") for item in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return {
        key.strip(): unquote(value.strip()) for key, sign, value in pairs if key.strip() and sign
    }
