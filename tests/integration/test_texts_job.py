"""Text drift on a real store: the embed job's sample, and what the texts job says of windows of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from traffic import SERVICE, START, CallRow, send

from monitor.jobs.embed import EmbeddingRow
from monitor.jobs.job import Window, run_job
from monitor.jobs.schedule import job_named
from monitor.records import CheckRow, JobRun
from monitor.settings import Settings, load_settings
from monitor.store import Store

pytestmark = pytest.mark.integration
PER_DAY = 120
MATTERS = (
    "when is my next payment due", "what is the balance of my loan", "please change my address",
    "my card was stolen yesterday", "how do I close the account", "is there a branch in town",
    "the app does not let me in", "can I pay off my mortgage early",
)  # fmt: skip
NEW = "is my dog allowed on the flight to lisbon"


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """Settings of the fresh database."""
    return load_settings(store_url=store_url, data_dir=tmp_path / "data")


def run(store: Store, settings: Settings, name: str, until: datetime) -> JobRun:
    """One run of a job, which must not fail."""
    job = job_named(name)
    assert job is not None
    done = run_job(job, store, settings, Window(START, until))
    assert done.outcome == "ok", done.error
    return done


def asked(
    first_day: int, days: int, *, seed: int, new: float = 0.0, release: str = "r1", answer: str = ""
) -> list[CallRow]:
    """Calls about the usual matters; from the first day on a share is about a new one."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(days * PER_DAY):
        at = START + timedelta(days=first_day + number / PER_DAY)
        matter = NEW if rng.random() < new else MATTERS[rng.integers(len(MATTERS))]
        words = " ".join(f"w{word}" for word in rng.integers(0, 40, 3))
        identity = f"{seed}-{number:05d}"
        rows.append(
            CallRow(
                at, f"t-{identity}", f"s-{identity}", f"c-{identity}", SERVICE, release, "m",
                "chat", f"{matter} {words}", f"{answer}noted {words}",
            )
        )  # fmt: skip
    return rows


def embed(store: Store, settings: Settings, until: datetime) -> None:
    """What the embed job writes, with vectors made from the matter in place of an encoder's."""
    for part in ("input", "output"):
        rows = store.rows(
            "texts_sampled", service=SERVICE, part=part, release="", share=1.0, since=START,
            until=until, most=100_000,
        )  # fmt: skip
        store.append(
            "embeddings",
            [
                EmbeddingRow(
                    at,
                    SERVICE,
                    trace,
                    span,
                    part,
                    settings.embedding_model,
                    text_hash,
                    vector(text),
                    1.0,
                )
                for at, trace, span, _, text_hash, text in rows
            ],
        )


def vector(text: str) -> list[float]:
    """Near those of texts about the same matter."""
    about = next((n for n, one in enumerate((*MATTERS, NEW)) if one[:12] in text), 99)
    centre = np.random.default_rng(about).standard_normal(32)
    own = np.random.default_rng([*text.encode()]).standard_normal(32)
    return [float(x) for x in centre + 0.4 * own]


def latest(store: Store, detector: str, series: str) -> CheckRow:
    """The last row of a series."""
    rows = store.read("latest_checks", CheckRow, service=SERVICE)
    [row] = [row for row in rows if (row.detector, row.series) == (detector, series)]
    return row


def of_detectors(store: Store, series: str) -> list[CheckRow]:
    """The last rows of a series by every detector of texts."""
    names = ("embedding", "terms", "language")
    return [latest(store, name, series) for name in names]


def test_a_new_matter_is_noted_with_its_words_and_calls_and_pages_nobody(
    store: Store, settings: Settings
) -> None:
    """Eight quiet days are a baseline, quiet days after it are stable, and one call in eight about dogs is noted."""
    send(store, asked(0, 12, seed=1))
    until = START + timedelta(days=12)
    embed(store, settings, until)
    run(store, settings, "texts", until)  # chooses the baseline
    run(store, settings, "texts", until)
    for detector in ("embedding", "terms", "language"):
        for series in ("input text", "output text"):
            assert latest(store, detector, series).status == "stable", (detector, series)
    send(store, asked(12, 6, seed=2, new=0.12))
    until = START + timedelta(days=18, minutes=10)
    embed(store, settings, until)
    run(store, settings, "texts", until)
    row = latest(store, "embedding", "input text")
    told = json.loads(row.evidence)
    assert (row.status, told["tier"]) == ("watch", "watch")
    assert row.e_value >= row.threshold
    assert {"dog", "flight", "lisbon"} & {word for term in told["words"] for word in term.split()}
    assert len(told["examples"]) == 10
    traces = [one["trace_id"] for one in told["examples"]]
    texts = dict(store.client.query("SELECT trace_id, input FROM calls").result_rows)
    assert sum("dog" in texts[trace] for trace in traces) >= 8
    assert told["share"] > 5 * told["share_before"]
    assert told["started_at"] >= (START + timedelta(days=9)).isoformat()
    assert {one.status for one in of_detectors(store, "output text")} == {"stable"}
    assert "drift" not in {one.status for one in of_detectors(store, "input text")}


