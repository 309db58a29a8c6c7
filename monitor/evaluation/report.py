"""A run as text: samples (what failed first), judges, what changed, why it does not pass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from monitor.evaluation.aggregates import INVALID_ALARM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from monitor.evaluation.aggregates import Aggregate
    from monitor.evaluation.comparison import Comparison, Moved
    from monitor.evaluation.result import Evaluation
    from monitor.evaluation.rows import EvaluationRow

__all__ = ["figure", "money", "print_comparisons", "print_evaluation", "spread"]

ROWS_IN_A_LOG = 40
"""Samples that are listed where there is no terminal to fit."""
PASSES_IN_A_LOG = 3
"""Of these, such that nothing is wrong with."""
LEFT_FOR_THE_REST = 14
"""Lines of a terminal that the aggregates need."""
MOVED_SHOWN = 5


def print_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Both levels: samples, then judges."""
    rows = ROWS_IN_A_LOG
    passes = PASSES_IN_A_LOG
    if console.is_terminal:
        rows = passes = max(5, console.height - LEFT_FOR_THE_REST)
    _print_samples(console, evaluation.rows, rows, passes)
    _print_judges(console, evaluation.aggregates)
    told = [
        f"{evaluation.samples} samples of {_plain(evaluation.dataset)}",
        f"{evaluation.duration_s:.1f} s",
        f"cost {money(evaluation.cost_usd)}",
    ]
    if evaluation.cache_hits:
        told.append(f"{evaluation.cache_hits} replies from the cache")
    console.print(Text(f"run {evaluation.run_id}: {', '.join(told)}"), soft_wrap=True)
    if evaluation.unjudged:
        console.print(
            Text(
                f"stopped by {evaluation.stopped}: {len(evaluation.rows)} of {evaluation.due} judged;"
                f" what was judged is a uniform sample, and --resume {evaluation.run_id} goes on"
            ),
            soft_wrap=True,
        )


def print_comparisons(console: Console, comparisons: Sequence[Comparison], baseline: str) -> None:
    """What changed against the baseline, and which samples moved."""
    table = _table(f"against {_plain(baseline)}")
    for name, justify in (
        ("judge", "left"), ("before", "right"), ("after", "right"), ("difference (95 %)", "left"),
        ("p", "right"), ("better", "right"), ("worse", "right"), ("n", "right"), ("", "left"),
    ):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # one of rich's words
    for one in comparisons:
        table.add_row(
            Text(_plain(one.judge)),
            figure(one.before, one.kind),
            figure(one.after, one.kind),
            spread(one.difference, one.low, one.high, one.kind, signed=True),
            f"{one.p_value:.3g}" if one.n else "",
            str(len(one.better)),
            str(len(one.worse)),
            str(one.n),
            Text(one.verdict, style={"better": "green", "worse": "red"}.get(one.verdict, "")),
        )
    console.print(table)
    for one in comparisons:
        for word, moved in (("worse", one.worse), ("better", one.better)):
            _print_moved(console, f"{_plain(one.judge)} {word}", moved, one.kind)
        if one.unpaired:
            console.print(
                Text(f"{_plain(one.judge)}: {one.unpaired} samples have a verdict in one run only")
            )


def figure(value: float, kind: str) -> str:
    """A mean: a share in percent, a score as it is.

    >>> figure(0.9124, "yes_no"), figure(4.2, "score"), figure(math.nan, "label")
    ('91.2 %', '4.200', '-')
    """
    if math.isnan(value):
        return "-"
    return f"{100 * value:.1f} %" if kind == "yes_no" else f"{value:.3f}"


def spread(value: float, low: float, high: float, kind: str, *, signed: bool = False) -> str:
    """A mean with its interval.

    >>> spread(0.9, 0.825, 0.945, "yes_no")
    '90.0 % (82.5 to 94.5)'
    """
    if math.isnan(value):
        return "-"
    scale, digits = (100, 1) if kind == "yes_no" else (1, 3)
    sign = "+" if signed else ""
    said = f"{scale * value:{sign}.{digits}f}" + (" %" if kind == "yes_no" else "")
    if math.isnan(low):
        return said
    return f"{said} ({scale * low:{sign}.{digits}f} to {scale * high:{sign}.{digits}f})"


def money(usd: float | None) -> str:
    """US dollars with the digits that a judge's price needs.

    >>> money(0.0), money(0.00042), money(3.5), money(None)
    ('$0', '$0.00042', '$3.50', 'unknown')
    """
    if usd is None:
        return "unknown"
    if usd == 0:
        return "$0"
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.01 else f"${usd:.5f}"


