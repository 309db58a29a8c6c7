"""Who gets into a dataset, decided on made-up traffic: pure, over many seeds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.incidents import Example, Incident, IncidentDetails
from monitor.retrain.dataset import Curation, TrafficCall, choose
from monitor.retrain.reserve import load_key, reserved

TURN = datetime(2024, 1, 1, tzinfo=UTC)


def incident(*traces: str) -> Incident:
    """An open incident that shows these traces."""
    shown = [Example(trace_id=one, span_id="s", timestamp=TURN, value="", why="") for one in traces]
    return Incident(
        "inc-1",
        "svc",
        "title",
        "page",
        "calendar",
        "due_date",
        "year_slip",
        "series",
        TURN,
        TURN,
        TURN,
        None,
        "open",
        "job",
        IncidentDetails(examples=shown),
    )


def traffic(seed: int, n: int = 2000) -> list[TrafficCall]:
    """Calls over 20 days around the turn; some share their input, two thirds have a label."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, int(n * 4), size=n)
    return [
        TrafficCall(
            TURN + timedelta(days=float(rng.uniform(-10, 10))),
            f"{rng.integers(2**63):032x}",
            f"{i:016x}",
            int(hashes[i]),
            "{}" if rng.random() < 0.66 else "",
            "outcome:app",
            "failed_outcome" if rng.random() < 0.05 else "",
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_reserved_or_alike_is_trained_on(seed: int) -> None:
    """No training member is a reserved call or has its input; splits share no input."""
    calls, key = traffic(seed), np.random.default_rng(seed).bytes(32)
    chosen = choose(calls, incident=incident(), key=key, limits=Curation())
    test = {call.input_hash for call in calls if reserved(call.trace_id, key)}
    train = {one.call.input_hash for one in chosen.members if one.split == "train"}
    validation = {one.call.input_hash for one in chosen.members if one.split == "validation"}
    assert train
    assert validation
    assert not test & train
    assert not test & validation
    assert not train & validation
    assert chosen.near_duplicates > 0


def test_every_hard_example_is_in_or_counted() -> None:
    """A failed call is a member, labelled or not, unless reserved, alike, or over the limit."""
    calls, key = traffic(1), b"k" * 32
    hard = [one for one in calls if one.failed and one.timestamp >= TURN]
    test = {call.input_hash for call in calls if reserved(call.trace_id, key)}
    free = {
        one.trace_id
        for one in hard
        if not reserved(one.trace_id, key) and one.input_hash not in test
    }
    chosen = choose(calls, incident=incident(), key=key, limits=Curation())
    assert {one.call.trace_id for one in chosen.members if one.reason == "failed_outcome"} == free
    tight = choose(calls, incident=incident(), key=key, limits=Curation(hard=3))
    assert tight.hard_over_limit == len(free) - 3


def test_reasons_say_why() -> None:
    """Shown calls are `drifted`, people's labels `relabelled`, recent `random`, older `replay`."""
    at = TURN + timedelta(hours=1)
    key = b"k" * 32
    names = [name for name in map(str, range(100)) if not reserved(name, key)]
    calls = [
        TrafficCall(at, names[0], "s", 1, "", "", ""),
        TrafficCall(at, names[1], "s", 2, "{}", "human:ann", ""),
        TrafficCall(at, names[2], "s", 3, "{}", "outcome:app", ""),
        TrafficCall(TURN - timedelta(days=1), names[3], "s", 4, "{}", "outcome:app", ""),
        TrafficCall(at, names[4], "s", 5, "", "", ""),
        TrafficCall(at, names[5], "s", 6, "", "", "failed_check"),
    ]
    chosen = choose(calls, incident=incident(names[0]), key=key, limits=Curation())
    reasons = {one.call.trace_id: one.reason for one in chosen.members}
    assert reasons == {
        names[0]: "drifted",
        names[1]: "relabelled",
        names[2]: "random",
        names[3]: "replay",
        names[5]: "failed_check",
    }


def test_the_reserved_share_is_a_tenth_and_for_ever() -> None:
    """About 10 % of all traces are reserved: always the same, and others under another key."""
    names = [f"{n:032x}" for n in range(20_000)]
    first = [name for name in names if reserved(name, b"a" * 32)]
    assert 0.094 < len(first) / len(names) < 0.106
    assert first == [name for name in names if reserved(name, b"a" * 32)]
    other = {name for name in names if reserved(name, b"b" * 32)}
    assert len(other & set(first)) < 0.2 * len(first)


def test_the_key_is_made_once_and_is_private(tmp_path) -> None:
    """The key file is made at first use, readable by its owner only, and stays."""
    key = load_key(tmp_path / "data")
    assert load_key(tmp_path / "data") == key
    assert len(key) == 32
    assert (tmp_path / "data" / "reserve.key").stat().st_mode & 0o777 == 0o600
