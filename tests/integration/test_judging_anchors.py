"""The judge under test: anchors catch a judge that changed, and people's labels say what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from judge_server import JudgeServer, material
from traffic import SERVICE, START, CallRow, extractions, send

from monitor.incidents import incidents
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.judging.anchors import anchors, interaction_of
from monitor.judging.rows import AnchorVerdictRow
from monitor.judging.trust import breaks, judge_health
from monitor.records import JobRun, ScoreRow
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
MODEL = "judge-test"
NAME = "right_date"
QUESTION = "Is the due date right?"


def define(settings: Settings, question: str, **more: str) -> None:
    """Write the judge's definition."""
    lines = [f"{name} = {value}" for name, value in more.items()]
    said = [
        'kind = "question"',
        f'question = "{question}"',
        f'services = ["{SERVICE}"]',
        "share = 1.0",
    ]
    path = settings.data_dir / "judges" / f"{NAME}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*said, *lines]))


def honest(prompt: str, slot: str, options: list[str]) -> str:
    """No to amounts that end in 3, 5 or 7."""
    return "no" if any(f"{digit}.0}}" in material(prompt) for digit in "357") else "yes"


def lenient(prompt: str, slot: str, options: list[str]) -> str:
    """Another model behind the same name: no to none of them."""
    return "yes"


@pytest.fixture
def server() -> Iterator[JudgeServer]:
    """The judge's endpoint."""
    with JudgeServer(models=(MODEL,), verdict=honest) as one:
        yield one


@pytest.fixture
def settings(store_url: str, tmp_path: Path, server: JudgeServer) -> Settings:
    """Settings with one judge."""
    made = load_settings(
        store_url=store_url,
        data_dir=tmp_path / "data",
        judge_base_url=server.base_url,
        judge_models=[MODEL],
    )
    define(made, QUESTION)
    return made


def run(store: Store, settings: Settings, name: str, *, day: float) -> JobRun:
    """One run of a job, which must not fail."""
    job = job_named(name)
    assert job is not None
    done = run_job(job, store, settings, Window(START, START + timedelta(days=day)))
    assert done.outcome == "ok", done.error
    return done


def label(
    call: CallRow, *, right: bool, author: str = "ann", source: str = "human", name: str = NAME
) -> ScoreRow:
    """What a person said of a call."""
    told = call.timestamp + timedelta(hours=3)
    return ScoreRow(
        told, f"{source}:{author}:{call.trace_id}", "call", call.trace_id, call.span_id, "", SERVICE, name, source,
        float(right), "", "", "", author, call.timestamp,
    )  # fmt: skip


def is_right(call: CallRow) -> bool:
    """What people find."""
    return not any(f"{digit}.0}}" in call.output for digit in "357")


@pytest.fixture
def calls(store: Store, settings: Settings) -> list[CallRow]:
    """A day of judged calls, of which 240 have a person's label; two people gave 30 of them."""
    made = extractions(days=1, per_day=300, wrong_year=0, seed=11)
    made = [replace(one, input=f"{one.input} {one.trace_id}") for one in made]
    send(store, made)
    run(store, settings, "judge", day=1.1)
    store.append("scores", [label(one, right=is_right(one)) for one in made[:240]])
    store.append("scores", [label(one, right=is_right(one), author="bob") for one in made[:30]])
    return made


def test_a_judge_swapped_behind_its_name_is_caught_by_the_next_run(
    store: Store, settings: Settings, server: JudgeServer, calls: list[CallRow]
) -> None:
    """A stable judge raises nothing; the swapped one is one incident of cause judge, with a bridge and no retrain."""
    done = run(store, settings, "anchors", day=1.2)
    assert done.counts["chosen"] == 200
    for day in (2.3, 3.4, 4.5):
        assert run(store, settings, "anchors", day=day).counts["tested"] == 1
    assert incidents(store) == []
    assert breaks(store) == []
    server.verdict = lenient
    run(store, settings, "anchors", day=5.6)
    [one] = incidents(store)
    assert (one.cause, one.service, one.state) == ("judge", SERVICE, "open")
    [bridge] = breaks(store, NAME)
    assert (bridge.reason, bridge.from_version) == ("shift", bridge.to_version)
    assert bridge.low <= bridge.difference <= bridge.high
    assert bridge.difference > 0.25
    assert bridge.lost > 50
    run(store, settings, "anchors", day=6.7)  # against its new baseline it is stable
    assert len(breaks(store)) == 1
    assert "proposed" not in run(store, settings, "retrain", day=6.7).counts
    server.verdict = honest
    run(store, settings, "anchors", day=7.8)  # and back again
    [one] = incidents(store)
    assert one.state == "resolved"
    assert one.actor == "judge job"