def _print_samples(console: Console, rows: Sequence[EvaluationRow], most: int, passes: int) -> None:
    judges = list(dict.fromkeys(row.judge for row in rows))
    by_sample: dict[str, dict[str, EvaluationRow]] = {}
    for row in rows:
        by_sample.setdefault(row.sample_id, {})[row.judge] = row
    ordered = sorted(by_sample.items(), key=lambda item: _badness(item[1]))
    failing = sum(any(row.failed for row in found.values()) for found in by_sample.values())
    most = min(most, failing + passes)
    table = _table()
    table.add_column("sample", no_wrap=True, max_width=20, overflow="ellipsis")
    for judge in judges:
        table.add_column(_plain(judge), no_wrap=True, max_width=16, overflow="ellipsis")
    table.add_column("why", no_wrap=True, overflow="ellipsis", ratio=1)
    table.expand = True
    for name, verdicts in ordered[:most]:
        cells = [_cell(verdicts.get(judge)) for judge in judges]
        table.add_row(Text(_plain(name)), *cells, Text(_why(verdicts, alone=len(judges) == 1)))
    console.print(table)
    if len(ordered) > most:
        console.print(
            Text(
                f"… {len(ordered) - most} more samples, {max(0, failing - most)} of them with a failure;"
                " the run's file and the dashboard have all"
            ),
            style="dim",
        )


def _badness(verdicts: dict[str, EvaluationRow]) -> tuple[int, float]:
    """Sorts: samples with most failures first, then the lowest scores."""
    failed = sum(row.failed for row in verdicts.values())
    scores = [row.good for row in verdicts.values() if not math.isnan(row.value)]
    return -failed, min(scores, default=math.inf)


def _cell(row: EvaluationRow | None) -> Text:
    if row is None:
        return Text("not asked", style="dim")
    if not row.ok:
        style = "dim" if row.status == "not_applicable" else "yellow"
        return Text(row.status.replace("_", " "), style=style)
    if row.kind == "yes_no":
        return Text(
            _plain(row.label) or ("yes" if row.value else "no"),
            style="red" if row.failed else "green",
        )
    if row.kind == "label":
        return Text(_plain(row.label))
    return Text(f"{row.value:.3g}", style="red" if row.failed else "")


def _why(verdicts: dict[str, EvaluationRow], *, alone: bool) -> str:
    told = [row for row in verdicts.values() if row.reason]
    failed = [row for row in told if row.failed] or told[:1]
    return "; ".join(
        _plain(row.reason if alone else f"{row.judge}: {row.reason}") for row in failed
    )


def _print_judges(console: Console, aggregates: Sequence[Aggregate]) -> None:
    table = _table()
    skipped = any(one.not_applicable for one in aggregates)
    missing = any(one.failed for one in aggregates)
    for name, shown in (
        ("judge", True), ("mean (95 %)", True), ("n", True), ("n/a", skipped), ("no verdict", missing),
        ("then", missing), ("cost", True), ("median", True),
    ):  # fmt: skip
        if shown:
            table.add_column(name)
    for one in aggregates:
        cells = [
            Text(_plain(one.judge)),
            Text(_plain(_labels(one)) if one.kind == "label" else _told(one)),
            Text(str(one.n)),
        ]
        cells += [Text(str(one.not_applicable))] if skipped else []
        cells += _missing(one) if missing else []
        took = f"{one.p50_ms:.0f} ms" if one.p50_ms >= 1 else "< 1 ms"
        table.add_row(*cells, money(one.cost_usd), took)
    console.print(table)
    if any(one.failed for one in aggregates):
        console.print(
            Text(
                "no verdict: neither right nor wrong; `then` is where the mean would lie if all of"
                " these were as bad, or as good, as can be"
            ),
            style="dim",
        )


def _missing(one: Aggregate) -> list[Text]:
    """How many have no verdict, and where the mean would lie with them."""
    if not one.failed:
        return [Text("0"), Text("")]
    style = "red" if one.invalid_share > INVALID_ALARM else ""
    bounds = f"{figure(one.worst, one.kind)} to {figure(one.best, one.kind)}"
    return [
        Text(f"{one.failed} ({100 * one.invalid_share:.0f} %)", style=style),
        Text(bounds if one.n and one.kind != "label" else ""),
    ]


def _told(one: Aggregate) -> str:
    return spread(one.value, one.low, one.high, one.kind) if one.n else "nothing judged"


def _labels(one: Aggregate) -> str:
    total = sum(one.labels.values())
    most = list(one.labels.items())[:5]
    return ", ".join(f"{label} {100 * count / total:.0f} %" for label, count in most)


def _print_moved(console: Console, title: str, moved: Sequence[Moved], kind: str) -> None:
    for one in moved[:MOVED_SHOWN]:
        change = f"{figure(one.before, kind)} → {figure(one.after, kind)}"
        if kind == "yes_no":
            change = "no → yes" if one.after > one.before else "yes → no"
        reason = f": {_plain(one.reason)}" if one.reason else ""
        console.print(
            Text(f"  {title}  {_plain(one.sample_id)}  {change}{reason}"),
            overflow="ellipsis",
            no_wrap=True,
        )
    if len(moved) > MOVED_SHOWN:
        console.print(Text(f"  … and {len(moved) - MOVED_SHOWN} more"), style="dim")


def _table(title: str | None = None) -> Table:
    return Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)


def _plain(text: str) -> str:
    r"""Strangers' text on one line, nothing in it that a terminal would obey.

    >>> _plain("a\x1b[31m\n b\u202e")
    'a�[31m b�'
    """
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)
