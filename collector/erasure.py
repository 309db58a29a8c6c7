"""`python -m collector.erasure`: takes a user, session or trace out of the log of a collector that does not run.

Reads `{"folder", "kind", "ids", "sessions", "traces"}` as JSON from standard input, and prints `{"removed", "traces"}`.
A file that changes gets a new name: its parts are new batches to the store, so none is taken for one that the store
has seen. Where the collector died in the middle of such a file, spans may be in `otel_traces` twice, in `calls` once.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from collector.identities import IDENTITIES
from collector.otlp import item_lists, keep_only, message, service_of
from collector.segment import MAGIC, Record, Segment, frame, mend, records
from collector.values import text
from collector.wal_file import lock
from monitor.exceptions import OuterloopError, StoreLockedError

__all__ = ["main"]


@dataclass(slots=True)
class _Wanted:
    """What is to go."""

    kind: str
    ids: dict[str, frozenset[str]]
    """Of users and sessions."""
    traces: set[str]
    """Traces that go whole."""
    own: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Spans that name the subject, by trace."""
    shared: set[str] = field(default_factory=set)
    """Traces that somebody else is in."""

    def learn(self, item: Any) -> None:
        """Look at one span or log record of the log."""
        named = {
            kind: {text(one.value).strip('"') for one in item.attributes if pattern.search(one.key)}
            for kind, pattern in IDENTITIES.items()
        }
        trace = item.trace_id.hex()
        if any(named[kind] & ids for kind, ids in self.ids.items()):
            self.own[trace].add(item.span_id.hex())
        elif (self.kind in named and named[self.kind] - self.ids[self.kind] - {""}) and trace:
            self.shared.add(trace)

    def whole(self) -> set[str]:
        """Traces that are the subject's alone."""
        return (self.traces | set(self.own)) - self.shared - {""} | self.traces

    def takes(self, item: Any) -> bool:
        """Whether a span or log record goes."""
        trace = item.trace_id.hex()
        own = item.span_id.hex() in self.own.get(trace, ())
        return own or trace in self.traces


def main() -> int:
    """Do it; returns the exit status."""
    asked = json.load(sys.stdin)
    folder = Path(asked["folder"])
    kind, forms = asked["kind"], frozenset(asked["ids"])
    ids = {"user": frozenset[str](), "session": frozenset(asked.get("sessions", ()))}
    if kind in ids:
        ids[kind] |= forms
    traces = {*asked["traces"], *(forms if kind == "trace" else ())}
    wanted = _Wanted(kind, ids, traces)
    try:
        with _locked(folder):
            removed = _clean(folder, wanted)
    except OuterloopError as error:
        print(error, file=sys.stderr)  # noqa: T201 - one line on what to do
        return error.exit_code
    print(json.dumps({"removed": removed, "traces": sorted(wanted.whole())}))  # noqa: T201 - the answer
    return 0


def _clean(folder: Path, wanted: _Wanted) -> int:
    segments = list(_segments(folder))
    for segment in segments:
        for record in records(segment):
            for _, items in _groups(record):
                for item in items:
                    wanted.learn(item)
    wanted.traces = wanted.whole()
    return sum(_rewrite(segment, wanted) for segment in segments)


def _segments(folder: Path) -> Iterator[Segment]:
    state = folder / "ledger.json"
    settled = json.loads(state.read_text("utf-8"))["settled"] if state.exists() else ""
    for path in sorted(folder.glob("*.wal")):
        if path.stem == settled:  # the store has it; the collector would delete it at its start
            path.unlink()
        elif (segment := mend(path, folder / "refused")) is not None:
            yield segment


def _rewrite(segment: Segment, wanted: _Wanted) -> int:
    kept, removed = [MAGIC], 0
    for record in records(segment):
        left = _without(record, wanted)
        removed += record.count - left.count
        kept.append(frame(left))
    if removed:
        fresh = segment.path.with_suffix(".rewriting")
        with fresh.open("wb") as file:
            file.write(b"".join(kept))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(segment.path)
        number = segment.path.stem.partition("-")[0]
        segment.path.rename(segment.path.with_name(f"{number}-{uuid.uuid4().hex[:12]}.wal"))
    return removed


def _without(record: Record, wanted: _Wanted) -> Record:
    """A request without the subject's items; its own account of what it holds follows."""
    if record.signal not in ("traces", "logs"):
        return record
    request = message(record.signal, record.payload)
    gone: Counter[str] = Counter()
    for resource, items in item_lists(record.signal, request):
        left = [item for item in items if not wanted.takes(item)]
        if len(left) < len(items):
            gone[service_of(resource)] += len(items) - len(left)
            keep_only(items, left)
    if not gone:
        return record
    counts = tuple(
        (service, entry, reason, n - gone[service] if entry == "accepted" else n)
        for service, entry, reason, n in record.note.counts
    )
    count = record.count - gone.total()
    return replace(
        record,
        count=count,
        payload=request.SerializeToString() if count else b"",
        note=replace(record.note, counts=counts),
    )


def _groups(record: Record) -> Iterable[tuple[Any, Any]]:
    if record.signal not in ("traces", "logs"):
        return ()
    return item_lists(record.signal, message(record.signal, record.payload))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        held = lock(folder)
    except StoreLockedError as error:
        raise StoreLockedError(
            f"a collector holds {folder} and does not answer; stop it, or wait until it does, and run this again"
        ) from error
    with held:
        yield


if __name__ == "__main__":
    sys.exit(main())
