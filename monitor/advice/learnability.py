"""Can the fault, or the right answer, be told from the inputs? Cross-validated, against shuffled labels. Pure.

A ridge classifier on the inputs' words and letters is deliberately simple: where it tells failing calls from the
others, a fine-tuned model can learn the difference; where it cannot, the fault may be noise, or hang on something that
the input does not say. Out-of-fold predictions of a ridge are linear in the labels, so the same matrix predicts every
shuffle of them: the null is the whole procedure run again, at the price of one product of matrices.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.stats import rankdata

from monitor.drift import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["FEWEST", "Learnability", "failing_learnable", "label_learnable"]

FEWEST = 10
"""Calls of each kind without which nothing is said."""
POWERFUL = 30
"""Failing calls from which "not learnable" is worth saying."""
FOLDS = 5
SHUFFLES = 199
RIDGE = 1.0
MOST_CHARS, MOST_WORDS, GRAM = 2_000, 300, 4
MOST_CLASSES = 20
COVERED = 0.8
"""Labels are classes when few of them cover this share of the labelled calls."""
SIGNIFICANT = 0.05
NORMAL_95 = 1.959964
WORD = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, slots=True)
class Learnability:
    """How well a simple model tells one thing from the inputs."""

    what: str
    """`failing` (AUC: failing calls from the others) or `label` (accuracy: the right label itself)."""
    value: float
    low: float
    high: float
    """95 % interval: DeLong's of an AUC, Clopper and Pearson's of an accuracy."""
    null: float
    """95 % quantile of the same number when the labels are shuffled."""
    p_value: float
    n: int
    positives: int
    """Failing calls; of labels, the calls of all but the most frequent one."""
    contrast: str = "calls since the change"
    """What the failing calls were told from."""

    @property
    def found(self) -> bool:
        """Whether it is told better than chance would."""
        return self.p_value <= SIGNIFICANT

    @property
    def refuted(self) -> bool:
        """Whether there was enough to see it, and nothing is there."""
        return not self.found and self.positives >= POWERFUL

    @property
    def sentence(self) -> str:
        """What was measured, in words."""
        if self.what == "label":
            return (
                f"a simple model tells the right label from the inputs of {self.value:.0%} of {self.n:,} calls"
                f" ({self.low:.0%} to {self.high:.0%}; by chance up to {self.null:.0%}, p = {self.p_value:.3g})"
            )
        told = "can" if self.found else "cannot"
        return (
            f"failing calls {told} be told from {self.contrast} by their inputs: AUC {self.value:.2f}"
            f" ({self.low:.2f} to {self.high:.2f}; by chance up to {self.null:.2f}, p = {self.p_value:.3g},"
            f" {self.positives:,} failing of {self.n:,})"
        )


def failing_learnable(
    texts: Sequence[str],
    failing: Sequence[bool],
    *,
    rng: np.random.Generator,
    contrast: str = "calls since the change",
) -> Learnability | None:
    """Whether failing calls can be told from the others by their inputs; None with fewer than `FEWEST` of a kind.

    Equal inputs count once, so that a call asked twice is never learnt by heart and then found again; inputs that
    failed once and worked once are left out, and speak against by lowering the numbers.

    >>> rng = np.random.default_rng(3)
    >>> due = [f"call {n} about {'january' if n % 4 == 0 else 'june'} payment" for n in range(200)]
    >>> found = failing_learnable(due, [n % 4 == 0 for n in range(200)], rng=rng)
    >>> found.found, found.low > 0.9
    (True, True)
    >>> noise = failing_learnable(due, list(rng.random(200) < 0.2), rng=rng)
    >>> noise.found, noise.refuted
    (False, True)
    """
    known: dict[str, set[bool]] = {}
    for text, bad in zip(texts, failing, strict=True):
        known.setdefault(_normal(text), set()).add(bool(bad))
    kept = {text: said.pop() for text, said in known.items() if len(said) == 1}
    y = np.array(list(kept.values()), dtype=float)
    positives = int(y.sum())
    if min(positives, len(y) - positives) < FEWEST:
        return None
    predict = _out_of_fold(_kernel(list(kept)), rng)
    auc, low, high = _auc_interval(predict @ y, y > 0)
    shuffled = np.column_stack([rng.permutation(y) for _ in range(SHUFFLES)])
    null = _aucs(predict @ shuffled, shuffled > 0)
    return Learnability(
        what="failing",
        value=auc,
        low=low,
        high=high,
        null=float(np.quantile(null, 0.95)),
        p_value=float((1 + (null >= auc).sum()) / (1 + SHUFFLES)),
        n=len(y),
        positives=positives,
        contrast=contrast,
    )


def label_learnable(
    texts: Sequence[str], labels: Sequence[str], *, rng: np.random.Generator
) -> Learnability | None:
    """Whether the right label can be told from the inputs, where labels are few classes; else None."""
    known = {_normal(text): label for text, label in zip(texts, labels, strict=True)}
    counts = Counter(known.values())
    classes = [one for one, many in counts.most_common(MOST_CLASSES) if many >= FOLDS]
    kept = {text: label for text, label in known.items() if label in classes}
    rare = len(kept) - max((counts[one] for one in classes), default=0)
    if len(classes) < 2 or len(kept) < COVERED * len(known) or rare < FEWEST:
        return None
    hot = np.array([[label == one for one in classes] for label in kept.values()], dtype=float)
    predict = _out_of_fold(_kernel(list(kept)), rng)
    prior = hot.mean(axis=0)

    def right(order: NDArray[np.int64]) -> int:
        guessed = np.argmax(predict @ hot[order] + prior, axis=1)
        return int((guessed == np.argmax(hot[order], axis=1)).sum())

    n = len(kept)
    count = right(np.arange(n))
    null = np.array([right(rng.permutation(n)) for _ in range(SHUFFLES)])
    interval = clopper_pearson(count, n)
    return Learnability(
        what="label",
        value=count / n,
        low=interval.low,
        high=interval.high,
        null=float(np.quantile(null, 0.95)) / n,
        p_value=float((1 + (null >= count).sum()) / (1 + SHUFFLES)),
        n=n,
        positives=rare,
    )


def _normal(text: str) -> str:
    return " ".join(text[:MOST_CHARS].lower().split())


def _terms(text: str) -> Iterator[str]:
    """Words, pairs of them, and their runs of four letters."""
    words = WORD.findall(text)[:MOST_WORDS]
    yield from words
    yield from (f"{one} {two}" for one, two in pairwise(words))
    for word in words:
        bounded = f"^{word}$"
        yield from (bounded[at : at + GRAM] for at in range(len(bounded) - GRAM + 1))


def _kernel(texts: Sequence[str]) -> Numbers:
    """Cosines between the inputs' weighted terms."""
    places: dict[str, int] = {}
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        for term, many in Counter(_terms(text)).items():
            rows.append(row)
            columns.append(places.setdefault(term, len(places)))
            values.append(1 + np.log(many))
    shape = (len(texts), max(1, len(places)))
    counts = csr_array((values, (rows, columns)), shape=shape)
    held = np.bincount(columns, minlength=shape[1]) if columns else np.ones(1)
    weighted = counts @ diags_array(1 + np.log((1 + len(texts)) / (1 + held)))
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    cosines = (weighted @ weighted.T).toarray()
    scale = np.maximum(lengths, 1e-12)
    return np.asarray(cosines / scale[:, None] / scale[None, :])


