"""A dataset version: who is in, in which split, why, and with whose label. Immutable, and named by its content.

Built from the traffic, its labels, and the examples that people brought. What was left out, and how
the slices of the training set compare with those of the traffic, is kept with the version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

import orjson

from monitor.curation.balance import SliceBalance, balance
from monitor.curation.choice import HARD, Choice, Curation, choose
from monitor.curation.closeness import Reserved, nearly
from monitor.curation.lineage import DatasetEventRow
from monitor.curation.members import fit, from_import, label_fits, masked, row_of
from monitor.curation.reserve import reserved
from monitor.curation.tools import offered_tools
from monitor.curation.traffic import call_texts, flag_drifted, traffic
from monitor.erasure.resent import drop_erased
from monitor.exceptions import ConfigurationError
from monitor.records import DatasetRow

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.curation.traffic import TrafficCall
    from monitor.incidents import Incident
    from monitor.store import Store

__all__ = [
    "DatasetSummary",
    "DatasetVersion",
    "ReserveKeyError",
    "build_dataset",
    "dataset_versions",
]


class ReserveKeyError(ConfigurationError):
    """The reserve key is another one than before; restore reserve.key from the backup."""


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """A version's counts, as the store knows them."""

    version: str
    service: str
    created_at: datetime
    train: int
    """Labelled members of the split, those that are exported."""
    validation: int
    reserved: int
    unlabelled: int
    """Members of train and validation that wait for a label; they are not exported."""
    tainted: bool = False
    """Somebody's calls in it have been erased since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetVersion(DatasetSummary):
    """A version as it was built."""

    since: datetime
    until: datetime
    hard_unlabelled: int
    """Hard examples that wait for a label."""
    near_duplicates: int
    """Calls kept out because they have a reserved call's input, or nearly."""
    hard_over_limit: int
    """Hard examples beyond `Curation.hard`."""
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Labelled members of train and validation by reason; one may have several."""
    authors: Mapping[str, int] = field(default_factory=dict)
    """The same by the label's author."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What was kept out, by why; `hard_…` counts the hard examples among them."""
    slices: Sequence[SliceBalance] = ()
    """Shares of the training set beside those of the traffic."""


def build_dataset(
    store: Store,
    *,
    service: str,
    incident: Incident | None,
    since: datetime,
    until: datetime,
    now: datetime,
    key: bytes,
    curation: Curation | None = None,
) -> DatasetVersion:
    """Build (or find again) the version that a service's calls of `since` <= t < `until` make.

    Args:
        store: where calls, labels and datasets are.
        service: whose calls.
        incident: what is to be cured; its start divides recent calls from older ones.
        since: start of the time that may be replayed.
        until: end of the time looked at.
        now: when it is built.
        key: the installation's reserve key.
        curation: size limits, and what counts as nearly the same.

    Raises:
        ReserveKeyError: an earlier version was built with another key.
    """
    limits = curation or Curation()
    _check_key(store, service, key, limits)
    calls = drop_erased(store, traffic(store, service, since, until), key)
    earlier = store.rows("dataset_tested", service=service)
    kept = Reserved(store, service, [text for _, text in earlier], limits)
    tested = frozenset(trace for trace, _ in earlier)
    chosen = choose(calls, incident=incident, key=key, limits=limits, tested=tested, near=kept.near)
    left = Counter(chosen.left_out)
    rows = _rows(store, service, chosen.members, now)
    test = [call for call in calls if call.trace_id in tested or reserved(call.trace_id, key)]
    rows += _imported(store, service, kept, test, left=left, now=now, limits=limits, key=key)
    rows = _checked(rows, left, limits)
    drifted = list(flag_drifted(calls, [incident] if incident else []))
    made = _told(rows, left, service=service, since=since, until=until, now=now)
    trained = {(row.trace_id, row.span_id) for row in rows if row.split != "reserved" and row.label}
    made = replace(made, slices=balance(calls, drifted, trained))
    _keep(store, rows, made, key)
    return made


def dataset_versions(store: Store) -> list[DatasetSummary]:
    """Every version with its counts, the newest first."""
    return store.read("dataset_versions", DatasetSummary)


def _check_key(store: Store, service: str, key: bytes, limits: Curation) -> None:
    known = store.rows("dataset_reserve_key", service=service)
    if known and known[0][0] != _fingerprint(key) and not limits.accept_new_key:
        raise ReserveKeyError(
            f"datasets of {service!r} were built with another reserve key, so calls that were tested on would now be"
            " trained on; restore <data dir>/reserve.key from the backup, or, if it is lost for good, build with"
            " --accept-new-key (calls in earlier test sets stay reserved)"
        )


