"""One erasure from the request to the receipt; after an interruption, asking again goes on from there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from monitor.curation.reserve import load_key
from monitor.erasure.artifacts import called, drop_reports
from monitor.erasure.folders import clean_refused
from monitor.erasure.judging import clean_evaluations, forget_judged
from monitor.erasure.log import clean_log, collector_runs, wait_for_log
from monitor.erasure.placeholders import placeholders
from monitor.erasure.receipt import Erasure, ErasureRow, earlier, trained_releases
from monitor.erasure.resent import remember_erased
from monitor.erasure.rows import Rows, Staged
from monitor.erasure.texts import Erased, rewrite
from monitor.erasure.trained import drop_exports, drop_learnt, holding, mark_trained
from monitor.store.migrate import cluster_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from monitor.erasure.subject import Subject
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["erase"]

ROUNDS = 3
"""What arrives while rows are being deleted is found in the next round."""


def erase(
    store: Store,
    settings: Settings,
    subject: Subject,
    *,
    now: datetime,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Erasure:
    """Erase a subject everywhere and leave a receipt; with `dry_run`, only count.

    Args:
        store: the store.
        settings: where the collector, its log and the exports are.
        subject: who or what.
        now: time of the receipt.
        dry_run: look, and change nothing.
        say: told what takes long.

    Raises:
        LogBusyError: the collector's log cannot be passed or rewritten now; nothing has been erased.
        JournalHeldError: the judging journal cannot be written; no row has been erased.
        ConfigurationError: ids are masked and the key of their placeholders is not here.
    """
    key = load_key(settings.data_dir)
    request = subject.pseudonym(key)
    rows = Rows(store, request, cluster=cluster_of(store, urlsplit(store.url).path.strip("/")))
    running = collector_runs(settings)
    if running and not dry_run:
        wait_for_log(settings, say=say)
    subject = replace(subject, aliases=placeholders(store, settings, subject))
    rows.find(subject)
    log, removed = _log(settings, subject, rows, running=running, dry_run=dry_run)
    gone = Counter({"log": removed} if removed else {})
    # as long as the rows are there to say them
    keys, made, times = rows.judged(), holding(store, request), called(store, request)
    shown = set(drop_reports(settings, times, now=now, dry_run=dry_run))
    stopped: list[str] = []
    if not dry_run:  # before the rows go, so that an interrupted erasure has said it
        stopped = mark_trained(store, made, request, now=now)
        _remember(store, key, request, rows.staged(), now)
    forgotten = forget_judged(settings.data_dir, keys, dry_run=dry_run)
    gone += rows.count() if dry_run else _delete(store, rows, subject, request, say)
    if not dry_run:  # what a judge that was at work has kept meanwhile
        forgotten += forget_judged(settings.data_dir, keys)
    gone += Counter({"judging journal": forgotten} if forgotten else {})
    staged = rows.staged()
    if not dry_run:  # what came in meanwhile
        _remember(store, key, request, staged, now)
    shown |= set(drop_reports(settings, times, now=now, dry_run=dry_run))  # made meanwhile
    files = [*_files(settings, subject, staged, dry_run=dry_run), *sorted(shown)]
    left = {} if dry_run else dict(rows.count())
    receipt = ErasureRow(
        erased_at=now,
        request=request,
        kind=subject.kind,
        rows=dict(gone),
        files=files,
        datasets=_ids(staged, "dataset"),
        releases=trained_releases(store, _ids(staged, "trained")),
        log=log,
        mentions=rows.mentions(subject),
        complete=not left and not dry_run,
    )
    before = earlier(store, request)
    if not dry_run:
        store.append("erasures", [receipt])
    if dry_run or receipt.complete:  # an incomplete one goes on from what has been put aside
        rows.forget()
    shared = len({one.partition("/")[0] for one in _ids(staged, "span")})
    return Erasure(
        receipt,
        dry_run=dry_run,
        shared_traces=shared,
        left=left,
        placeholders=subject.aliases,
        earlier=before,
        retrains=stopped,
    )


def _remember(store: Store, key: bytes, request: str, staged: list[Staged], now: datetime) -> None:
    traces, spans = _ids(staged, "trace"), _ids(staged, "span")
    remember_erased(store, key, request, traces=traces, spans=spans, now=now)


def _log(
    settings: Settings, subject: Subject, rows: Rows, *, running: bool, dry_run: bool
) -> tuple[str, int]:
    """What became of the log, and how many items were taken out of it."""
    if running:
        return "passed: the collector is up and had written what came before", 0
    waits = any((settings.data_dir / "wal").glob("*.wal"))
    if not waits:
        return "nothing waits in this data directory, and no collector answers", 0
    if dry_run:
        return "no collector answers; its log would be written anew", 0
    staged = rows.staged()
    removed, traces = clean_log(
        settings.data_dir, subject, sessions=_ids(staged, "session"), traces=_ids(staged, "trace")
    )
    if traces:
        rows.stage("trace", traces)
        rows.find(subject)
    return "no collector answers; its log was written anew", removed


def _delete(
    store: Store, rows: Rows, subject: Subject, request: str, say: Callable[[str], None]
) -> Counter[str]:
    gone: Counter[str] = Counter()
    for _ in range(ROUNDS):
        found = rows.count()
        if not found and gone:
            break
        say(f"deleting {sum(found.values()):,} rows of {len(found)} tables")
        gone += rows.delete()
        rows.find(subject)
    return gone + Counter(
        {f"{table} (rewritten)": n for table, n in rewrite(store, rows, request).items() if n}
    )


def _files(
    settings: Settings, subject: Subject, staged: list[Staged], *, dry_run: bool
) -> list[str]:
    named = sorted({*subject.ids, *_ids(staged, "trace"), *_ids(staged, "session")})
    found = [
        *clean_refused(settings.data_dir, named, dry_run=dry_run),
        *clean_evaluations(settings.data_dir, Erased.of(staged), dry_run=dry_run),
    ]
    found += drop_exports(settings.data_dir, _ids(staged, "trained"), dry_run=dry_run)
    if any(one.kind in ("trace", "span") for one in staged):
        found += drop_learnt(settings.data_dir, dry_run=dry_run)
    return found


def _ids(staged: Iterable[Staged], kind: str) -> list[str]:
    return [one.id for one in staged if one.kind == kind]