def _out_of_fold(kernel: Numbers, rng: np.random.Generator) -> Numbers:
    """The matrix that turns labels into predictions of a ridge which has not seen the predicted call's fold."""
    n = len(kernel)
    fold = rng.permutation(n) % FOLDS
    predict = np.zeros((n, n))
    for number in range(FOLDS):
        out, rest = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        weights = np.linalg.solve(
            kernel[np.ix_(rest, rest)] + RIDGE * np.eye(len(rest)), kernel[np.ix_(rest, out)]
        ).T
        predict[np.ix_(out, rest)] = weights - weights.mean(axis=1, keepdims=True)
    return predict


def _aucs(scores: Numbers, positive: NDArray[np.bool_]) -> Numbers:
    """Areas under the ROC curve, one for each column."""
    ranks = rankdata(scores, axis=0)
    many = positive.sum(axis=0)
    above = (ranks * positive).sum(axis=0) - many * (many + 1) / 2
    return np.asarray(above / (many * (len(scores) - many)))


def _auc_interval(scores: Numbers, positive: NDArray[np.bool_]) -> tuple[float, float, float]:
    """An AUC with DeLong's 95 % interval.

    Reference:
        E. DeLong, D. DeLong, D. Clarke-Pearson (1988), Biometrics 44.
    """
    ours, theirs = scores[positive], scores[~positive]
    whole = rankdata(scores)
    above = (whole[positive] - rankdata(ours)) / len(theirs)
    below = 1 - (whole[~positive] - rankdata(theirs)) / len(ours)
    auc = float(above.mean())
    half = NORMAL_95 * float(
        np.sqrt(above.var(ddof=1) / len(ours) + below.var(ddof=1) / len(theirs))
    )
    return auc, max(0.0, auc - half), min(1.0, auc + half)
