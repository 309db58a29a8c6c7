"""The leak test: no reserved call, nor one that is nearly it, can be found in any exported file; over 20 seeds."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from dataset_seed import NOW, TURN, put_calls, score
from pyarrow import parquet
from traffic import messages

from monitor.curation.bringing import import_examples
from monitor.curation.choice import Curation
from monitor.curation.dataset import ReserveKeyError, build_dataset
from monitor.curation.export import export_dataset
from monitor.curation.reserve import reserved
from monitor.records import ScoreRow
from monitor.store import Store

pytestmark = pytest.mark.integration

SEEDS = range(20)
LOST = 99
BASES = 40
LOAN = re.compile(r"\d{3}-\d{6}")


def variants(text: str, rng: np.random.Generator) -> list[str]:
    """The text, and what people and retries make of it; the loan number stays, so that any of them is found again."""
    words = text.split(" ")
    place = int(rng.integers(0, 5))
    dropped = " ".join([*words[:place], *words[place + 1 :]])
    return [
        text, text.upper().replace(" ", "  "), f"Hello, {text} Thanks!", dropped,
        text.replace("i", "\u200bi").rstrip(".") + " ...",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def loans(module_store: Store) -> dict[str, dict[str, str]]:
    """Every seed's service with its calls, each text in five forms, all with outcomes: loan number by trace."""
    rows, scores, told = [], [], {}
    for seed in (*SEEDS, LOST):
        made, verdicts, loans = service_of(seed)
        rows += made
        scores += verdicts
        told[f"svc-{seed}"] = loans
    put_calls(module_store, rows)
    module_store.append("scores", scores)
    return told


def service_of(seed: int) -> tuple[list[list[object]], list[ScoreRow], dict[str, str]]:
    """Rows of one service."""
    rng, service = np.random.default_rng(seed), f"svc-{seed}"
    rows, scores, loans = [], [], {}
    names = ("Maria Lopez", "Wei Chen", "Omar Haddad", "Grace Okafor", "Pavel Novak")
    for number in range(BASES):
        loan = f"{rng.integers(100, 999)}-{seed:03d}{number:03d}"
        base = (
            f"this is {names[rng.integers(5)]} and I want to check when I have to pay next on"
            f" {loan}, the amount is {rng.integers(900, 4000)} dollars and I paid on the"
            f" {rng.integers(1, 28)}th, thank you for calling Harbor Home Loans today."
        )
        for text in variants(base, rng):
            trace = f"{rng.integers(2**63):032x}"
            at = TURN + timedelta(seconds=float(rng.uniform(-1e6, 5e5)))
            loans[trace] = loan
            rows.append(
                [at, trace, trace[:16], "", service, "r1", "m", "chat", messages("user", text),
                 messages("assistant", '{"loan": "?"}'), "ok", {}]
            )  # fmt: skip
            right, expected = float(rng.random() < 0.7), {"loan": loan}
            scores.append(score(trace, "outcome", right, service=service, expected=expected))
    return rows, scores, loans


def told_in(folder: Path) -> str:
    """Everything that the exported files say."""
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.jsonl"))]
    tables = [parquet.read_table(path) for path in sorted(folder.glob("*.parquet"))]
    assert len(texts) == len(tables) == 2
    return "".join(texts) + "".join(str(table.to_pylist()) for table in tables)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_reserved_call_nor_its_like_is_exported(
    module_store: Store, loans: dict[str, dict[str, str]], tmp_path: Path, seed: int
) -> None:
    """Neither trace nor loan number of a reserved call stands in a file, brought examples included."""
    store, service = module_store, f"svc-{seed}"
    loan_of = loans[service]
    key = np.random.default_rng(1000 + seed).bytes(32)
    test = {trace for trace in loan_of if reserved(trace, key)}
    stolen = sorted(test)[:3]
    brought = tmp_path / "mine.jsonl"
    brought.write_text(
        "".join(
            json.dumps({"input": f"hi, {text}", "output": "x"}) + "\n"
            for text in (_text(store, trace) for trace in stolen)
        )
    )
    import_examples(store, brought, service=service, author="ann", now=NOW)
    made = build_dataset(
        store, service=service, incident=None, since=TURN - timedelta(days=30), until=NOW, now=NOW,
        key=key,
    )  # fmt: skip
    export_dataset(store, made.version, tmp_path, parquet=True)
    told = told_in(tmp_path / "datasets" / made.version)
    assert made.train > BASES
    assert made.reserved == len(test)
    assert not {trace for trace in test if trace in told}
    assert not set(LOAN.findall(told)) & {loan_of[trace] for trace in test}
    assert made.left_out["near_input"] > 0
    assert made.left_out["imported_near_input"] == len(stolen)
    free = {loan for loan in loan_of.values() if loan not in {loan_of[trace] for trace in test}}
    assert set(LOAN.findall(told)) >= free, "what has nothing to do with a reserved call stays in"


def _text(store: Store, trace: str) -> str:
    found = store.client.query(
        "SELECT input FROM calls WHERE trace_id = {t:String}", parameters={"t": trace}
    )
    return str(found.result_rows[0][0])


def test_another_key_is_refused_and_earlier_test_sets_stay_reserved(
    module_store: Store, loans: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    """Losing reserve.key does not quietly train on what was tested on."""
    store, loan_of = module_store, loans[f"svc-{LOST}"]
    given = {
        "service": f"svc-{LOST}", "incident": None, "since": TURN - timedelta(days=30), "until": NOW,
        "now": NOW,
    }  # fmt: skip
    first = build_dataset(store, key=b"a" * 32, **given)
    with pytest.raises(ReserveKeyError, match=r"restore .*reserve\.key"):
        build_dataset(store, key=b"b" * 32, **given)
    second = build_dataset(store, key=b"b" * 32, curation=Curation(accept_new_key=True), **given)
    assert second.reserved > first.reserved
    export_dataset(store, second.version, tmp_path, parquet=True)
    told = told_in(tmp_path / "datasets" / second.version)
    assert not set(LOAN.findall(told)) & {
        loan_of[trace] for trace in loan_of if reserved(trace, b"a" * 32)
    }
