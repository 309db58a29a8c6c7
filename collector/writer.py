"""From the log to the store, exactly once, in its own thread.

An insert whose outcome is unknown (the connection broke, the store died) is tried again under the
same deduplication token. While the store is away the log fills. Rows that the store refuses for
what is in them are found by halving, put aside in `refused/` with the reason, and counted; they
never hold up the rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
from clickhouse_connect.driver.exceptions import ClickHouseError

from collector.batch import Account, Part, parts
from collector.ledger import Count, Ledger
from monitor.exceptions import StoreUnavailableError
from monitor.store import Store, migrate

if TYPE_CHECKING:
    from collector.segment import Segment
    from collector.wal import Wal

__all__ = ["Writer"]

LOG = logging.getLogger(__name__)

LEDGER_TYPES = {
    "minute": "DateTime", "signal": "LowCardinality(String)", "service": "LowCardinality(String)",
    "entry": "LowCardinality(String)", "reason": "LowCardinality(String)", "count": "UInt64",
}  # fmt: skip
DATA_ERRORS = frozenset({
    6, 26, 27, 33, 38, 41, 43, 53, 69, 70, 72, 117, 128, 131, 153, 190, 321, 349, 395, 407, 441,
    469,
})  # fmt: skip
"""ClickHouse's codes for "not these rows": parsing, ranges, conversions, constraints."""
STORE_ERRORS = frozenset({
    3, 60, 81, 159, 164, 192, 193, 194, 202, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439,
    497, 516, 999,
})  # fmt: skip
"""Codes for "not now": no table yet, too many parts, no memory, no disk, no permission."""
CLIENT_DATA_ERRORS = (ValueError, TypeError, OverflowError, KeyError, IndexError, AttributeError)
UNKNOWN_ATTEMPTS = 5
"""After so many, an error of neither list counts as one of the rows."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
PING_EVERY_S = 2.0
LEDGER_EVERY_S = 2.0


class _StoppedError(Exception):
    """The writer was asked to end; what it holds stays in the log."""


class Writer:
    """Moves sealed segments into the store.

    Args:
        wal: where they come from.
        ledger: who counts them.
        store_url: where they go.
        retention_days: for the schema, which is created or upgraded first.
    """

    def __init__(self, wal: Wal, ledger: Ledger, store_url: str, *, retention_days: int) -> None:
        self.problem: str | None = "the store has not been reached yet"
        """Why nothing can be stored at the moment."""
        self.lag_s = 0.0
        """How long the last segment took from its seal into the store."""
        self._wal, self._ledger = wal, ledger
        self._url, self._retention_days = store_url, retention_days
        self._store: Store | None = None
        self._stop, self._give_up = threading.Event(), threading.Event()
        self._heard = self._flushed = 0.0
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, within_s: float) -> None:
        """Write what the log holds, as far as the time allows; the rest stays in it."""
        self._stop.set()
        self._thread.join(within_s)
        self._give_up.set()
        self._thread.join(1.0)

    def _work(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._give_up.is_set():
            try:
                if self._step():
                    return
                wait_s = FIRST_WAIT_S
            except _StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, acknowledged data waits and is tried again
                self._lament(error)
                if self._stop.is_set() and self._store is None:
                    return
                self._give_up.wait(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _step(self) -> bool:
        """One segment, or one idle moment; True when asked to stop and all is done."""
        store = self._connect()
        stopping = self._stop.is_set()
        segment = self._wal.take(0.0 if stopping else 0.5)
        if segment is not None:
            self._write(store, segment)
        elif time.monotonic() - self._heard > PING_EVERY_S:
            _ping(store)
            self._hear()
        if (stopping and segment is None) or time.monotonic() - self._flushed > LEDGER_EVERY_S:
            self._flush(store)
        return stopping and segment is None

    def _connect(self) -> Store:
        """The store, with its schema; made anew after every trouble."""
        if self._store is None:
            migrate(self._url, retention_days=self._retention_days)
            self._store = Store(self._url)
            _ping(self._store)
            LOG.info("store.reached")
            self._hear()
        return self._store

    def _hear(self) -> None:
        self._heard, self.problem = time.monotonic(), None

    def _lament(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {str(error)[:500]}"
        if self.problem != reason:
            LOG.warning("store.away reason=%s", reason)
        self.problem = reason
        if self._store is not None:
            self._store.close()
            self._store = None

    def _write(self, store: Store, segment: Segment) -> None:
        account, refused = Account(), []
        began = time.monotonic()
        for part in parts(segment, account):
            refused += self._insert(store, part, 0, len(part.rows))
        self._put_aside(segment, refused)
        self._settle(segment, account, refused)
        self.lag_s = time.monotonic() - began
        self._hear()

    def _insert(self, store: Store, part: Part, low: int, high: int) -> list[_Refused]:
        """Insert rows `low` to `high` of a part; returns those that the store refuses."""
        whole = (low, high) == (0, len(part.rows))
        token = part.token if whole else f"{part.token}/{low}-{high}"
        reason = self._attempt(store, part, token, part.rows[low:high])
        if reason is None:
            return []
        if high - low == 1:
            LOG.error("store.refused token=%s reason=%s", token, reason)
            return [_Refused(part, low, reason)]
        middle = (low + high) // 2
        return self._insert(store, part, low, middle) + self._insert(store, part, middle, high)

    def _attempt(self, store: Store, part: Part, token: str, rows: list[Any]) -> str | None:
        """Insert until it is known to be stored (None) or known to be refused (the reason)."""
        for attempt in range(1, UNKNOWN_ATTEMPTS + 1):
            if self._give_up.is_set():
                raise _StoppedError
            try:
                insert(store, part.table.name, part.table.columns, rows, token)
            except (ClickHouseError, *CLIENT_DATA_ERRORS) as error:
                code = getattr(error, "code", None)
                if code in DATA_ERRORS or isinstance(error, CLIENT_DATA_ERRORS):
                    return str(error)[:2000]
                if code is None or code in STORE_ERRORS:
                    raise
                if attempt == UNKNOWN_ATTEMPTS:
                    return str(error)[:2000]
                self._give_up.wait(FIRST_WAIT_S * 2**attempt)
            else:
                return None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _put_aside(self, segment: Segment, refused: list[_Refused]) -> None:
        if not refused:
            return
        path = self._wal.refused / f"{segment.name}.jsonl"
        with path.open("wb") as file:
            for row in refused:
                file.write(orjson.dumps(row.document(), default=str) + b"\n")

    def _settle(self, segment: Segment, account: Account, refused: list[_Refused]) -> None:
        counts = account.counts
        lost: Counter[Count] = Counter(row.count() for row in refused)
        for count, n in list(counts.items()):
            if count.entry == "accepted":
                there = Count(count.minute, count.signal, count.service, "refused", "by the store")
                counts[Count(count.minute, count.signal, count.service, "stored")] = n - lost[there]
        counts += lost
        for (service, instance), level in account.levels.items():
            growth = self._ledger.increase(service, instance, level.value)
            counts[Count(level.minute, level.signal, service, "dropped", "by the sender")] += growth
        try:
            self._ledger.settle(segment.name, counts)
        except (
            OSError
        ) as error:  # a full disk: deleting the segment makes room, the next save has these counts
            LOG.warning("ledger.unsaved reason=%s", error)
        self._wal.discard(segment)

    def _flush(self, store: Store) -> None:
        flush = self._ledger.flush()
        if flush is not None:
            insert(store, "ledger", LEDGER_TYPES, flush.rows, flush.token)
            self._ledger.flushed()
        self._flushed = time.monotonic()


class _Refused:
    """A row that the store does not take."""

    def __init__(self, part: Part, index: int, reason: str) -> None:
        self._part, self._index, self._reason = part, index, reason

    def count(self) -> Count:
        table, index = self._part.table, self._index
        signal = "traces" if table.name == "otel_traces" else "logs"
        service = self._part.rows[index][table.service]
        return Count(self._part.minutes[index], signal, service, "refused", "by the store")

    def document(self) -> dict[str, Any]:
        row = dict(zip(self._part.table.columns, self._part.rows[self._index], strict=True))
        return {"reason": self._reason, "table": self._part.table.name, "row": row}


def _ping(store: Store) -> None:
    if not store.client.ping():
        raise StoreUnavailableError


def insert(store: Store, table: str, types: dict[str, str], rows: list[Any], token: str) -> None:
    """One insert that the store takes once, however often it is sent."""
    store.client.insert(
        table,
        list(zip(*rows, strict=True)),
        column_names=list(types),
        column_type_names=list(types.values()),
        column_oriented=True,
        settings={
            "insert_deduplication_token": token,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "max_partitions_per_insert_block": 0,
            "query_plan_merge_expressions": 0,  # planning the views is the fixed cost: a quarter less
        },
    )
