"""The ledger counts once, whatever happens between two of its steps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from collector.ledger import Count, Ledger

STORED = Count(1704067200, "traces", "shop", "stored")


def test_counts_survive_a_restart(tmp_path: Path) -> None:
    """What was settled is still to be told to the store after a crash, and its total is known."""
    Ledger(tmp_path / "ledger.json", run="a").settle("s1", Counter({STORED: 5}))
    again = Ledger(tmp_path / "ledger.json", run="b")
    assert (again.settled, again.totals["traces", "stored"]) == ("s1", 5)
    flush = again.flush()
    assert flush is not None
    assert flush.rows == [[1704067200, "traces", "shop", "stored", "", 5]]


def test_a_flush_is_repeated_under_its_first_name_until_it_is_known(tmp_path: Path) -> None:
    """Rows whose insert may have happened are sent again unchanged, also by the next process."""
    ledger = Ledger(tmp_path / "ledger.json", run="a")
    ledger.settle("s1", Counter({STORED: 5}))
    first = ledger.flush()
    ledger.settle("s2", Counter({STORED: 1}))
    again = Ledger(tmp_path / "ledger.json", run="b")
    assert again.flush() == first
    again.flushed()
    rest = again.flush()
    assert rest is not None
    assert (rest.rows[0][-1], rest.token) == (1, "ledger-b-1")
    again.flushed()
    assert again.flush() is None


def test_drops_count_by_growth(tmp_path: Path) -> None:
    """Senders tell a cumulative number; only its growth counts, also over restarts."""
    ledger = Ledger(tmp_path / "ledger.json", run="a")
    told = [("i", 3), ("i", 3), ("j", 1), ("i", 10), ("i", 4), ("i", 11)]
    assert [ledger.increase("shop", who, level) for who, level in told] == [3, 0, 1, 7, 0, 1]
    ledger.settle("s1", Counter())
    assert Ledger(tmp_path / "ledger.json", run="b").increase("shop", "i", 12) == 1


def test_gathered_counts_come_back_when_the_log_is_full(tmp_path: Path) -> None:
    """Rejections that could not be written down yet are not forgotten."""
    ledger = Ledger(tmp_path / "ledger.json", run="a")
    count = Count(0, "traces", "", "rejected", "malformed")
    ledger.gather(count, 2)
    payload = ledger.harvest()
    assert payload is not None
    assert ledger.harvest() is None
    ledger.regather(payload)
    ledger.gather(count, 1)
    assert ledger.harvest() == b'[[0, "traces", "", "rejected", "malformed", 3]]'
    assert ledger.rejected["traces", "malformed"] == 3