def test_anchors_are_strata_of_the_verdict_and_outlive_their_calls(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """They are drawn from both verdicts with known probability, with their texts, once and for ever."""
    run(store, settings, "anchors", day=1.2)
    chosen = anchors(store, NAME)
    by_verdict = {word: [one for one in chosen if one.verdict == word] for word in ("yes", "no")}
    labelled = {one.trace_id: one for one in calls[:240]}
    for members in by_verdict.values():
        size = sum(
            is_right(one) == is_right(labelled[members[0].trace_id]) for one in labelled.values()
        )
        assert {one.probability for one in members} == {len(members) / size}
    store.command("TRUNCATE TABLE calls")
    assert interaction_of(chosen[0]).output == labelled[chosen[0].trace_id].output
    done = run(store, settings, "anchors", day=2.3)
    assert (done.counts["chosen"], done.counts["tested"]) == (0, 1)


def test_a_version_that_somebody_changed_is_a_break_and_no_incident(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """Another question is another version: tested at once, bridged, and quiet as long as people agree as before."""
    run(store, settings, "anchors", day=1.2)
    define(settings, "Is the due date of this call right?")
    run(store, settings, "anchors", day=1.3)
    [bridge] = breaks(store)
    assert bridge.reason == "version"
    assert bridge.from_version != bridge.to_version
    assert (bridge.difference, bridge.lost) == (0.0, 0)
    assert incidents(store) == []


def test_a_new_version_that_people_agree_with_less_is_an_incident(
    store: Store, settings: Settings, server: JudgeServer, calls: list[CallRow]
) -> None:
    """A changed prompt that makes the judge worse is told."""
    run(store, settings, "anchors", day=1.2)
    define(settings, "Is there a due date?")
    server.verdict = lenient
    run(store, settings, "anchors", day=1.3)
    [one] = incidents(store)
    assert one.cause == "judge"
    assert "people" in one.title


def test_calls_that_a_prompt_was_tuned_on_are_never_anchors(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """Labels of the dataset versions that the definition names are left out."""
    columns = [
        "created_at",
        "dataset_version",
        "service",
        "split",
        "trace_id",
        "span_id",
        "call_timestamp",
    ]
    rows = [
        [START, "d-1", SERVICE, "train", one.trace_id, one.span_id, one.timestamp]
        for one in calls[:120]
    ]
    store.client.insert("datasets", rows, column_names=columns)
    define(settings, QUESTION, tuned_on='["d-1"]')
    run(store, settings, "anchors", day=1.2)
    chosen = {one.trace_id for one in anchors(store, NAME)}
    assert len(chosen) == 120
    assert not chosen & {one.trace_id for one in calls[:120]}


def test_too_few_labels_are_no_anchors(store: Store, settings: Settings) -> None:
    """Below a hundred labelled calls nothing is chosen, and nothing is asked."""
    made = extractions(days=1, per_day=50, wrong_year=0, seed=12)
    send(store, made)
    run(store, settings, "judge", day=1.1)
    store.append("scores", [label(one, right=True) for one in made])
    assert run(store, settings, "anchors", day=1.2).counts["chosen"] == 0


def test_each_run_keeps_its_verdicts(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """Two passes are the baseline, one a check; each anchor has a row in every pass."""
    run(store, settings, "anchors", day=1.2)
    run(store, settings, "anchors", day=2.3)
    rows = store.read("anchor_verdicts_of_judge", AnchorVerdictRow, judge=NAME)
    passes = {(row.purpose, row.repeat) for row in rows}
    assert passes == {("baseline", 0), ("baseline", 1), ("check", 0)}
    assert len(rows) == 600


def test_health_says_what_the_judge_is_worth(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """Agreement, kappa, the corrected level and how two people agree, by version of the judge."""
    [one] = judge_health(store, since=START, until=START + timedelta(days=2), service=SERVICE)
    assert (one.judge, one.latest, one.trust.n) == (NAME, True, 240)
    assert one.trust.agreement is not None
    assert one.trust.agreement.value == one.trust.kappa == 1.0
    assert one.trust.level is not None
    assert one.trust.level.rate.low <= sum(map(is_right, calls)) / 300 <= one.trust.level.rate.high
    assert one.trust.human_agreement is not None
    assert one.trust.human_agreement.n == 30


def test_outcomes_are_labels_too_and_a_new_release_is_checked_for_transport(
    store: Store, settings: Settings, calls: list[CallRow]
) -> None:
    """Late outcomes under the name that the definition lists are labels; where they say otherwise, transport fails."""
    later = extractions(
        days=1,
        per_day=200,
        wrong_year=0,
        seed=13,
        release="2023-12",
        start=START + timedelta(days=2),
    )
    later = [replace(one, input=f"{one.input} {one.trace_id}") for one in later]
    send(store, later)
    run(store, settings, "judge", day=3.1)
    told = [
        label(one, right=not is_right(one), source="outcome", name="matched") for one in later[:120]
    ]
    store.append("scores", told)
    [one] = judge_health(
        store, since=START, until=START + timedelta(days=4), labels={NAME: ("matched",)}
    )
    assert one.outcomes == 120
    first, second = one.releases
    assert (first.release, first.transport.status) == ("2023-11", "inconclusive")
    assert (second.release, second.transport.status) == ("2023-12", "fail")


def test_invalid_verdicts_above_two_percent_are_an_incident(
    store: Store, settings: Settings, server: JudgeServer
) -> None:
    """A judge that refuses one call in five is told about, and the incident ends when it answers again."""
    made = extractions(days=1, per_day=200, wrong_year=0, seed=14)
    send(store, [replace(one, input=f"{one.input} {one.trace_id}") for one in made])
    server.fault = lambda number, _: "refusal" if number % 5 == 0 else ""
    run(store, settings, "judge", day=1.1)
    run(store, settings, "anchors", day=1.01)
    [one] = incidents(store)
    assert (one.cause, one.state) == ("judge", "open")
    run(store, settings, "anchors", day=3.0)
    assert incidents(store)[0].state == "resolved"


def test_the_rate_series_see_a_uniform_sample(store: Store, settings: Settings) -> None:
    """The hourly counts take the verdicts that the least probability would have drawn: flags do not tilt them."""
    made = extractions(days=1, per_day=3000, wrong_year=0, seed=15)
    made = [replace(one, input=f"{one.input} {one.trace_id}") for one in made]
    send(store, made)
    path = settings.data_dir / "judges" / f"{NAME}.toml"
    path.write_text(path.read_text().replace("share = 1.0", "share = 0.2"))
    flagged = [
        replace(
            label(one, right=is_right(one), source="check", name="shape"), timestamp=one.timestamp
        )
        for one in made
    ]
    store.append("scores", flagged)
    run(store, settings, "judge", day=1.1)
    until = START + timedelta(days=2)
    rows = store.rows(
        "failures_by_hour", service=SERVICE, since=START, until=until,
        sources=["judge"], by_call=0, slices=[], graded=[], low=[],
    )  # fmt: skip
    [(count, n)] = [(count, n) for series, _, _, count, n in rows if series == f"judge/{NAME}"]
    draws = store.client.query(
        "SELECT count() FROM draws WHERE drawn AND route = 'floor'"
    ).result_rows[0][0]
    truth = sum(not is_right(one) for one in made) / len(made)
    assert 500 < n < 700
    assert n > draws  # flagged calls that the floor would have drawn too
    assert count / n == pytest.approx(truth, abs=0.05)
