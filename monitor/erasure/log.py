"""The collector's write-ahead log: it is waited for, or, while no collector runs, written anew.

The log is worked off in order, so everything that was accepted before the request is in the store as soon as the
collector has settled as many items as it had accepted then, however much comes in meanwhile.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from monitor.erasure.neighbour import ask
from monitor.exceptions import OuterloopError
from monitor.figures import Figures, ask_collector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.erasure.subject import Subject
    from monitor.settings import Settings

__all__ = ["LogBusyError", "clean_log", "collector_runs", "wait_for_log"]

WAIT_S, POLL_S = 60.0, 0.1


class LogBusyError(OuterloopError):
    """The collector still holds rows for the store; see its /readyz for why, then run this again."""


def collector_runs(settings: Settings) -> bool:
    """Whether a collector answers where it should be."""
    return _figures(settings) is not None


def wait_for_log(settings: Settings, *, say: Callable[[str], None], wait_s: float = WAIT_S) -> None:
    """Return when the store has everything that the collector had accepted before this call.

    Raises:
        LogBusyError: it is not there in time, or the collector does not answer any more.
    """
    deadline = time.monotonic() + wait_s
    figures = _figures(settings)
    target = Counter(figures.by_signal("accepted_total")) if figures else Counter[str]()
    told = False
    while figures and (waiting := target - _settled(figures)):
        if time.monotonic() > deadline:
            raise LogBusyError(
                f"after {wait_s:.0f} s the collector still holds {sum(waiting.values()):,} items that came before this"
                f" request; {figures.url}/readyz says why. Nothing has been erased; run this again"
            )
        if not told:
            say(f"waiting for {sum(waiting.values()):,} items in the collector's log")
            told = True
        time.sleep(POLL_S)
        figures = _figures(settings)
    if figures is None:
        raise LogBusyError(
            "the collector stopped answering; nothing has been erased; run this again"
        )


def clean_log(
    data_dir: Path, subject: Subject, *, sessions: Sequence[str], traces: Sequence[str]
) -> tuple[int, list[str]]:
    """Write the log of a collector that does not run anew; returns the items taken out and their traces.

    The collector's own package knows the log's format, and a process of its own takes the log's lock.

    Raises:
        LogBusyError: a collector holds the log and does not answer.
    """
    folder = data_dir / "wal"
    if not any(folder.glob("*.wal")):
        return 0, []
    asked = {"folder": str(folder), "kind": subject.kind, "ids": subject.ids}
    found = {"sessions": list(sessions), "traces": list(traces)}
    told = ask("collector.erasure", asked | found, failure=LogBusyError)
    return int(told["removed"]), [str(one) for one in told["traces"]]


def _figures(settings: Settings) -> Figures | None:
    figures = ask_collector(settings)
    ours = isinstance(figures, Figures) and figures.by_signal("accepted_total")
    return figures if isinstance(figures, Figures) and ours else None


def _settled(figures: Figures) -> Counter[str]:
    return Counter(figures.by_signal("stored_total")) + Counter(figures.by_signal("refused_total"))
