"""The review queue over a real store: who is asked what, and what becomes of the answers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from dataset_seed import (
    NOW,
    SERVICE,
    TURN,
    open_incident,
    put_call,
    put_calls,
    score,
    trace_of,
)
from traffic import messages

from monitor.curation.queue import (
    WINDOW,
    LabelError,
    ReviewItem,
    agreement,
    next_calls,
    progress,
    record_label,
    undo,
)
from monitor.curation.reserve import load_key, reserved
from monitor.curation.shortlist import open_incidents, shortlist
from monitor.curation.traffic import TrafficCall, flag_drifted, traffic
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Where the reserve key is."""
    return Settings(store_url=store_url, data_dir=tmp_path / "data")


def known(store: Store) -> dict[str, TrafficCall]:
    """The service's calls by trace."""
    return {one.trace_id: one for one in traffic(store, SERVICE, TURN - timedelta(days=60), NOW)}


def ask(
    store: Store, settings: Settings, reviewer: str = "ann", limit: int = 100
) -> list[ReviewItem]:
    """What this person is asked."""
    return next_calls(store, settings, service=SERVICE, reviewer=reviewer, limit=limit, now=NOW)


def seed(store: Store, settings: Settings, n: int = 60) -> list[str]:
    """Calls, every fifth of which an outcome has called wrong without the right answer."""
    load_key(settings.data_dir)
    traces = [put_call(store, f"call {i}", at=TURN + timedelta(hours=i)) for i in range(n)]
    store.append("scores", [score(one, "outcome", 0.0) for one in traces[::5]])
    return traces


def test_everybody_is_asked_about_every_call_once_hard_ones_first(
    store: Store, settings: Settings
) -> None:
    """No call comes twice, the first is hard, a reserved call is asked about by chance alone."""
    traces, key = seed(store, settings, 45), load_key(settings.data_dir)
    asked = ask(store, settings)
    assert sorted(one.trace_id for one in asked) == sorted(traces)
    assert asked[0].why == "failed_outcome"
    assert asked[0].probability == 1.0
    for one in asked:
        hard = one.trace_id in traces[::5] and not reserved(one.trace_id, key)
        assert (one.why == "failed_outcome") == hard
        assert reserved(one.trace_id, key) == (one.why == "reserved")


def test_an_answer_is_a_label_and_the_call_does_not_come_again(
    store: Store, settings: Settings
) -> None:
    """A correction becomes the label, with its author; the queue goes on to the next call."""
    seed(store, settings)
    [item] = ask(store, settings, limit=1)
    record_label(
        store, item, reviewer="ann", verdict="wrong", corrected_output='{"due_date": "2024-02-15"}',
        note="said February", now=NOW,
    )  # fmt: skip
    call = known(store)[item.trace_id]
    assert (call.label, call.label_author) == ('{"due_date": "2024-02-15"}', "human:ann")
    assert call.reviewers == ["ann"]
    assert item.trace_id not in {one.trace_id for one in ask(store, settings)}
    told = progress(store, settings, service=SERVICE, reviewer="ann", now=NOW)
    assert told.answers == {"ann": 1}
    assert told.hard_labelled == 1


def test_right_makes_the_answer_itself_the_label(store: Store, settings: Settings) -> None:
    """An answer that a person calls right is what is learned, tool calls included."""
    call = {"type": "tool_call", "id": "c1", "name": "pay", "arguments": {"usd": 5}}
    text = json.dumps([{"role": "assistant", "parts": [call]}])
    put_call(store, "pay five", answered=text)
    [item] = ask(store, settings)
    record_label(store, item, reviewer="ann", verdict="right", now=NOW)
    label = json.loads(known(store)[item.trace_id].label)
    assert label["tool_calls"][0]["function"] == {"name": "pay", "arguments": '{"usd": 5}'}


