"""What was made of an erased user's calls: tainted versions, stopped retrains, no exports, nothing learnt again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import free_port
from erasure_seed import NOW, counts, member, raw, retrain, score, seed, trace_id

from monitor.curation.dataset import build_dataset
from monitor.curation.export import export_dataset
from monitor.curation.lineage import history
from monitor.curation.reserve import load_key
from monitor.erasure import Subject, erase
from monitor.erasure.resent import drop_erased
from monitor.erasure.rows import Rows
from monitor.erasure.trained import holding, mark_trained
from monitor.retrain.lineage import dataset_lineage, release_lineage
from monitor.retrain.state import retrain as find
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
ANN = Subject("user", "ann")


@dataclass(frozen=True, slots=True)
class Named:
    """A call by its names."""

    trace_id: str
    span_id: str


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation whose collector does not run."""
    return load_settings(
        store_url=store_url, data_dir=tmp_path / "data", otlp_http_port=free_port()
    )


@pytest.fixture
def seeded(store: Store, settings: Settings) -> Store:
    """Both users' rows; `ds-aa` was trained on `ann`, `ds-bb` holds her in its reserved share alone."""
    seed(store, settings.data_dir)
    return store


def test_versions_are_tainted_once_and_for_ever(seeded: Store, settings: Settings) -> None:
    """The version that trained on her says so, with the erasure's hash and without her id; a dry run says nothing."""
    erase(seeded, settings, ANN, now=NOW, dry_run=True)
    assert not history(seeded, "ds-aa")
    erase(seeded, settings, ANN, now=NOW)
    erase(seeded, settings, ANN, now=NOW + timedelta(days=1))
    [event] = history(seeded, "ds-aa")
    assert (event.event, event.actor) == ("tainted", "erasure")
    assert "ann" not in event.note
    assert dataset_lineage(seeded, "ds-aa").tainted
    assert release_lineage(seeded, "cand-1").tainted
    assert dataset_lineage(seeded, "ds-aa").releases == ("cand-1", "cand-2")


def test_a_candidate_that_learnt_from_the_user_says_so(seeded: Store, settings: Settings) -> None:
    """Its retrain keeps its state, because people decide, and shows the trouble; each erasure tells it once."""
    done = erase(seeded, settings, ANN, now=NOW)
    assert list(done.retrains) == ["rt-1"]
    one = find(seeded, "rt-1")
    assert one.state == "finished"
    assert "erased after training" in one.trouble
    assert list(erase(seeded, settings, ANN, now=NOW).retrains) == []
    assert not find(seeded, "rt-3").trouble


@pytest.mark.parametrize("state", ["requested", "started"])
def test_a_retrain_that_is_under_way_stops(seeded: Store, settings: Settings, state: str) -> None:
    """Its files are gone, so it fails with the reason on its page; the job's later report is refused by its state."""
    event = replace(retrain("rt-9", "base", "", "ds-aa"), event=state)
    before = replace(event, event="proposed", timestamp=NOW - timedelta(hours=1))
    seeded.append("retrains", [before, event])
    done = erase(seeded, settings, ANN, now=NOW + timedelta(minutes=1))
    assert "rt-9" in done.retrains
    one = find(seeded, "rt-9")
    assert one.state == "failed"
    assert "erased while it was under way" in one.trouble
    assert not (settings.data_dir / "datasets" / "ds-aa").exists()


def test_a_user_in_the_reserved_share_stops_nothing(seeded: Store, settings: Settings) -> None:
    """No release learnt from a reserved call: exports stay, its retrain goes on, the version stays whole."""
    seeded.append("datasets", [member(3, "train", version="ds-bb")])
    export_dataset(seeded, "ds-bb", settings.data_dir)
    erase(seeded, settings, Subject("trace", trace_id(2)), now=NOW)
    assert (settings.data_dir / "datasets" / "ds-bb" / "train.jsonl").exists()
    assert find(seeded, "rt-3").trouble == ""
    assert not history(seeded, "ds-bb")
    assert counts(seeded, "datasets", "dataset_version") == {"ds-aa": 2, "ds-bb": 1}


