"""The journal: verdicts and replies that come back as they were, files that are refused, and pruning."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judges.asking.replies import StoredReply
from judges.interaction import JudgeFailure, Judgement, NotApplicable, Usage, Verdict
from judges.running.books import Asked
from judges.running.budget import Account, Claim, Limits, Settlement, Spend
from judges.running.journal import Journal, JournalError
from judges.running.kept import dumps, loads

USAGE = Usage("gpt-5", 100, None, None, 2, 1, 812.5)
VERDICTS: list[Verdict] = [
    Judgement(
        "right", True, "yes", "because", "v1", USAGE, '{"verdict": "yes"}', "point",
        MappingProxyType({"yes": 0.9, "no": 0.1}), "swapped", {"q1": True, "q2": 3.0, "q3": "na"},
    ),
    Judgement("grade", 4.25, "4", "", "v1"),
    Judgement("letter", "C", "C", "Zoë: 你好 \x00 \ud83d", "v1"),
    NotApplicable("right", "no date", "v1", USAGE, "na"),
    JudgeFailure("right", "v1", "cut off", "{", "invalid_output", USAGE),
]  # fmt: skip
DAYS = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "data" / "judging.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """A journal in a file, in a folder that was not there."""
    with Journal(path) as made:
        yield made


def keep(journal: Journal, run_id: str, at: datetime, verdicts: list[Verdict]) -> None:
    """Settle verdicts for a cent each, as a run does."""
    account = Account(journal, run_id, Limits(), now=lambda: at)
    journal.open_run(run_id, account.holder, account.today())
    claims = [Claim(Asked(v.name, v.version, f"k{n}"), 20_000_000) for n, v in enumerate(verdicts)]
    holds = account.turn((), claims).holds
    done = [Settlement(*one) for one in zip(holds, [10_000_000] * 9, verdicts, strict=False)]
    account.turn(done, ())
    journal.close_run(run_id, account.holder)
    account.close()


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda one: f"{type(one).__name__} {one.name}")
def test_a_verdict_comes_back_as_it_was(journal: Journal, path: Path, verdict: Verdict):
    """All kinds, all fields, whatever text a model wrote; also for another process later."""
    keep(journal, "r", DAYS[0], [verdict])
    assert journal.verdicts("r") == {Asked(verdict.name, verdict.version, "k0"): verdict}
    with Journal(path) as again:
        assert list(again.verdicts("r").values()) == [verdict]
        assert again.verdicts("other") == {}


@settings(max_examples=100, deadline=None)
@given(st.builds(
    Judgement, name=st.text(), value=st.booleans() | st.floats(allow_nan=False) | st.text(), label=st.text(),
    reason=st.text(st.characters(codec=None)), version=st.text(), raw=st.text(st.characters(codec=None)),
    details=st.dictionaries(st.text(), st.booleans() | st.floats(allow_nan=False) | st.text()),
))  # fmt: skip
def test_equal_verdicts_are_equal_texts(verdict: Judgement):
    """The text is canonical, plain ASCII on one line, and loses nothing."""
    assert loads(dumps(verdict)) == verdict
    assert dumps(loads(dumps(verdict))) == dumps(verdict)
    assert dumps(verdict).isascii()
    assert "\n" not in dumps(verdict)


def test_values_of_numpy_are_kept_as_numbers():
    """A judge of a user's may answer with numpy's scalars."""
    kept = loads(dumps(Judgement("n", np.bool_(True), "", "", "v", details={"x": np.float32(0.5)})))
    assert isinstance(kept, Judgement)
    assert (kept.value, kept.details) == (True, {"x": 0.5})


def test_a_verdict_that_cannot_be_read_is_said(journal: Journal, path: Path):
    """Damaged text is no verdict, and no reason to ask and pay again silently."""
    keep(journal, "r", DAYS[0], VERDICTS[:1])
    with closing(sqlite3.connect(path)) as other, other:
        other.execute('UPDATE verdicts SET verdict = \'{"kind": "Guess"}\'')
    with pytest.raises(JournalError, match=r"not a kept verdict.*another id"):
        journal.verdicts("r")


def test_a_reply_is_cached_for_all_runs(journal: Journal, path: Path):
    """What was stored comes back; the newest for a request counts."""
    reply = StoredReply('{"verdict": "no"} \ud83d', {"no": 0.75}, USAGE)
    assert journal.get("request") is None
    journal.put("request", StoredReply("old"))
    journal.put("request", reply)
    with Journal(path) as again:
        assert again.get("request") == reply


def test_a_journal_in_memory_works_alike():
    """Without a path nothing is written, and all the rest holds."""
    with Journal(None) as journal:
        keep(journal, "r", DAYS[0], VERDICTS[:2])
        journal.put("request", StoredReply("text"))
        assert len(journal.verdicts("r")) == 2
        assert journal.get("request") == StoredReply("text")


def test_it_is_readable_by_its_owner_alone(journal: Journal, path: Path):
    """It quotes what people wrote."""
    journal.put("request", StoredReply("text"))
    files = sorted(path.parent.iterdir())
    assert path in files
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


def test_other_files_are_refused_and_left_alone(tmp_path: Path):
    """No database, another program's, a newer edition's, a folder: one line that says what to do."""
    text, other, newer = (tmp_path / name for name in ("text", "other", "newer"))
    text.write_text("these are my notes\n" * 100, "utf-8")
    with closing(sqlite3.connect(other)) as made, made:
        made.execute("CREATE TABLE recipes (name TEXT)")
    Journal(newer).close()
    with closing(sqlite3.connect(newer)) as made, made:
        made.execute("PRAGMA user_version = 99")
    before = [one.read_bytes() for one in (text, other)]
    for path, said in [
        (text, "it is no journal; move it away"),
        (other, "another program's database; give another path"),
        (newer, "of a newer Outerloop; upgrade"),
        (tmp_path, "directory"),
        (text / "judging.sqlite", "make sure that its folder exists"),
    ]:
        with pytest.raises(JournalError, match=said) as error:
            Journal(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    assert [one.read_bytes() for one in (text, other)] == before


def test_a_damaged_file_is_one_clear_error(path: Path):
    """Pages that were overwritten are noticed when they are read, and say so."""
    with Journal(path) as journal:
        keep(journal, "r", DAYS[0], [Judgement("n", 1.0, "x" * 5000, "", "v")] * 9)
    blob = bytearray(path.read_bytes())
    blob[4096:] = os.urandom(len(blob) - 4096)
    path.write_bytes(blob)
    with pytest.raises(JournalError, match="damaged; move it away"), Journal(path) as journal:
        journal.verdicts("r")


def test_a_file_that_was_replaced_is_noticed(journal: Journal, path: Path):
    """A fresh file would let the same money be spent again."""
    account = Account(journal, "r", Limits(1.0))
    path.rename(path.with_name("moved"))
    with pytest.raises(JournalError, match="deleted or replaced"):
        account.turn((), [Claim(Asked("j", "v", "k"), 1)])
    Journal(path).close()
    with pytest.raises(JournalError, match="deleted or replaced"):
        journal.put("request", StoredReply("text"))
    account.close()


def test_a_journal_that_another_holds_for_too_long_says_so(journal: Journal, path: Path):
    """Waiting ends with who is to be looked at."""
    with Journal(path, busy_timeout_s=0.05) as waiting:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(JournalError, match="another process has been writing"):
                waiting.put("request", StoredReply("text"))
            other.execute("ROLLBACK")
        waiting.put("request", StoredReply("text"))
    assert journal.get("request") == StoredReply("text")


def test_a_closed_journal_is_closed(path: Path):
    """Closing twice is fine; using it afterwards is not."""
    journal = Journal(path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.get("request")


def test_many_open_a_new_journal_at_once(path: Path):
    """One makes it, the others find it made."""
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with Journal(path) as journal:
                journal.enter()
        except BaseException as error:  # noqa: BLE001 - the test reports it
            errors.append(error)

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_pruning_takes_what_is_older_and_nothing_that_lives(journal: Journal):
    """Verdicts, holds, sums and replies of earlier days go; later ones and living holders stay."""
    living = Account(journal, "alive", Limits(), now=lambda: DAYS[0])
    journal.open_run("alive", living.holder, living.today())
    [held] = living.turn((), [Claim(Asked("j", "v", "k"), 30_000_000)]).holds
    dead = Account(journal, "dead", Limits(), now=lambda: DAYS[0])
    dead.turn((), [Claim(Asked("j", "v", "k"), 30_000_000)])
    dead.close()
    for number, day in enumerate(DAYS):
        keep(journal, f"r{number}", day, VERDICTS)
        journal.put(f"request {number}", StoredReply(f"{number}"))
    assert journal.prune(before=date(2026, 3, 3)) > 20
    assert [len(journal.verdicts(f"r{number}")) for number in range(3)] == [0, 0, 5]
    assert [journal.get(f"request {number}") is None for number in range(3)] == [True, True, False]
    assert living.spent_on("2026-03-02").booked_usd == 0.0
    assert living.spent_on("2026-03-03").settled_usd == 0.05
    assert living.spent() == Spend(0.0, 0.0, 0.03)
    living.settle(held, 10_000_000)
    assert living.spent_on("2026-03-01").settled_usd >= 0.01
    assert Account(journal, "dead").spent().booked_usd == 0.0
    living.close()
    assert journal.prune(before=date(2026, 3, 4)) > 5
    assert journal.prune(before=date(2026, 3, 4)) == 0


def test_what_is_kept_about_a_sample_can_be_erased(journal: Journal, path: Path):
    """Its verdicts go from all runs, the cache goes whole, the sums stay, and no page remembers."""
    secret = Judgement("right", True, "yes", "Erika Mustermann owes 5", "v1")
    for run_id in ("a", "b"):
        keep(journal, run_id, DAYS[0], [*VERDICTS[:1], secret])
    journal.put("request", StoredReply("Erika Mustermann"))
    assert journal.forget(["k1", "no such key"]) == 3
    assert [list(journal.verdicts(run)) for run in "ab"] == [[Asked("right", "v1", "k0")]] * 2
    assert journal.get("request") is None
    assert Account(journal, "a").spent().settled_usd == 0.02
    assert not any(b"Mustermann" in one.read_bytes() for one in path.parent.iterdir())