def test_taking_back_brings_the_earlier_answer_back(store: Store, settings: Settings) -> None:
    """Undo removes the latest answer only; without one it says so."""
    seed(store, settings, 10)
    [item] = ask(store, settings, limit=1)
    for minute, due in enumerate(("2024-02-01", "2024-03-01")):
        record_label(
            store, item, reviewer="ann", verdict="wrong", now=NOW + timedelta(minutes=minute),
            corrected_output=json.dumps({"due_date": due}),
        )  # fmt: skip
    assert "2024-03-01" in known(store)[item.trace_id].label
    taken = undo(store, service=SERVICE, reviewer="ann", now=NOW + timedelta(hours=1))
    assert "2024-03-01" in taken.expected
    assert "2024-02-01" in known(store)[item.trace_id].label
    undo(store, service=SERVICE, reviewer="ann", now=NOW + timedelta(hours=1))
    call = known(store)[item.trace_id]
    assert (call.label, call.reviewers) == ("", [])
    assert undo(store, service=SERVICE, reviewer="ann", now=NOW) is None
    assert item.trace_id in {one.trace_id for one in ask(store, settings)}


@pytest.mark.parametrize(
    ("verdict", "corrected", "said"),
    [
        ("bad", "", "no verdict"),
        ("right", '{"a": 1}', "goes with `wrong`"),
        ("wrong", "15 January", "the correction is none"),
        ("wrong", "{" * 100_000, "the correction is none"),
        ("wrong", "x" * 200_001, "200,000 are the most"),
    ],
)
def test_what_is_no_label_is_refused(
    store: Store, settings: Settings, verdict: str, corrected: str, said: str
) -> None:
    """The message says what does not fit, and nothing is written."""
    put_call(store, "one")
    [item] = ask(store, settings)
    with pytest.raises(LabelError, match=said):
        record_label(
            store, item, reviewer="ann", verdict=verdict, corrected_output=corrected, now=NOW
        )
    assert known(store)[item.trace_id].label == ""


def test_unclear_is_an_answer_and_no_label(store: Store, settings: Settings) -> None:
    """The call does not come again to that person, and teaches nothing."""
    put_call(store, "one")
    [item] = ask(store, settings)
    record_label(store, item, reviewer="ann", verdict="unclear", now=NOW)
    assert ask(store, settings) == []
    call = known(store)[item.trace_id]
    assert (call.label, call.signals) == ("", [])


def test_a_second_person_is_asked_about_a_share_and_agreement_is_told(
    store: Store, settings: Settings
) -> None:
    """About 15 % of the answered calls come to a second person; kappa stands beside the raw share."""
    seed(store, settings, 200)
    while asked := ask(store, settings, "ann", 200):  # round after round
        for item in asked:
            verdict = "wrong" if item.why == "failed_outcome" else "right"
            record_label(store, item, reviewer="ann", verdict=verdict, now=NOW)
    second = ask(store, settings, "bob", 200)
    assert all(one.why == "second" for one in second)
    assert 15 <= len(second) <= 45
    for item in second:
        record_label(store, item, reviewer="bob", verdict="right", now=NOW)
    [told] = agreement(store, service=SERVICE, now=NOW)
    assert told.people == ("ann", "bob")
    assert told.n == len(second)
    assert 0.5 < told.same.value < 1
    assert told.kappa is not None
    assert told.kappa < 0.2
    assert ask(store, settings, "cid", 200) == []


def test_shown_calls_of_an_incident_are_hard(store: Store, settings: Settings) -> None:
    """What an open incident shows is asked about although nobody has called it wrong."""
    trace = put_call(store, "one", trace=_free(settings))
    open_incident(store, traces=(trace,))
    assert [one.why for one in ask(store, settings)] == ["drifted"]


