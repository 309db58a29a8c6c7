"""The review queue over a real store: who is asked what, and what becomes of the answers."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from dataset_seed import NOW, SERVICE, TURN, open_incident, put_call, score

from monitor.curation.queue import (
    LabelError,
    ReviewItem,
    agreement,
    next_calls,
    progress,
    record_label,
    undo,
)
from monitor.curation.reserve import load_key, reserved
from monitor.curation.traffic import TrafficCall, traffic
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
    traces, key = seed(store, settings), load_key(settings.data_dir)
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
    for item in ask(store, settings, "ann", 200):
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


def _free(settings: Settings) -> str:
    """A trace that is not reserved."""
    key = load_key(settings.data_dir)
    return next(f"{n:032x}" for n in range(100) if not reserved(f"{n:032x}", key))


def test_an_empty_service_asks_nothing(store: Store, settings: Settings) -> None:
    """No calls, no questions, no agreement, zeros."""
    assert ask(store, settings) == []
    assert agreement(store, service=SERVICE, now=NOW) == []
    assert progress(store, settings, service=SERVICE, reviewer="ann", now=NOW).reserved == 0
