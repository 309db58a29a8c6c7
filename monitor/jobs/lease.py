"""One at a time over processes: who runs the schedule, and who runs a job.

With the embedded store a lease is a locked file in the data directory, which ends with its process, however that
ends. A store that machines share keeps leases as rows, by its own clock: the oldest claim that is still renewed holds.
A machine that stood still for longer than `TTL_S` may find itself beside its successor for the rest of one run; jobs
are idempotent for their window.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from clickhouse_connect.driver.exceptions import ClickHouseError

from monitor.exceptions import StoreUnavailableError
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.settings import Settings

__all__ = ["FOLDER", "FileLease", "Lease", "StoreLease", "holding", "lease"]

log = logging.getLogger(__name__)
FOLDER = "scheduler"
"""In the data directory: the lock files."""
TTL_S = 30
"""A claim that was not renewed for so long has lapsed."""
SETTLE_S = 2.0
"""So long a claim waits for an older one that is still on its way to the store."""


class Lease(Protocol):
    """The right to do one thing, held by one process at a time."""

    def take(self) -> bool:
        """Take it where it is free; says whether it is ours now."""

    def held(self) -> bool:
        """Whether it is still ours."""

    def holder(self) -> str:
        """Who has it, for people; '' for nobody."""

    def release(self) -> None:
        """Give it back."""


class FileLease:
    """A lease among the processes of one machine: an advisory lock on `<folder>/<name>.lock`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.lock"
        self._file: int | None = None

    def take(self) -> bool:
        """Take it where it is free; says whether it is ours now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid()}).encode(), 0)
        self._file = file
        return True

    def held(self) -> bool:
        """Whether it is still ours."""
        return self._file is not None

    def holder(self) -> str:
        """Who has it, for people; '' for nobody."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(file, 4096, 0)  # empty when it has the lock and has not signed yet
            return f"process {json.loads(said)['pid']}" if said else "another process"
        else:
            return ""  # a name that a killed process left counts for nothing
        finally:
            os.close(file)

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One word of a claimant, as `leases` keeps it; the server adds the time."""

    name: str
    holder: str
    released: int


class StoreLease:
    """A lease among machines, kept in the store that they share.

    Args:
        url: of the store; the lease has a connection of its own.
        name: of the lease.
        settle_s: how long a claim waits for an older one.
        ttl_s: a claim that was not renewed for so long has lapsed.
    """

    def __init__(
        self, url: str, name: str, *, settle_s: float = SETTLE_S, ttl_s: int = TTL_S
    ) -> None:
        self.name, self._settle_s, self._ttl_s = name, settle_s, ttl_s
        self._store = Store(url, timeout_s=ttl_s)
        self._claim = ""
        self._renewed = 0.0
        self._stop = threading.Event()

    def take(self) -> bool:
        """Take it where it is free; says whether it is ours now."""
        if self.holder():
            return False
        # a new name each time: a claim that lapsed must not come back as the oldest
        self._claim = f"{socket.gethostname()} process {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._tell(released=0)
        time.sleep(self._settle_s)
        if self.holder() != self._claim:
            self.release()
            return False
        self._stop = threading.Event()
        threading.Thread(
            target=self._keep, args=(self._stop,), name=f"lease {self.name}", daemon=True
        ).start()
        return True

    def held(self) -> bool:
        """Whether it is still ours."""
        fresh = time.monotonic() - self._renewed < self._ttl_s
        return bool(self._claim) and fresh and self.holder() == self._claim

    def holder(self) -> str:
        """Who has it, for people; '' for nobody."""
        rows = self._store.rows("lease_holder", name=self.name, ttl_s=self._ttl_s)
        return str(rows[0][0]) if rows else ""

    def release(self) -> None:
        """Give it back."""
        self._stop.set()
        if self._claim:
            with suppress(StoreUnavailableError, ClickHouseError, OSError):  # it lapses by itself
                self._tell(released=1)
            self._claim = ""

    def _tell(self, *, released: int) -> None:
        self._store.append("leases", [Claim(self.name, self._claim, released)])
        self._renewed = time.monotonic()

    def _keep(self, stop: threading.Event) -> None:
        """Renew until told to stop; `held` notices when that fails for too long."""
        while not stop.wait(self._ttl_s / 3):
            try:
                if time.monotonic() - self._renewed >= self._ttl_s:
                    return
                self._tell(released=0)
            except (StoreUnavailableError, ClickHouseError, OSError) as error:
                log.warning("lease could not be renewed", extra={"lease": self.name, "why": error})


def lease(settings: Settings, name: str, *, settle_s: float = SETTLE_S) -> Lease:
    """The lease of that name where this sidecar keeps its leases."""
    if settings.store_url is None:
        return FileLease(settings.data_dir / FOLDER, name)
    return StoreLease(settings.store, name, settle_s=settle_s)


@contextmanager
def holding(one: Lease) -> Iterator[bool]:
    """Take a lease for a block; gives whether that worked, and gives it back."""
    taken = one.take()
    try:
        yield taken
    finally:
        if taken:
            one.release()