def test_a_text_that_came_in_too_late_to_be_embedded_does_not_stop_the_others(
    store: Store, settings: Settings
) -> None:
    """Its neighbours have vectors and it will have none: their windows are looked at without it, those after it too."""
    send(store, asked(0, 9, seed=11))
    until = START + timedelta(days=9)
    embed(store, settings, until)
    run(store, settings, "texts", until)
    send(store, asked(9, 4, seed=12))
    until = START + timedelta(days=13)
    embed(store, settings, until)
    [late] = asked(9, 1, seed=13)[10:11]
    send(store, [replace(late, input="what nobody else asks")])
    run(store, settings, "texts", until)
    row = latest(store, "embedding", "input text")
    assert row.n == 200
    assert row.window_start > late.timestamp


def test_answers_in_another_style_page_without_any_encoder(
    store: Store, settings: Settings
) -> None:
    """Every fifth answer begins with marks: its terms page, the embeddings say what they lack."""
    send(store, asked(0, 9, seed=3))
    run(store, settings, "texts", START + timedelta(days=9, minutes=10))
    run(store, settings, "texts", START + timedelta(days=9, minutes=20))
    quiet = latest(store, "terms", "output text")
    assert (quiet.status, quiet.n) == ("stable", 200)
    lacking = latest(store, "embedding", "output text")
    assert lacking.status == "insufficient_data"
    assert "no text has an embedding yet" in json.loads(lacking.evidence)["missing"]
    for file in (settings.data_dir / "texts").glob("terms-*.npz"):
        file.write_bytes(b"broken")
    send(store, asked(9, 3, seed=4))
    send(store, asked(9, 8, seed=5, answer="**Sure!** "))
    run(store, settings, "texts", START + timedelta(days=17, minutes=10))
    row = latest(store, "terms", "output text")
    told = json.loads(row.evidence)
    assert (row.status, told["tier"]) == ("drift", "page")
    assert any("**" in one["term"] for one in told["terms"])
    assert "**" in told["says"]
    assert latest(store, "terms", "input text").status == "stable"


def test_a_new_release_starts_its_own_baseline_of_outputs_and_not_of_inputs(
    store: Store, settings: Settings
) -> None:
    """Inputs do not depend on the release; outputs say how much of the new one is still needed."""
    send(store, asked(0, 9, seed=6))
    run(store, settings, "texts", START + timedelta(days=9, minutes=10))
    send(store, asked(9, 3, seed=7, release="r2", answer="Dear customer, "))
    run(store, settings, "texts", START + timedelta(days=12, minutes=10))
    row = latest(store, "terms", "output text")
    assert (row.status, row.release) == ("insufficient_data", "r2")
    assert json.loads(row.evidence)["missing"] == (
        "a baseline needs 800 texts over 7 days; there are 360 over 3.0"
    )
    assert (latest(store, "terms", "input text").status, row.n) == ("stable", 0)


def test_texts_are_embedded_once_and_copies_of_an_hour_count_once(
    store: Store, settings: Settings
) -> None:
    """A retried text is one row, a text known from before needs no computing, and a repeated run adds nothing."""
    calls = [replace(one, input=MATTERS[0]) for one in asked(0, 1, seed=8)[:12]]
    send(store, [*calls, *asked(1, 1, seed=9)[:4]])
    first = run(store, settings, "embed", START + timedelta(days=2))
    hours = len({one.timestamp.replace(minute=0, second=0, microsecond=0) for one in calls})
    assert first.counts["embedded"] == hours + 4 + 16
    assert first.counts["reused"] == hours - 1
    again = run(store, settings, "embed", START + timedelta(days=2))
    assert again.counts == {"embedded": 0, "reused": 0, "waiting": 0}
    rows = store.client.query(
        "SELECT DISTINCT part, model, length(vector), sampling_probability FROM embeddings ORDER BY part"
    ).result_rows
    model = settings.embedding_model
    assert rows == [("input", model, 384, 1.0), ("output", model, 384, 1.0)]


def test_nothing_is_sampled_when_it_is_turned_off(store: Store, store_url: str) -> None:
    """`OUTERLOOP_EMBEDDINGS_PER_DAY=0`."""
    off = load_settings(store_url=store_url, embeddings_per_day=0)
    send(store, asked(0, 9, seed=10)[:50])
    assert run(store, off, "embed", START + timedelta(days=9)).counts["embedded"] == 0
    assert run(store, off, "texts", START + timedelta(days=9)).counts == {}
