"""Who gets into a dataset, who is asked about next, and what counts as nearly the same: pure, over many seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from monitor.curation.balance import balance
from monitor.curation.choice import Curation, choose
from monitor.curation.order import SAMPLE, TURNS, asking_order, pools
from monitor.curation.reserve import load_key, reserved
from monitor.curation.similarity import NearestTexts, near_vectors
from monitor.curation.traffic import TrafficCall
from monitor.incidents import Example, Incident, IncidentDetails

TURN = datetime(2024, 1, 1, tzinfo=UTC)


def incident(*traces: str, root: tuple[tuple[str, str], ...] = ()) -> Incident:
    """An open incident that shows these traces, or is about a slice."""
    shown = [Example(trace_id=one, span_id="s", timestamp=TURN, value="", why="") for one in traces]
    return Incident(
        "inc-1", "svc", "title", "page", "calendar", "due_date", "year_slip", "series", TURN, TURN,
        TURN, None, "open", "job", IncidentDetails(examples=shown, root=root),
    )  # fmt: skip


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
            ("failed_outcome",) if rng.random() < 0.05 else (),
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
    assert chosen.left_out["same_input"] > 0


def test_every_hard_example_is_in_or_counted() -> None:
    """A failed call is a member, labelled or not, unless reserved, alike, or over the limit."""
    calls, key = traffic(1), b"k" * 32
    hard = [one for one in calls if one.signals and one.timestamp >= TURN]
    test = {call.input_hash for call in calls if reserved(call.trace_id, key)}
    others = [one for one in hard if not reserved(one.trace_id, key)]
    free = {one.trace_id for one in others if one.input_hash not in test}
    chosen = choose(calls, incident=incident(), key=key, limits=Curation())
    assert {one.call.trace_id for one in chosen.members if one.reason == "failed_outcome"} == free
    assert chosen.left_out["hard_same_input"] == len(others) - len(free)
    tight = choose(calls, incident=incident(), key=key, limits=Curation(hard=3))
    assert tight.left_out["hard_over_limit"] == len(free) - 3


def test_reasons_say_why() -> None:
    """Shown calls are `drifted`, people's labels `relabelled`, recent `random`, older `replay`; several at once too."""
    at, key = TURN + timedelta(hours=1), b"k" * 32
    names = [name for name in map(str, range(100)) if not reserved(name, key)]
    calls = [
        TrafficCall(at, names[0], "s", 1),
        TrafficCall(at, names[1], "s", 2, "{}", "human:ann", ("failed_outcome",)),
        TrafficCall(at, names[2], "s", 3, "{}", "outcome:app"),
        TrafficCall(TURN - timedelta(days=1), names[3], "s", 4, "{}", "outcome:app"),
        TrafficCall(at, names[4], "s", 5),
        TrafficCall(at, names[5], "s", 6, "", "", ("failed_check",)),
        TrafficCall(at, names[6], "s", 7, "{}", "outcome:app", release="r9"),
    ]
    shown = incident(names[0], root=(("release", "r9"),))
    chosen = choose(calls, incident=shown, key=key, limits=Curation())
    assert {one.call.trace_id: one.reasons for one in chosen.members} == {
        names[0]: ("drifted",),
        names[1]: ("failed_outcome", "relabelled"),
        names[2]: ("random",),
        names[3]: ("replay",),
        names[5]: ("failed_check",),
        names[6]: ("drifted",),
    }


def test_what_looks_like_a_reserved_call_is_counted_by_how_hard_it_is() -> None:
    """`near` is asked about those that would be in, against all reserved ones."""
    calls, key = traffic(2, 400), b"k" * 32
    plain = choose(calls, incident=None, key=key, limits=Curation())
    wanted = [one for one in plain.members if one.split != "reserved"]

    def near(asked, kept) -> list[bool]:
        assert len(kept) == sum(reserved(call.trace_id, key) for call in calls)
        return [number % 2 == 0 for number in range(len(asked))]

    halved = choose(calls, incident=None, key=key, limits=Curation(), near=near)
    assert halved.left_out["near_input"] == (len(wanted) + 1) // 2
    assert 0 < halved.left_out["hard_near_input"] < halved.left_out["near_input"]


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


