"""The journal's statements: what one transaction can ask and write. Money in whole nano-USD."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Asked", "Books", "HoldRow", "Scope", "Total"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What one verdict of a run is about; a run has at most one for each."""

    judge: str
    version: str
    key: str
    """Of the interaction."""
    repeat: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What a limit is about."""

    kind: Literal["run", "day", "service"]
    day: str
    """UTC, as `2026-03-01`; '' of a run."""
    name: str
    """Of the run or the service; '' of a day."""


@dataclass(frozen=True, slots=True)
class Total:
    """What the holds of a scope come to."""

    settled: int = 0
    open: int = 0
    """Held and lost ones."""


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold as it is stored; `settled` is None while it is open."""

    id: int
    run_id: str
    service: str
    day: str
    asked: Asked
    most: int
    settled: int | None
    holder: int

    @property
    def scopes(self) -> tuple[Scope, Scope, Scope]:
        """What it is booked under."""
        return (
            Scope("run", "", self.run_id),
            Scope("day", self.day, ""),
            Scope("service", self.day, self.service),
        )


class Books:
    """One transaction's view of the journal."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def totals(self, scopes: Iterable[Scope]) -> dict[Scope, Total]:
        """What is booked under each scope."""
        found: dict[Scope, Total] = {}
        for scope in scopes:
            row = self._connection.execute(
                "SELECT settled, open FROM totals WHERE kind = ? AND day = ? AND name = ?",
                (scope.kind, scope.day, scope.name),
            ).fetchone()
            found[scope] = Total(*row) if row else Total()
        return found

    def set_totals(self, totals: Mapping[Scope, Total]) -> None:
        """Book the new sums."""
        self._connection.executemany(
            "INSERT INTO totals (kind, day, name, settled, open) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET settled = excluded.settled, open = excluded.open",
            ((s.kind, s.day, s.name, total.settled, total.open) for s, total in totals.items()),
        )

    def open_holds(self, scope: Scope) -> dict[int, int]:
        """What each holder has open under the scope; 0 is those who gave up."""
        where, values = {
            "run": ("run_id = ?", (scope.name,)),
            "day": ("day = ?", (scope.day,)),
            "service": ("day = ? AND service = ?", (scope.day, scope.name)),
        }[scope.kind]
        return dict(
            self._connection.execute(
                "SELECT holder, sum(most) FROM holds INDEXED BY open_holds"  # noqa: S608 - no text from outside
                f" WHERE settled IS NULL AND {where} GROUP BY holder",
                values,
            )
        )

    def next_hold(self) -> int:
        """The first free number for a hold."""
        [last] = self._connection.execute("SELECT max(id) FROM holds").fetchone()
        return int(last or 0) + 1

    def add_holds(self, holds: Iterable[HoldRow]) -> None:
        """Set money aside."""
        self._connection.executemany(
            "INSERT INTO holds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    *(h.id, h.run_id, h.service, h.day),
                    *(h.asked.judge, h.asked.version, h.asked.key, h.asked.repeat),
                    *(h.most, h.settled, h.holder),
                )
                for h in holds
            ),
        )

    def settle_holds(self, costs: Sequence[tuple[int, int, int]]) -> int:
        """Settle open holds, given (cost, hold, holder); says how many were still open."""
        return self._connection.executemany(
            "UPDATE holds SET settled = ? WHERE id = ? AND holder = ? AND settled IS NULL", costs
        ).rowcount

    def give_up(self, holds: Iterable[int]) -> None:
        """Nobody will settle these any more: they are lost."""
        self._connection.executemany(
            "UPDATE holds SET holder = 0 WHERE id = ? AND settled IS NULL",
            ((hold,) for hold in holds),
        )

    def keep_verdicts(self, run_id: str, verdicts: Iterable[tuple[Asked, str]]) -> None:
        """Keep verdicts, as text; the first on a sample stays."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?, ?, ?, ?)",
            ((run_id, a.judge, a.version, a.key, a.repeat, text) for a, text in verdicts),
        )

    def verdicts(self, run_id: str) -> list[tuple[Asked, str]]:
        """All verdicts of a run, as text."""
        rows = self._connection.execute(
            "SELECT judge, version, key, repeat, verdict FROM verdicts WHERE run_id = ?", (run_id,)
        )
        return [(Asked(*asked), text) for *asked, text in rows]

    def reply(self, key: str) -> str | None:
        """A cached reply, as text."""
        row = self._connection.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else None

    def keep_reply(self, key: str, day: str, reply: str) -> None:
        """Cache a reply; the newest stays."""
        self._connection.execute(
            "INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", (key, day, reply)
        )

    def new_holder(self, pid: int) -> int:
        """A number that no holder ever had."""
        made = self._connection.execute("INSERT INTO holders (pid) VALUES (?)", (pid,)).lastrowid
        assert made is not None
        return made

    def holders(self) -> list[int]:
        """All holders that are remembered."""
        return [row[0] for row in self._connection.execute("SELECT id FROM holders")]

    def pid(self, holder: int) -> int:
        """The holder's process; 0 when it is not remembered."""
        row = self._connection.execute("SELECT pid FROM holders WHERE id = ?", (holder,)).fetchone()
        return int(row[0]) if row else 0

    def run_holder(self, run_id: str) -> int:
        """Who runs it; 0 when nobody does."""
        row = self._connection.execute(
            "SELECT holder FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
        return int(row[0]) if row else 0

    def own_run(self, run_id: str, holder: int, day: str) -> None:
        """Note who runs it, and since when."""
        self._connection.execute(
            "INSERT INTO runs VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET holder = excluded.holder, day = max(day, excluded.day)",
            (run_id, holder, day),
        )

    def disown_run(self, run_id: str, holder: int) -> None:
        """Nobody runs it any more."""
        self._connection.execute(
            "UPDATE runs SET holder = 0 WHERE run_id = ? AND holder = ?", (run_id, holder)
        )

    def prune_verdicts(self, day: str, living: Sequence[int], limit: int) -> int:
        """Delete some verdicts of runs that were last opened before the day and are over."""
        return self._connection.execute(
            "DELETE FROM verdicts WHERE rowid IN (SELECT rowid FROM verdicts WHERE run_id IN"
            " (SELECT run_id FROM runs WHERE day < ?"
            " AND holder NOT IN (SELECT value FROM json_each(?))) LIMIT ?)",
            (day, json.dumps(living), limit),
        ).rowcount

    def prune_holds(self, day: str, living: Sequence[int], limit: int) -> int:
        """Delete some settled and lost holds of earlier days."""
        return self._connection.execute(
            "DELETE FROM holds WHERE id IN (SELECT id FROM holds WHERE day < ? AND"
            " (settled IS NOT NULL OR holder NOT IN (SELECT value FROM json_each(?))) LIMIT ?)",
            (day, json.dumps(living), limit),
        ).rowcount

    def prune_replies(self, day: str, _living: Sequence[int], limit: int) -> int:
        """Delete some replies of earlier days."""
        return self._connection.execute(
            "DELETE FROM replies WHERE key IN (SELECT key FROM replies WHERE day < ? LIMIT ?)",
            (day, limit),
        ).rowcount

    def prune_runs(self, day: str, living: Sequence[int]) -> int:
        """Forget runs that were last opened before the day and are over."""
        return self._connection.execute(
            "DELETE FROM runs WHERE day < ? AND holder NOT IN (SELECT value FROM json_each(?))",
            (day, json.dumps(living)),
        ).rowcount

    def prune_totals(self, day: str) -> int:
        """Delete sums of earlier days, and of runs that have nothing left."""
        return self._connection.execute(
            "DELETE FROM totals WHERE CASE kind WHEN 'run'"
            " THEN name NOT IN (SELECT run_id FROM runs UNION SELECT run_id FROM holds)"
            " ELSE day < ? AND day NOT IN (SELECT day FROM holds WHERE settled IS NULL) END",
            (day,),
        ).rowcount

    def prune_holders(self, living: Sequence[int]) -> int:
        """Forget holders that are gone; their open holds count as lost without them too."""
        return self._connection.execute(
            "DELETE FROM holders WHERE id NOT IN (SELECT value FROM json_each(?))",
            (json.dumps(living),),
        ).rowcount

    def forget(self, keys: Iterable[str]) -> int:
        """Erase what is kept about samples; the sums stay."""
        chosen = (json.dumps(list(keys)),)
        erased = self._connection.execute(
            "DELETE FROM verdicts WHERE key IN (SELECT value FROM json_each(?))", chosen
        ).rowcount
        self._connection.execute(
            "UPDATE holds SET key = '' WHERE key IN (SELECT value FROM json_each(?))", chosen
        )
        return erased + self._connection.execute("DELETE FROM replies").rowcount
