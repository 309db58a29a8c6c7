"""Which calls the review queue looks at: so few of each kind that ten million in the store make no difference."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from monitor.curation.traffic import TrafficCall
from monitor.incidents import incidents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = ["open_incidents", "shortlist"]

LOOKED_AT = 4_000
"""Calls of a kind that are looked at, about: hard ones, those in an incident's slice, and all others."""
HASHES = 2**64


@dataclass(frozen=True, slots=True)
class _Sizes:
    calls: int
    failing: int
    sliced: int


def open_incidents(store: Store, service: str) -> list[Incident]:
    """The service's incidents that are not resolved."""
    return [one for one in incidents(store) if one.service == service and one.state != "resolved"]


def shortlist(
    store: Store,
    service: str,
    since: datetime,
    until: datetime,
    *,
    key: bytes,
    open_: Sequence[Incident],
) -> list[TrafficCall]:
    """Calls of a time range that the queue chooses from, each with the probability that it is among them."""
    digest = blake2b(key=key, person=b"shortlist", digest_size=16).digest()
    slices = [(int(one.started_at.timestamp()), *_parts(one)) for one in open_ if one.details.root]
    about: dict[str, Any] = {"service": service, "since": since, "until": until, "slices": slices}
    [sizes] = store.read("review_sizes", _Sizes, **about)
    return store.read(
        "review_calls",
        TrafficCall,
        **about,
        first=int.from_bytes(digest[:8]),
        second=int.from_bytes(digest[8:]),
        ordinary=_highest(sizes.calls),
        failing=_highest(sizes.failing),
        sliced=_highest(sizes.sliced) if slices else 0,
        shown=sorted({shown.trace_id for one in open_ for shown in one.details.examples}),
    )


def _parts(one: Incident) -> tuple[list[str], list[str]]:
    """Names and values of what an incident's slice is made of."""
    return [name for name, _ in one.details.root], [value for _, value in one.details.root]


def _highest(size: int) -> int:
    """The largest hash that is in; halved as a kind doubles, so that the same calls stay meanwhile.

    >>> _highest(4_000) == HASHES - 1, _highest(4_001) == HASHES // 2 - 1
    (True, True)
    """
    halvings = 0
    while size > LOOKED_AT << halvings:
        halvings += 1
    return (HASHES >> halvings) - 1