def test_a_call_that_is_sent_again_is_in_no_dataset(seeded: Store, settings: Settings) -> None:
    """The store takes a late span as any other, the next build does not; erasing again takes it away."""
    key = load_key(settings.data_dir)
    erase(seeded, settings, ANN, now=NOW)
    for number, user, asked in (
        (1, "ann", "When is my next payment due?"),
        (2, "ann", "Please send the contract to my new address."),
        (7, "bob", "Which documents does a mortgage need?"),  # like no other
    ):
        told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": asked}]}])
        raw(seeded, number, **{"user.id": user, "gen_ai.input.messages": told})
        seeded.append(
            "scores", [replace(score(number), source="human", expected="right", name="x")]
        )
    assert "1" in counts(seeded, "calls")
    made = build_dataset(
        seeded, service="bank", incident=None, since=NOW - timedelta(days=1),
        until=NOW + timedelta(days=1), now=NOW, key=key,
    )  # fmt: skip
    held = {
        str(row[0]).lstrip("0")
        for row in seeded.client.query(
            "SELECT trace_id FROM datasets WHERE dataset_version = {v:String}",
            parameters={"v": made.version},
        ).result_rows
    }
    assert held.isdisjoint({"1", "2"})
    assert "7" in held
    again = erase(seeded, settings, ANN, now=NOW + timedelta(hours=1))
    assert again.receipt.rows["calls"] == 2
    assert "1" not in counts(seeded, "calls")


def test_of_a_shared_trace_only_the_users_own_call_stays_out(
    seeded: Store, settings: Settings
) -> None:
    """The other user's call of the same trace may be trained on."""
    erase(seeded, settings, ANN, now=NOW)
    key = load_key(settings.data_dir)
    hers, his = Named(trace_id(4), f"{4:016x}"), Named(trace_id(4), "b" * 16)
    assert drop_erased(seeded, [hers, his], key) == [his]
    assert drop_erased(seeded, [hers, his], b"another key") == [hers, his]
    stored = str(seeded.client.query("SELECT * FROM erased_calls").result_rows)
    assert trace_id(1) not in stored


def test_what_was_learnt_from_texts_goes(seeded: Store, settings: Settings) -> None:
    """Baselines of texts hold words of anybody's; they are copies, and the receipt names them."""
    folder = settings.data_dir / "texts"
    folder.mkdir(parents=True)
    words = np.frombuffer(b"ann\nsecret", dtype=np.uint8)
    np.savez(folder / "terms-0123.npz", terms=words)
    (folder / "language-0.part").write_bytes(b"half")
    planned = erase(seeded, settings, ANN, now=NOW, dry_run=True)
    assert len(list(folder.iterdir())) == 2
    done = erase(seeded, settings, ANN, now=NOW)
    files = {"texts/terms-0123.npz", "texts/language-0.part"}
    assert files <= set(planned.receipt.files)
    assert files <= set(done.receipt.files)
    assert not list(folder.iterdir())


def test_somebody_without_calls_taints_and_drops_nothing(seeded: Store, settings: Settings) -> None:
    """Erasing an unknown user leaves exports, baselines and retrains as they are."""
    (settings.data_dir / "texts").mkdir(parents=True)
    np.savez(settings.data_dir / "texts" / "terms-0.npz", terms=np.zeros(1))
    done = erase(seeded, settings, Subject("user", "nobody"), now=NOW)
    assert (done.receipt.files, list(done.retrains)) == ([], [])
    assert (settings.data_dir / "datasets" / "ds-aa" / "train.jsonl").exists()
    assert not history(seeded, "ds-aa")


def test_an_interrupted_erasure_has_told_before_rows_go(seeded: Store, settings: Settings) -> None:
    """Everything that was made of the calls is marked first: a second run finds it marked and completes."""
    request = ANN.pseudonym(load_key(settings.data_dir))
    rows = Rows(seeded, request)
    rows.find(ANN)
    mark_trained(seeded, holding(seeded, request), request, now=NOW)  # killed here
    done = erase(seeded, settings, ANN, now=NOW)
    assert done.receipt.complete
    assert done.receipt.releases == ["cand-1", "cand-2"]
    assert [event.event for event in history(seeded, "ds-aa")] == ["tainted"]
