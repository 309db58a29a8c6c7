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
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import orjson
from clickhouse_connect.driver.exceptions import ClickHouseError

from collector.batch import PART_BYTES, Account, Part, parts
from collector.completing import Completing
from collector.inserts import (
    CLIENT_DATA_ERRORS,
    NESTED,
    STORE_ERRORS,
    insert,
    insert_otlp,
    refuses_rows,
)
from collector.ledger import LEDGER_TYPES, Count, Ledger
from collector.refused import Reason, RefusedRow, Rows
from monitor.clock import utcnow
from monitor.exceptions import StoreUnavailableError
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.segment import Segment
    from collector.wal import Wal

__all__ = ["Writer"]

LOG = logging.getLogger(__name__)

UNKNOWN_ATTEMPTS = 5
"""After so many, an error of neither list counts as one of the rows."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
SMALL_REQUEST_BYTES, SMALL_REST_S = 16 << 10, 0.7
"""Requests of less on average are gathered for so long between two inserts."""
MUCH_BYTES = 1 << 20
"""So much in the log of larger ones ends the writer's rest."""
TIMEOUT_S = 60
"""A store that says nothing for so long hangs; the same part is sent again under its token."""
PING_EVERY_S = 2.0
LEDGER_EVERY_S = 2.0
FEWEST_FOR_OTLP = 256
"""Spans. Fewer are sooner written as rows: planning the engine's own reader takes some 30 ms."""
AT_ONCE = 2
"""Parts of a segment that are inserted at the same time: one is planned while the other is written."""
NESTED_FOR_S = 60.0
"""So long after nested values they are looked for at once; their sender will send more."""


class _StoppedError(Exception):
    """The writer was asked to end; what it holds stays in the log."""


