"""The statistics of judges on recorded verdicts, against numbers of an independent reference.

`python -m benchmarks.verdicts` compares many more, on the whole sets.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from judges.statistics.agreement import (
    agreement,
    cohen_kappa,
    effective_votes,
    gwet_ac1,
    krippendorff_alpha,
)
from judges.statistics.position import both_orders
from judges.statistics.rates import aipw, corrected, level, poststrat_ac, ppi, stratified
from judges.statistics.sampling import uniform
from judges.statistics.worth import correlation

RECORDED = Path(__file__).parents[1] / "data" / "judges"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one excerpt."""
    with (RECORDED / name).open(newline="") as file:
        return list(csv.DictReader(file))


def columns(name: str) -> dict[str, np.ndarray]:
    """Its number columns."""
    table = rows(name)
    return {k: np.array([float(one[k]) for one in table]) for k in table[0] if k != "key"}


def smallest(keys: list[str], n: int) -> np.ndarray:
    """The n keys with the smallest hash."""
    chosen = np.zeros(len(keys), dtype=bool)
    chosen[np.argsort([uniform(key, "ppi") for key in keys], kind="stable")[:n]] = True
    return chosen


def test_agreement_of_people_on_pandalm():
    """Kappa of each pair of annotators and alpha of all three, to six digits."""
    people = [[int(one[f"annotator{k}"]) for k in (1, 2, 3)] for one in rows("pandalm/labels.csv")]
    first, second, third = zip(*people, strict=True)
    kappas = [cohen_kappa(*p) for p in ((first, second), (first, third), (second, third))]
    assert kappas == pytest.approx([0.852023, 0.878944, 0.861661], abs=1e-6)
    assert krippendorff_alpha(people) == pytest.approx(0.864221, abs=1e-6)


def test_agreement_of_a_judge_with_the_majority_on_pandalm():
    """Accuracy, kappa and AC1 of GPT-3.5; its 25 unreadable verdicts are not verdicts."""
    people, said = [], []
    for one in rows("pandalm/labels.csv"):
        if (verdict := {"1": 1, "2": 2, "Tie": 0}.get(one["gpt35"])) is not None:
            labels = [int(one[f"annotator{k}"]) for k in (1, 2, 3)]
            people.append(max(set(labels), key=labels.count))
            said.append(verdict)
    rate = agreement(people, said)
    assert rate is not None
    found = [rate.value, cohen_kappa(people, said), gwet_ac1(people, said)]
    assert (rate.n, found) == (974, pytest.approx([0.715606, 0.492865, 0.605150], abs=1e-6))


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        ("GPT-4", (0.844869, 0.809069, 0.928401, 0.047733, 0.023866)),
        ("PaLM2", (0.698091, 0.560859, 0.715990, 0.198091, 0.076372)),
        ("Falcon", (0.564439, 0.272076, 0.415274, 0.568019, 0.016706)),
    ],
)
def test_position_bias_on_llmbar(judge: str, expected: tuple[float, ...]):
    """Accuracy, both orders right, consistency, primacy and recency."""
    table = rows("llmbar/vanilla.csv")
    found = both_orders(
        [one[f"{judge} given"] for one in table],
        [one[f"{judge} swapped"] for one in table],
        [one["label"] for one in table],
    )
    assert found is not None
    assert found.accuracy is not None
    assert found.both_right is not None
    rates = (found.accuracy, found.both_right, found.consistent, found.primacy, found.recency)
    assert [one.value for one in rates] == pytest.approx(expected, abs=1e-6)


def test_six_judges_are_two_votes_on_llmbar():
    """They err together: 1.95 effective votes of six."""
    table = rows("llmbar/vanilla.csv")
    names = [name.removesuffix(" given") for name in table[0] if name.endswith(" given")]
    errors = [
        [sum(one[f"{who} {o}"] != one["label"] for o in ("given", "swapped")) / 2 for who in names]
        for one in table
    ]
    assert effective_votes(errors) == pytest.approx(1.951885, abs=1e-6)


def test_expected_scores_beat_the_likeliest_on_llm_rubric():
    """RMSE and Pearson as the source's README has them."""
    table = columns("llm_rubric/real_q0.csv")
    chances = np.column_stack([table[f"p{k}"] for k in (1, 2, 3, 4)])
    most = chances.argmax(axis=1) + 1.0
    mean = chances @ [1, 2, 3, 4] / chances.sum(axis=1)
    human = table["human"]
    errors = [float(np.sqrt(((guess - human) ** 2).mean())) for guess in (most, mean)]
    assert errors == pytest.approx([1.201643, 0.918676], abs=1e-6)
    found = [correlation(human, guess) for guess in (most, mean)]
    assert found == pytest.approx([0.140091, 0.177301], abs=1e-6)


def test_correction_on_trivia_with_every_design():
    """PPI++, post-stratification, verdict-stratified labels and Poisson draws on fixed splits."""
    keys = [one["key"] for one in rows("qa_eval/trivia_gpt35.csv")]
    table = columns("qa_eval/trivia_gpt35.csv")
    y, f = table["human"], table["contained"]
    chosen = smallest(keys, 100)
    both = ppi(y[chosen], f[chosen], f[~chosen]), poststrat_ac(y[chosen], f[chosen], f[~chosen])
    strata = []
    for verdict, n in ((0, 80), (1, 20)):
        inside = [key for key, one in zip(keys, f, strict=True) if one == verdict]
        strata.append(y[f == verdict][smallest(inside, n)])
    by_verdict = stratified(strata, [(f == 0).mean(), (f == 1).mean()])
    weight = np.where(f == 0, 1.0, 0.2)
    pi = 100 * weight / weight.sum()
    drawn = np.array([uniform(key, "aipw") for key in keys]) < pi
    poisson = aipw(y[drawn], f[drawn], f[~drawn], pi[drawn], weight=1.0)
    found = [[r.value, r.low, r.high] for r in (*both, by_verdict, poisson) if r is not None]
    assert found == [
        pytest.approx([0.770537, 0.727760, 0.813314], abs=1e-6),
        pytest.approx([0.767595, 0.716033, 0.819158], abs=1e-6),
        pytest.approx([0.789383, 0.760780, 0.817987], abs=1e-6),
        pytest.approx([0.783003, 0.745425, 0.820581], abs=1e-6),
    ]


def test_correction_of_a_win_rate_on_arena():
    """A good judge helps, one that mostly names the first place adds nothing, and that is said."""
    keys = [one["key"] for one in rows("arena_ppr/vicuna_13b.csv")]
    table = columns("arena_ppr/vicuna_13b.csv")
    chosen, y = smallest(keys, 200), table["human"]
    assert y.mean() == pytest.approx(0.593140, abs=1e-6)
    good, poor = ((y[chosen], table[j][chosen], table[j][~chosen]) for j in ("gpt4", "gpt35"))
    rate = corrected(*good)
    assert rate is not None
    numbers = [rate.value, rate.low, rate.high, rate.weight]
    assert numbers == pytest.approx([0.588844, 0.538341, 0.639347, 0.521599], abs=1e-6)
    by_good, by_poor = level(*good), level(*poor)
    assert by_good is not None
    assert by_poor is not None
    assert not by_good.adds_nothing
    assert by_good.gain > 1.2
    assert by_poor.adds_nothing or by_poor.gain < 1.1
