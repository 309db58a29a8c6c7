"""From a release to the calls that it was trained on, and from a call to the releases: read from the store alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from erasure_seed import NOW, member, raw, retrain, score, trace_id

from monitor.cli.commands import cli
from monitor.exceptions import NotFoundError
from monitor.retrain.lineage import (
    DatasetLineage,
    ReleaseLineage,
    TraceLineage,
    dataset_lineage,
    lineage_of,
    release_lineage,
    trace_lineage,
)
from monitor.store import Store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def made(module_store: Store) -> Store:
    """`base` → `cand-1` (on ds-aa) → `cand-2` (on ds-bb); `clean` on ds-cc; of three calls two were trained on."""
    for number in (1, 2, 3):
        raw(
            module_store, number, **{"gen_ai.prompt.version": "p7", "gen_ai.prompt.name": "extract"}
        )
    module_store.append(
        "scores", [replace(score(1), source="human", expected="right", author="ada")]
    )
    module_store.append(
        "datasets",
        [member(1, "train"), member(2, "reserved"), replace(member(3, "train", label=""), label_author=""),
         member(2, "train", version="ds-bb")],
    )  # fmt: skip
    candidate = {
        "candidate": {
            "release": "cand-1", "model": "m1", "endpoint": "http://127.0.0.1:1/v1", "artifact": "s3://models/m1",
            "note": "code 4f2a, lr 1e-4", "metrics": {"loss": 0.2},
        }
    }  # fmt: skip
    first = replace(retrain("rt-1", "base", "cand-1", "ds-aa"), details=json.dumps(candidate))
    begun = replace(
        first, event="proposed", timestamp=NOW - timedelta(hours=1), candidate_release=""
    )
    approved = replace(
        first, event="approved", timestamp=NOW + timedelta(hours=1), actor="ada", details="{}"
    )
    module_store.append(
        "retrains",
        [begun, first, approved, retrain("rt-2", "cand-1", "cand-2", "ds-bb"),
         retrain("rt-3", "base", "clean", "ds-cc")],
    )  # fmt: skip
    return module_store


def test_a_release_knows_its_base_its_data_and_its_makers(made: Store) -> None:
    """Retrain, dataset, label authors, what the job told of code and settings, approval, ancestors, descendants."""
    found = release_lineage(made, "cand-1")
    [making] = found.made
    assert (making.retrain_id, making.base_release, making.approved_by) == ("rt-1", "base", "ada")
    assert making.candidate["note"] == "code 4f2a, lr 1e-4"
    [data] = found.datasets
    assert (data.trained, data.authors, data.traces) == (1, {"human:a": 1}, (trace_id(1),))
    assert found.descendants == ("cand-2",)
    assert release_lineage(made, "cand-2").ancestors == ("cand-1", "base")
    assert not found.tainted


def test_a_release_that_was_not_made_here_says_so(made: Store) -> None:
    """The base has descendants and no data of its own."""
    found = release_lineage(made, "base")
    assert (found.made, found.datasets) == ((), ())
    assert found.descendants == ("cand-1", "cand-2", "clean")


def test_a_dataset_knows_its_members_and_its_releases(made: Store) -> None:
    """Only labelled members of train and validation count as trained on; releases include those made of these."""
    found = dataset_lineage(made, "ds-aa")
    assert (found.splits, found.trained) == ({"train": 2, "reserved": 1}, 1)
    assert (found.retrains, found.releases) == (("rt-1",), ("cand-1", "cand-2"))


def test_a_call_knows_what_was_made_of_it(made: Store) -> None:
    """Trained on: both releases. Reserved in one and trained in the other: the other's. Unlabelled: none."""
    assert trace_lineage(made, trace_id(1)).releases == ("cand-1", "cand-2")
    second = trace_lineage(made, trace_id(2))
    assert [(one.version, one.split, one.trained) for one in second.datasets] == [
        ("ds-aa", "reserved", False), ("ds-bb", "train", True),
    ]  # fmt: skip
    assert second.releases == ("cand-2",)
    assert trace_lineage(made, trace_id(3)).releases == ()
    [label] = trace_lineage(made, trace_id(1)).labels
    assert (label.source, label.author) == ("human", "ada")


def test_there_and_back_again(made: Store) -> None:
    """Every call that a release says it was trained on names that release."""
    for release in ("cand-1", "cand-2"):
        for data in release_lineage(made, release).datasets:
            for trace in data.traces:
                assert release in trace_lineage(made, trace).releases


def test_a_name_says_what_it_is(made: Store) -> None:
    """Dataset, trace or release; what nobody knows is refused with what to do."""
    assert isinstance(lineage_of(made, "ds-aa"), DatasetLineage)
    assert isinstance(lineage_of(made, trace_id(1)), TraceLineage)
    assert isinstance(lineage_of(made, "clean"), ReleaseLineage)
    for unknown in ("ds-none", "f" * 32, "none"):
        with pytest.raises(NotFoundError):
            lineage_of(made, unknown)


def test_by_command_line(made: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people and as one JSON document; an unknown name is one line and exit code 2 or 1."""
    monkeypatch.setenv("OUTERLOOP_STORE_URL", made.url)
    runner = CliRunner()
    shown = runner.invoke(cli, ["lineage", "cand-1"]).output
    for said in (
        "made by rt-1",
        "labels by: human:a 1",
        "note: code 4f2a, lr 1e-4",
        "approved by ada",
    ):
        assert said in shown
    told = json.loads(runner.invoke(cli, ["lineage", trace_id(1), "--json"]).output)
    assert told["releases"] == ["cand-1", "cand-2"]
    assert "trained into: cand-2" in runner.invoke(cli, ["lineage", "ds-aa"]).output
    assert "p7" in runner.invoke(cli, ["lineage", trace_id(1)]).output
    assert runner.invoke(cli, ["lineage", "none"]).exit_code != 0