def _fingerprint(key: bytes) -> str:
    return blake2b(key, person=b"fingerprint", digest_size=8).hexdigest()


def _rows(store: Store, service: str, members: Sequence[Choice], now: datetime) -> list[DatasetRow]:
    """The rows of chosen calls whose texts are still there."""
    calls = [member.call for member in members]
    texts, tools = call_texts(store, service, calls), offered_tools(store, calls)
    rows = []
    for member in members:
        at = member.call.trace_id, member.call.span_id
        if at in texts:
            rows.append(row_of(member, texts[at], service, now=now, tools=tools.get(at, "")))
    return rows


def _imported(
    store: Store,
    service: str,
    kept: Reserved,
    test: Sequence[TrafficCall],
    *,
    left: Counter[str],
    now: datetime,
    limits: Curation,
    key: bytes,
) -> list[DatasetRow]:
    """What people brought for this service, but for what looks like a reserved call."""
    brought = store.read("dataset_imported", DatasetRow, service=service)
    if not brought:
        return []
    rows = [from_import(row, now, key) for row in brought[: limits.imported]]
    left["imported_over_limit"] += max(0, len(brought) - limits.imported)
    alike = nearly([text for _, text in rows], kept.texts(test), limits.near)
    left["imported_near_input"] += sum(alike)
    return [row for (row, _), out in zip(rows, alike, strict=True) if not out]


def _checked(rows: Sequence[DatasetRow], left: Counter[str], limits: Curation) -> list[DatasetRow]:
    """Rows that fit the limits, masked; a label that cannot be one is put back to unlabelled."""
    fitting = [row for row in rows if fit(row, limits.longest)]
    left["too_long"] += len(rows) - len(fitting)
    left["hard_too_long"] += sum(row.reason in HARD for row in rows) - sum(
        row.reason in HARD for row in fitting
    )
    told = []
    for row in fitting:
        if row.label and not label_fits(row):
            left["label_is_no_json"] += 1
            told.append(replace(row, label="", label_author=""))
        else:
            told.append(row)
    return masked(told, limits.mask) if limits.mask else told


def _told(
    rows: Sequence[DatasetRow],
    left: Counter[str],
    *,
    service: str,
    since: datetime,
    until: datetime,
    now: datetime,
) -> DatasetVersion:
    exported = [row for row in rows if row.split != "reserved" and row.label]
    waiting = [row for row in rows if row.split != "reserved" and not row.label]
    return DatasetVersion(
        version=_identify(rows),
        service=service,
        created_at=now,
        train=sum(row.split == "train" for row in exported),
        validation=sum(row.split == "validation" for row in exported),
        reserved=sum(row.split == "reserved" for row in rows),
        unlabelled=len(waiting),
        since=since,
        until=until,
        hard_unlabelled=sum(row.reason in HARD for row in waiting),
        near_duplicates=left["same_input"] + left["near_input"],
        hard_over_limit=left["hard_over_limit"],
        reasons=dict(Counter(reason for row in exported for reason in row.reasons)),
        authors=dict(Counter(row.label_author for row in exported)),
        left_out={why: number for why, number in sorted(left.items()) if number},
    )


def _identify(rows: Sequence[DatasetRow]) -> str:
    """`ds-` and the hash of everything that makes the members what they are, not of the time."""
    lines = sorted(
        orjson.dumps(
            {
                name: value
                for name, value in asdict(row).items()
                if name not in ("created_at", "dataset_version", "call_timestamp")
            },
            option=orjson.OPT_SORT_KEYS,
        )
        for row in rows
    )
    digest = sha256(b"\n".join(lines)).hexdigest()
    return f"ds-{digest[:16]}"


def _keep(store: Store, rows: Sequence[DatasetRow], made: DatasetVersion, key: bytes) -> None:
    """Write a version that is not there yet, whole; a half written one is written again."""
    if store.value("dataset_size", version=made.version) != len(rows):
        store.append("datasets", [replace(row, dataset_version=made.version) for row in rows])
    details = orjson.dumps({**asdict(made), "reserve_key": _fingerprint(key)}).decode()
    store.append(
        "dataset_events",
        [DatasetEventRow(made.created_at, made.version, made.service, "built", "", "", details)],
    )