def test_the_shortlist_says_of_a_call_what_the_dataset_says(
    store: Store, settings: Settings
) -> None:
    """Label, signals and people of every call of a small store are those that a dataset is built from."""
    traces = seed(store, settings)
    store.append("scores", [score(traces[1], "user", -1.0), score(traces[2], "judge", 0.0)])
    store.append("scores", [score(traces[3], "check", 0.0), score(traces[4], "judge", 1.0)])
    for item in ask(store, settings, limit=7):
        record_label(store, item, reviewer="ann", verdict="wrong", now=NOW)
    key = load_key(settings.data_dir)
    found = shortlist(store, SERVICE, NOW - WINDOW, NOW, key=key, open_=[])
    assert {one.kept for one in found} == {1.0}

    def told(calls: list[TrafficCall]) -> list[tuple[object, ...]]:
        return [(one.trace_id, one.label, one.signals, one.reviewers, one.model) for one in calls]

    assert told(found) == told(traffic(store, SERVICE, NOW - WINDOW, NOW))


def test_of_many_calls_a_share_is_looked_at(store: Store, settings: Settings) -> None:
    """Above the limit a call stands for more; what is hard, answered or shown is looked at more, or always."""
    key = load_key(settings.data_dir)
    traces = [trace_of(f"call {number}") for number in range(9_000)]
    asked, answered = messages("user", "when?"), messages("assistant", "now")
    put_calls(
        store,
        [
            [TURN, one, one[:16], "", SERVICE, "r1", "m", "chat", asked, answered, "ok", {}]
            for one in traces
        ],
    )
    store.append("scores", [score(one, "outcome", 0.0) for one in traces[:50]])
    open_incident(store, traces=(traces[-1],))
    found = shortlist(
        store, SERVICE, NOW - WINDOW, NOW, key=key, open_=open_incidents(store, SERVICE)
    )
    plain = [one for one in found if not one.signals and not one.shown]
    assert {one.kept for one in plain} == {0.25}
    assert sum(1 / one.kept for one in plain) == pytest.approx(8_950, rel=0.1)
    assert sum(bool(one.signals) for one in found) == 50
    assert [one.trace_id for one in found if one.shown] == [traces[-1]]
    told = progress(store, settings, service=SERVICE, reviewer="ann", now=NOW)
    assert told.estimated
    assert told.reserved == pytest.approx(900, rel=0.3)


def test_calls_of_an_incidents_slice_are_hard(store: Store, settings: Settings) -> None:
    """Release, model and tags make a slice, whatever stands in them; calls before the incident are not in it."""
    odd = 'o\'brien \\ "x" '
    inside = put_call(store, "in", release="r9", tags={"tenant": odd}, at=TURN + timedelta(days=2))
    put_call(
        store, "other tenant", release="r9", tags={"tenant": "acme"}, at=TURN + timedelta(days=2)
    )
    put_call(store, "early", release="r9", tags={"tenant": odd}, at=TURN - timedelta(days=2))
    open_incident(store, root=(("release", "r9"), ("tag tenant", odd)))
    key, open_ = load_key(settings.data_dir), open_incidents(store, SERVICE)
    found = shortlist(store, SERVICE, NOW - WINDOW, NOW, key=key, open_=open_)
    assert len(found) == 3
    assert {
        one.trace_id
        for one, slipped in zip(found, flag_drifted(found, open_), strict=True)
        if slipped
    } == {inside}
    slices = [(int(TURN.timestamp()), ["release", "tag tenant"], ["r9", odd])]
    sizes = store.rows(
        "review_sizes", service=SERVICE, since=NOW - WINDOW, until=NOW, slices=slices
    )
    assert sizes == [(3, 0, 1)]


def _free(settings: Settings) -> str:
    """A trace that is not reserved."""
    key = load_key(settings.data_dir)
    return next(f"{n:032x}" for n in range(100) if not reserved(f"{n:032x}", key))


def test_an_empty_service_asks_nothing(store: Store, settings: Settings) -> None:
    """No calls, no questions, no agreement, zeros."""
    assert ask(store, settings) == []
    assert agreement(store, service=SERVICE, now=NOW) == []
    assert progress(store, settings, service=SERVICE, reviewer="ann", now=NOW).reserved == 0
