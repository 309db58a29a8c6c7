"""Who gets into a dataset, who is asked about next, and what counts as nearly the same: pure, over many seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
import pytest

from judges.statistics.sampling import hajek
from monitor.curation.balance import balance
from monitor.curation.choice import Curation, choose
from monitor.curation.order import DRAWN, TURNS, asking_order, pools
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


def test_what_is_asked_about_is_drawn_with_the_probability_it_says() -> None:
    """Each kind begins with about as many as it has turns in a round, and doubles when they are answered."""
    key, calls = b"k" * 32, traffic(4, 12_000)
    calls = [replace(call, label="") for call in calls]
    found = pools(calls, [False] * len(calls), reviewer="ann", key=key)
    sizes = {
        "hard": sum(bool(call.signals) and not reserved(call.trace_id, key) for call in calls),
        "reserved": sum(reserved(call.trace_id, key) for call in calls),
    }
    sizes["random"] = len(calls) - sum(sizes.values())
    for kind, size in sizes.items():
        assert {one.probability for one in found[kind]} == {DRAWN[kind] / size}
        assert 0.5 * DRAWN[kind] < len(found[kind]) < 1.5 * DRAWN[kind]
    drawn = {one.call.trace_id for one in found["random"]}
    done = [replace(one, reviewers=("ann",)) if one.trace_id in drawn else one for one in calls]
    more = pools(done, [False] * len(calls), reviewer="ann", key=key)["random"]
    assert [one.probability for one in more] == pytest.approx(
        [2 * DRAWN["random"] / sizes["random"]] * len(more)
    )
    assert not drawn & {one.call.trace_id for one in more}


def test_answers_weighed_back_tell_the_failures_of_all_traffic() -> None:
    """Some hard calls are right and some failures look easy: weighed, two sittings tell the rate without bias."""
    misses, plain = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        calls, key = [replace(call, label="") for call in traffic(seed, 8000)], rng.bytes(32)
        wrong = {call.trace_id: rng.random() < (0.65 if call.signals else 0.02) for call in calls}
        asked = list(
            islice(
                asking_order(calls, [False] * len(calls), reviewer="ann", key=key, answered=0), 200
            )
        )
        said = [float(wrong[one.call.trace_id]) for one in asked]
        found = hajek(said, [one.probability for one in asked])
        assert found is not None
        misses.append(found.value - np.mean(list(wrong.values())))
        plain.append(np.mean(said) - np.mean(list(wrong.values())))
    assert abs(np.mean(misses)) < 3 * np.std(misses) / np.sqrt(len(misses)) + 0.005
    assert np.mean(plain) > 0.2


def test_a_thinned_list_asks_with_the_same_probabilities() -> None:
    """A tenth that stands for all the traffic is asked about as all would be; what an incident shows, for certain."""
    key, calls = b"k" * 32, [replace(call, signals=(), label="") for call in traffic(6, 20_000)]
    rng = np.random.default_rng(6)
    tenth = [replace(call, kept=0.1) for call in calls if rng.random() < 0.1]
    for kind in ("random", "reserved"):
        whole = pools(calls, [False] * len(calls), reviewer="ann", key=key)[kind]
        some = pools(tenth, [False] * len(tenth), reviewer="ann", key=key)[kind]
        assert some[0].probability == pytest.approx(whole[0].probability, rel=0.2)
        assert 0.4 * len(whole) < len(some) < 1.6 * len(whole)
    shown = replace(tenth[0], shown=True, signals=("failed_check",), trace_id="t0")
    assert not reserved("t0", key)
    found = pools([shown, *tenth], [False] * (1 + len(tenth)), reviewer="ann", key=key)["hard"]
    assert [(one.call.trace_id, one.probability) for one in found] == [("t0", 1.0)]


def test_a_second_answer_counts_with_the_probability_of_the_first() -> None:
    """Which calls are labelled was decided when the first of two was asked."""
    key = b"k" * 32
    calls = [replace(call, reviewers=("ann",), asked_with=0.03) for call in traffic(7, 400)]
    found = pools(calls, [False] * len(calls), reviewer="bob", key=key)["second"]
    assert found
    assert {one.probability for one in found} == {0.03}


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
