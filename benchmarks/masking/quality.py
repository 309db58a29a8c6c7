"""What is found, what is missed, and what is masked for nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.masking.lines import Line
    from collector.masking import Masking

__all__ = ["quality"]


def quality(masking: Masking, made: list[Line]) -> list[dict[str, Any]]:
    """Precision and recall by recogniser, and the share of negatives that were touched."""
    policy = masking._default  # noqa: SLF001 - measured alone, without the message around it
    assert policy is not None
    found, total, wrong = Counter[str](), Counter[str](), Counter[str]()
    touched, negatives = Counter[str](), Counter[str]()
    for line in made:
        counts = Counter[str]()
        text = policy.scanner.mask(line.text, "", counts)
        if not line.value:
            negatives[line.kind] += 1
            touched[line.kind] += bool(counts)
            wrong.update(counts.keys())
            continue
        total[line.kind] += 1
        found[line.kind] += line.value not in text and (counts[line.kind] > 0 or bool(counts))
        wrong.update(name for name in counts if name != line.kind)
    rows = [
        {"kind": k, "recall": found[k] / total[k], "lines": total[k],
         "precision": found[k] / max(1, found[k] + wrong[k]), "wrong": wrong[k]}
        for k in total
    ]  # fmt: skip
    extra = [{"kind": k, "touched": touched[k] / n, "lines": n} for k, n in negatives.items()]
    return rows + extra