class Writer:
    """Moves sealed segments into the store.

    Args:
        wal: where they come from.
        ledger: who counts them.
        store_url: where they go.
        prepare: creates or upgrades the schema there, whenever the store has been away.
    """

    def __init__(
        self, wal: Wal, ledger: Ledger, store_url: str, *, prepare: Callable[[], object]
    ) -> None:
        self.problem: str | None = "the store has not been reached yet"
        """Why nothing can be stored at the moment."""
        self.outage: tuple[float, float] = (0.0, 0.0)
        """Start and end of the store's last absence, Unix seconds of product time; end 0: still on."""
        self.lag_s = 0.0
        """How long the last segment took from its seal into the store."""
        self._wal, self._ledger = wal, ledger
        self._url, self._prepare = store_url, prepare
        self._store: Store | None = None
        self._stop, self._give_up = threading.Event(), threading.Event()
        self._heard = self._flushed = 0.0
        self._nested_until = self._rest_until = 0.0
        self._enough_bytes = MUCH_BYTES
        self._completing = Completing()
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
        self._rest()
        stopping = self._stop.is_set()
        segment = self._wal.take(0.0 if stopping else 0.5)
        if segment is not None:
            self._write(store, segment)
        elif time.monotonic() - self._heard > PING_EVERY_S:
            _ping(store)
            self._hear()
        self._completing.run(store, at_once=stopping)
        if (stopping and segment is None) or time.monotonic() - self._flushed > LEDGER_EVERY_S:
            self._flush(store)
        return stopping and segment is None

    def _rest(self) -> None:
        """Leave the store alone for a moment after a small insert.

        Whatever is in it, an insert costs the planning of the views; senders of single spans would
        otherwise keep a core busy with nothing else.
        """
        while (
            time.monotonic() < self._rest_until
            and self._wal.bytes < self._enough_bytes
            and not self._stop.is_set()
        ):
            self._give_up.wait(0.02)

    def _plan_rest(self, segment: Segment, requests: int) -> None:
        """After a segment: small requests are worth gathering for longer, batches are not."""
        small = segment.size < SMALL_REQUEST_BYTES * requests
        rest_s = SMALL_REST_S if small else min(self.lag_s, SMALL_REST_S)
        self._enough_bytes = PART_BYTES if small else MUCH_BYTES
        self._rest_until = time.monotonic() + rest_s

    def _connect(self) -> Store:
        """The store, with its schema; made anew after every trouble."""
        if self._store is None:
            self._prepare()
            self._store = Store(self._url, timeout_s=TIMEOUT_S)
            _ping(self._store)
            LOG.info("store.reached")
            self._hear()
        return self._store

    def _hear(self) -> None:
        self._heard, self.problem = time.monotonic(), None
        if self.outage[0] and not self.outage[1]:
            self.outage = (self.outage[0], utcnow().timestamp())

    def _lament(self, error: Exception) -> None:
        reason = f"{type(error).__name__}: {str(error)[:500]}"
        if self.problem != reason:
            LOG.warning("store.away reason=%s", reason)
        self.problem = reason
        if not self.outage[0] or self.outage[1]:
            self.outage = (utcnow().timestamp(), 0.0)
        if self._store is not None:
            self._store.close()
            self._store = None

    def _write(self, store: Store, segment: Segment) -> None:
        account = Account()
        refused: list[RefusedRow] = []
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="insert") as pool:
            under_way: deque[Future[list[RefusedRow]]] = deque()
            for part in parts(segment, account):
                under_way.append(pool.submit(self._insert_part, store, part))
                if len(under_way) == AT_ONCE:
                    refused += under_way.popleft().result()
            for last in under_way:
                refused += last.result()
        self._put_aside(segment, refused)
        self._settle(segment, account, refused)
        self._completing.note(account)
        self.lag_s = time.monotonic() - began
        self._plan_rest(segment, account.requests)
        self._hear()

    def _insert_part(self, store: Store, part: Part) -> list[RefusedRow]:
        if self._insert_otlp(store, part):
            return []
        rows, minutes = part.rows()
        return self._insert(store, Rows(part, rows, minutes), 0, len(rows))

    def _insert_otlp(self, store: Store, part: Part) -> bool:
        """Let the store read the bytes; false where it has to be done by rows."""
        if part.signal != "traces" or part.count < FEWEST_FOR_OTLP:
            return False
        flat = time.monotonic() < self._nested_until
        otlp = part.flat_otlp() if flat else part.otlp()
        reason = self._attempt(lambda: insert_otlp(store, otlp, part.token))
        if reason is not None and reason.code == NESTED and not flat:
            self._nested_until = time.monotonic() + NESTED_FOR_S
            return self._insert_otlp(store, part)
        if reason is not None:
            LOG.warning("store.by_rows token=%s reason=%s", part.token, reason.text)
        return reason is None

    def _insert(self, store: Store, found: Rows, low: int, high: int) -> list[RefusedRow]:
        """Insert rows `low` to `high` of a part; returns those that the store refuses."""
        table, whole = found.part.table, (low, high) == (0, len(found.rows))
        token = found.part.token if whole else f"{found.part.token}/{low}-{high}"
        reason = self._attempt(
            lambda: insert(store, table.name, table.columns, found.rows[low:high], token)
        )
        if reason is None:
            return []
        if high - low == 1:
            LOG.error("store.refused token=%s reason=%s", token, reason.text)
            return [RefusedRow(found, low, reason.text)]
        middle = (low + high) // 2
        return self._insert(store, found, low, middle) + self._insert(store, found, middle, high)

    def _attempt(self, write: Callable[[], None]) -> Reason | None:
        """Write until it is known to be stored (None) or known to be refused (the reason)."""
        for attempt in range(1, UNKNOWN_ATTEMPTS + 1):
            if self._give_up.is_set():
                raise _StoppedError
            try:
                write()
            except (ClickHouseError, *CLIENT_DATA_ERRORS) as error:
                code = getattr(error, "code", None)
                if refuses_rows(error):
                    return Reason(code, str(error)[:2000])
                if code is None or code in STORE_ERRORS:
                    raise
                if attempt == UNKNOWN_ATTEMPTS:
                    return Reason(code, str(error)[:2000])
                self._give_up.wait(FIRST_WAIT_S * 2**attempt)
            else:
                return None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _put_aside(self, segment: Segment, refused: list[RefusedRow]) -> None:
        if not refused:
            return
        path = self._wal.refused / f"{segment.name}.jsonl"
        with path.open("wb") as file:
            for row in refused:
                file.write(orjson.dumps(row.document(), default=str) + b"\n")

    def _settle(self, segment: Segment, account: Account, refused: list[RefusedRow]) -> None:
        counts = account.counts
        lost: Counter[Count] = Counter(row.count() for row in refused)
        for count, n in list(counts.items()):
            if count.entry == "accepted":
                there = Count(count.minute, count.signal, count.service, "refused", "by the store")
                counts[Count(count.minute, count.signal, count.service, "stored")] = n - lost[there]
        counts += lost
        for level, where in account.levels.values():
            counts[where] += self._ledger.increase(level.service, level.instance, level.value)
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


def _ping(store: Store) -> None:
    if not store.client.ping():
        raise StoreUnavailableError
