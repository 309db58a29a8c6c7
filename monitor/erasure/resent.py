"""Calls that a sender sends again after their erasure: known by a keyed hash, and left out of what is built of calls.

The store takes a late span as it takes any other; erasing again removes it. Until then nothing is trained on it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.store import Store

__all__ = ["drop_erased", "remember_erased"]

PACKAGE = "monitor.erasure.statements"
AT_ONCE = 20_000
"""Rows of one block."""


class Called(Protocol):
    """Anything that names a call."""

    @property
    def trace_id(self) -> str:
        """Its trace."""
        ...

    @property
    def span_id(self) -> str:
        """Its span."""
        ...


CalledT = TypeVar("CalledT", bound=Called)


@dataclass(frozen=True, slots=True)
class ErasedRow:
    """One erased call, or all calls of a trace, as `erased_calls` keeps it."""

    erased_at: datetime
    request: str
    trace: str
    span: str


def remember_erased(
    store: Store,
    key: bytes,
    request: str,
    *,
    traces: Iterable[str],
    spans: Iterable[str],
    now: datetime,
) -> None:
    """Keep the hashes of what is erased; telling it again changes nothing.

    Args:
        store: the store.
        key: of the installation: without it a hash says nothing about an id.
        request: name of the erasure.
        traces: erased whole.
        spans: erased alone, as `trace/span`.
        now: time of the erasure.
    """
    pairs = [(one, "") for one in traces]
    pairs += [(trace, span) for trace, _, span in (one.partition("/") for one in spans)]
    rows = [
        ErasedRow(now, request, _hash(key, trace), _hash(key, span) if span else "")
        for trace, span in pairs
    ]
    for at in range(0, len(rows), AT_ONCE):
        store.append("erased_calls", rows[at : at + AT_ONCE])


def drop_erased(store: Store, calls: Sequence[CalledT], key: bytes) -> list[CalledT]:
    """The calls without those that were erased once and have been sent again."""
    known = {(str(trace), str(span)) for trace, span in store.rows("erased", package=PACKAGE)}
    if not known:
        return list(calls)
    return [one for one in calls if not _erased(one, known, key)]


def _erased(one: Called, known: set[tuple[str, str]], key: bytes) -> bool:
    trace = _hash(key, one.trace_id)
    return (trace, "") in known or (trace, _hash(key, one.span_id)) in known


def _hash(key: bytes, identity: str) -> str:
    return hmac.new(key, f"erased\0{identity}".encode(), sha256).hexdigest()[:32]
