"""What is still open: streams and generators that the app has not read to their end."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

from monitor.sdk.guard import GUARD

__all__ = ["Lasting", "abandon_all", "ended", "lasts"]


class Lasting(Protocol):
    """A call whose answer the app reads piece by piece."""

    def abandon(self) -> None:
        """Record it as far as it went; nothing more will come."""


_open: WeakSet[Lasting] = WeakSet()


def lasts(one: Lasting) -> None:
    """From now on the end of the process is its end."""
    if not _open:
        from monitor.sdk.runtime import end_with_workers  # noqa: PLC0415 - which imports us

        end_with_workers()
    _open.add(one)


def ended(one: Lasting) -> None:
    """It is recorded."""
    _open.discard(one)


def abandon_all() -> None:
    """The process ends: what has come of the open answers is all that will come."""
    for one in list(_open):
        with GUARD:
            one.abandon()


if hasattr(os, "register_at_fork"):  # what is open in the parent is the parent's to record
    os.register_at_fork(after_in_child=_open.clear)