def test_questions_take_turns_and_none_is_lost() -> None:
    """In every ten seven are hard while nobody waits for a second answer, three a random sample; none comes twice."""
    key = b"k" * 32
    calls = [replace(call, label="") for call in traffic(3, 3000)]
    asked = list(asking_order(calls, [False] * len(calls), reviewer="ann", key=key, answered=0))
    first = Counter(one.why for one in asked[:100])
    assert first == {"failed_outcome": 70, "random": 20, "reserved": 10}
    assert len({one.call.trace_id for one in asked}) == len(asked)
    after = asking_order(calls, [False] * len(calls), reviewer="ann", key=key, answered=2)
    assert next(after).why == TURNS[2]


def test_the_random_sample_is_drawn_with_the_probability_it_says() -> None:
    """Each half begins with about `SAMPLE` calls, and doubles when they are answered."""
    key, calls = b"k" * 32, [replace(call, signals=()) for call in traffic(4, 4000)]
    found = pools(calls, [False] * len(calls), reviewer="ann", key=key)
    others = sum(not reserved(call.trace_id, key) for call in calls)
    for kind, size in (("random", others), ("reserved", len(calls) - others)):
        assert {one.probability for one in found[kind]} == {min(1.0, SAMPLE / size)}
        assert 0.7 * SAMPLE < len(found[kind]) < 1.3 * SAMPLE
    drawn = {one.call.trace_id for one in found["random"]}
    done = [replace(one, reviewers=("ann",)) if one.trace_id in drawn else one for one in calls]
    more = pools(done, [False] * len(calls), reviewer="ann", key=key)["random"]
    assert {one.probability for one in more} == {2 * SAMPLE / others}
    assert not drawn & {one.call.trace_id for one in more}


def test_two_people_start_with_different_calls() -> None:
    """Each has an own order, so that nobody does another's work; an equal person the same."""
    calls, key = traffic(5, 3000), b"k" * 32
    calls = [replace(call, label="") for call in calls]

    def first(name: str) -> list[str]:
        asked = asking_order(calls, [False] * len(calls), reviewer=name, key=key, answered=0)
        return [one.call.trace_id for one in islice(asked, 20)]

    assert first("ann") == first("ann")
    assert len(set(first("ann")) & set(first("bob"))) < 10


@pytest.mark.parametrize("n", [2, 30, 3000])
def test_a_template_is_no_likeness_and_an_edit_is_no_difference(n: int) -> None:
    """Calls of one template that differ in name, loan and amount are different; one with a typo is the same."""
    rng = np.random.default_rng(n)
    texts = [
        f"Thank you for calling Harbor Home Loans, this is customer {rng.integers(10**6)}. I want to check when I"
        f" have to pay next on loan {rng.integers(10**6):06d}; the amount should be {rng.integers(10**4)} dollars."
        for _ in range(n)
    ]
    kept = texts[: max(1, n // 10)]
    typo = [text.replace("calling", "caling").upper() for text in kept]
    cosines = NearestTexts(kept, [*texts[len(kept) :], *typo]).cosines()
    apart = cosines[: n - len(kept)]
    assert cosines[n - len(kept) :].min() > Curation().near
    if n > 100:
        assert apart.max() < Curation().near


@pytest.mark.parametrize("texts", [[], [""], ["", "a"], ["same"] * 5, ["\ud800"], ["x" * 100_000]])
def test_odd_texts_are_compared_all_the_same(texts: list[str]) -> None:
    """Nothing, empty texts, equal ones, half a surrogate pair, one letter a hundred thousand times."""
    cosines = NearestTexts(["same", "", "x" * 99_999], texts).cosines()
    assert len(cosines) == len(texts)
    assert np.isfinite(cosines).all()
    assert all(
        cosine > 0.99 for cosine, text in zip(cosines, texts, strict=True) if text in ("same", "")
    )
    assert len(NearestTexts([], texts).cosines()) == len(texts)


def test_balance_of_nothing_is_nothing() -> None:
    """No calls, no slices; no members, shares of 0."""
    assert balance([], [], set()) == []
    [release, model] = balance([TrafficCall(TURN, "t", "s", 1)], [False], set())
    assert release.training_share == model.training_share == 0.0


def test_vectors_are_compared_as_they_differ_from_the_crowd() -> None:
    """Vectors that all share one direction are not near for that; a twin is."""
    rng = np.random.default_rng(1)
    crowd = rng.normal(size=(200, 64)) + 20
    crowd[100] = crowd[0] + rng.normal(size=64) * 0.02
    unit = (crowd / np.linalg.norm(crowd, axis=1, keepdims=True)).astype(np.float32)
    cosines = near_vectors(unit[100:], unit[:100])
    assert cosines[0] > 0.95
    assert cosines[1:].max() < 0.7
