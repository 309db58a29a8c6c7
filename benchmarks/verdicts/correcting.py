"""6.7 correction on fixed splits, 6.8 unequal probabilities, and the budget's formulas of 4.2, 4.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.verdicts.row import Row, absent, exact, same
from benchmarks.verdicts.sets import answers, arena, first_by_hash
from judges.statistics.rates import (
    Rate,
    aipw,
    human_only,
    poststrat_ac,
    ppi,
    rogan_gladen,
    stratified,
    wilson,
)
from judges.statistics.sampling import hajek, uniform
from judges.statistics.worth import correlation, cost_ratio, effective_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAST = 1.959963984540054
HOT = ("gpt-4", "claude-v1", "claude-instant-v1")


def _interval(name: str, expected: tuple[str, str, str], rate: Rate | None) -> Iterator[Row]:
    found = (None,) * 3 if rate is None else (rate.value, rate.low, rate.high)
    for part, number, ours in zip(("", " low", " high"), expected, found, strict=True):
        yield exact("6.7", name + part, number, ours)


def _printed(rate: Rate) -> float:
    """The width of the bounds as they are printed, which the expected ratios were made from."""
    return round(rate.high, 6) - round(rate.low, 6)


def correcting(data: Path) -> Iterator[Row]:
    """6.7."""
    yield from _trivia(data)
    yield from _vicuna(data)
    yield from _ballots(data)
    yield from _arena_2025(data)
    yield absent("6.7", "cje_arena: cje_base PPI++ and transport residuals")


def _trivia(data: Path) -> Iterator[Row]:
    qa = answers(data / "qa_eval", "TQ", "gpt35")
    y, f = qa.human, qa.contained
    name = "tq_gpt35_contains_n100"
    yield exact("6.7", f"{name} truth", "0.784314", float(y.mean()))
    yield exact("6.7", f"{name} raw judge", "0.709494", float(f.mean()))
    chosen = first_by_hash(qa.keys, 100)
    alone = human_only(y[chosen], z=LAST * np.sqrt(99 / 100))
    yield from _interval(f"{name} human only", ("0.80", "0.7216", "0.8784"), alone)
    rate = ppi(y[chosen], f[chosen], f[~chosen])
    yield from _interval(f"{name} PPI++", ("0.770537", "0.727760", "0.813314"), rate)
    assert rate is not None
    assert alone is not None
    yield exact("6.7", f"{name} lam", "0.689851", rate.weight)
    yield exact("6.7", f"{name} width ratio", "0.545632", _printed(rate) / _printed(alone))
    post = poststrat_ac(y[chosen], f[chosen], f[~chosen])
    yield from _interval(f"{name} poststrat_ac", ("0.767595", "0.716033", "0.819158"), post)
    strata = []
    for verdict, n in ((0, 80), (1, 20)):
        inside = f == verdict
        keys = [key for key, here in zip(qa.keys, inside, strict=True) if here]
        strata.append(y[inside][first_by_hash(keys, n)])
    by_verdict = stratified(strata, [float((f == 0).mean()), float((f == 1).mean())])
    expected = ("0.789383", "0.760780", "0.817987")
    yield from _interval("tq_gpt35_stratified_80_20", expected, by_verdict)
    weight = np.where(f == 0, 1.0, 0.2)
    pi = 100 * weight / weight.sum()
    drawn = np.array([uniform(key, "aipw") for key in qa.keys]) < pi
    yield same("6.7", "tq_gpt35_aipw_poisson labels", 112, int(drawn.sum()))
    rate = aipw(y[drawn], f[drawn], f[~drawn], pi[drawn], weight=1.0)
    yield from _interval("tq_gpt35_aipw_poisson", ("0.783003", "0.745425", "0.820581"), rate)


def _vicuna(data: Path) -> Iterator[Row]:
    votes = arena(data / "arena_ppr")
    rows, won = votes.of("vicuna-13b")
    keys = [key for key, here in zip(votes.keys, rows, strict=True) if here]
    chosen, y = first_by_hash(keys, 200), won["human"]
    yield exact("6.7", "arena_vicuna13b truth", "0.593140", float(y.mean()))
    rate = ppi(y[chosen], won["gpt4"][chosen], won["gpt4"][~chosen])
    expected = ("0.588844", "0.538341", "0.639347")
    yield from _interval("arena_vicuna13b_gpt4judge_n200 PPI++", expected, rate)
    yield exact("6.7", "… lam", "0.521599", rate.weight if rate else None)
    weak = ppi(y[chosen], won["gpt35"][chosen], won["gpt35"][~chosen])
    alone = human_only(y[chosen], z=LAST * np.sqrt(199 / 200))
    assert weak is not None
    assert alone is not None
    yield exact("6.7", "arena_vicuna13b_gpt35judge_n200 lam", "0.182369", weak.weight)
    yield exact("6.7", "… width ratio", "0.974307", _printed(weak) / _printed(alone))


def _ballots(data: Path) -> Iterator[Row]:
    with np.load(data / "ppi_ballots" / "ballot-data.npz") as file:
        y, f, rest = (file[name] for name in ("Y_labeled", "Yhat_labeled", "Yhat_unlabeled"))
    rate = ppi(y, f, rest)
    yield exact("6.7", "ballots PPI++ low", "0.614879", rate.low if rate else None)
    yield exact("6.7", "ballots PPI++ high", "0.628001", rate.high if rate else None)
    inside = rate is not None and rate.low <= 0.6237 <= rate.high
    yield same("6.7", "ballots: the official 0.6237 is inside", expected=True, ours=inside)
    legacy = np.random.RandomState(0).permutation(len(y))[:500]
    rho = correlation(y[legacy], f[legacy])
    yield exact("4.3", "ballots power notebook: rho", "0.9750932104", rho)
    n_eff = effective_labels(418, 5398, rho or 0.0)
    yield same("4.3", "ballots power notebook: n_eff", 3557, round(n_eff))
    for rho_, numbers in (
        (0.44, ("0.89", "0.99", "1.08")),
        (0.8, ("0.46", "0.61", "0.73")),
        (0.95, ("0.17", "0.28", "0.38")),
    ):
        for gamma, number in zip((0.01, 0.05, 0.10), numbers, strict=True):
            name = f"cost per effective label, rho {rho_}, gamma {gamma}"
            yield exact("4.2", name, number, cost_ratio(rho_, gamma))


def _arena_2025(data: Path) -> Iterator[Row]:
    folder = data / "arena_2025"
    if not (folder / "judgments.csv").exists():
        yield absent("6.7", "arena_2025…n60: PPI++, lam, Rogan-Gladen")
        return
    votes = arena(folder)
    judge = next((name for name in votes.votes if "5" in name and "4o" not in name), "")
    if "human" not in votes.votes or not judge:
        yield absent("6.7", "arena_2025: no column of GPT-5.2 in its judgments.csv")
        return
    y, f = votes.points("human"), votes.points(judge)
    chosen = first_by_hash([key.replace("arena:", "arena2025:") for key in votes.keys], 60)
    rate = ppi(y[chosen], f[chosen], f[~chosen])
    yield exact("6.7", "arena2025…n60 PPI++", "0.229802", rate.value if rate else None)
    yield exact("6.7", "arena2025…n60 lam", "0.175141", rate.weight if rate else None)
    plain = rogan_gladen(y[chosen], f[chosen], f[~chosen])
    ends = None if plain is None else (plain.low, plain.high)
    yield same("6.7", "arena2025…n60 Rogan-Gladen", (0.0, 1.0), ends)


def weighting(data: Path) -> Iterator[Row]:
    """6.8: popular models' comparisons drawn at one half, the others at one in twenty."""
    votes = arena(data / "arena_ppr")
    hot_models = np.array([model in HOT for model in votes.models])
    hot = hot_models[votes.first] | hot_models[votes.second]
    pi = np.where(hot, 0.5, 0.05)
    drawn = np.array([uniform(key, "ipw") for key in votes.keys]) < pi
    value = votes.points("gpt4")
    mean = hajek(list(value[drawn]), list(pi[drawn]), finite=True)
    share = hajek(list(hot[drawn].astype(float)), list(pi[drawn]))
    assert mean is not None
    assert share is not None
    yield same("6.8", "sampled", 5217, int(drawn.sum()))
    yield exact("6.8", "Hájek mean", "0.540677", mean.value)
    yield exact("6.8", "… standard error", "0.009291", mean.standard_error)
    yield exact("6.8", "truth", "0.537111", float(value.mean()))
    unweighted = wilson(int(hot[drawn].sum()), int(drawn.sum()))
    yield exact("6.8", "hot share unweighted", "0.817903", unweighted.value if unweighted else None)
    yield exact("6.8", "hot share Hájek", "0.309944", share.value)
    yield exact("6.8", "hot share truth", "0.313607", float(hot.mean()))
