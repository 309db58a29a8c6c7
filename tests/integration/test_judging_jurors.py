"""A jury in production: people's labels say which of its jurors sit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from judges.definitions.reading import define
from judges.interaction import Interaction, Judgement, Verdict
from judges.panels.jury import Jury
from monitor.judging.jurors import seated
from monitor.judging.verdicts import details_of
from monitor.records import ScoreRow
from monitor.store import Store

pytestmark = pytest.mark.integration
NOW = datetime(2024, 1, 10, tzinfo=UTC)
DEFINITION = define(
    {"kind": "jury", "name": "right", "models": ["a", "b", "c"], "services": ["loans"],
     "judge": {"kind": "question", "question": "Is it right?"}}
)  # fmt: skip


def juror(name: str) -> object:
    """A judge of that name."""

    async def judge(interaction: Interaction) -> Verdict:
        return Judgement(name, value=True, label="yes", reason="", version="1")

    judge.__name__ = name
    return judge


def jury() -> Jury:
    """Three jurors."""
    return Jury("right", tuple(juror(name) for name in "abc"))  # type: ignore[arg-type]  # judges


def told(store: Store, words: Sequence[Sequence[str]], truth: Sequence[bool]) -> None:
    """Verdicts of the jury with what each juror said, and people's labels."""
    rows = []
    for number, (said, right) in enumerate(zip(words, truth, strict=True)):
        yes = said.count("yes") > 1
        details = {f"juror {name}": word for name, word in zip("abc", said, strict=True)}
        word = "yes" if yes else "no"
        verdict = Judgement("right", yes, word, "", "v", details=details)
        at = NOW - timedelta(hours=number + 1)
        row = ScoreRow(
            at, f"judge:{number}", "call", f"t{number}", "s", "", "loans", "right", "judge",
            float(yes), word, "", "", "m/v", at, 1.0, 0.0, details_of(verdict),
        )  # fmt: skip
        person = replace(
            row,
            score_id=f"human:{number}",
            source="human",
            value=float(right),
            author="ann",
            details="",
        )
        rows += [row, person]
    store.append("scores", rows)


def test_a_juror_that_labels_do_not_admit_is_left_out(store: Store) -> None:
    """It agrees with people by chance alone; the others sit, the verdict says why, and what they are worth."""
    truth = [number % 2 == 0 for number in range(60)]
    good = ["yes" if right else "no" for right in truth]
    coin = ["yes" if number % 4 < 2 else "no" for number in range(60)]
    told(store, list(zip(good, good, coin, strict=True)), truth)
    found = seated(store, DEFINITION, jury(), NOW)
    assert isinstance(found, Jury)
    assert [one is not None and one.admitted for one in found.admissions] == [True, True, False]
    assert found.version != jury().version
    assert (
        "2 of 3 jurors admitted; c left out: agrees with people no better than chance"
        in found._note
    )


def test_below_fifty_labels_nobody_is_tested(store: Store) -> None:
    """All sit, and every verdict says that they are not tested."""
    told(store, [("yes", "yes", "no")] * 49, [True] * 49)
    found = seated(store, DEFINITION, jury(), NOW)
    assert isinstance(found, Jury)
    assert found.admissions == ()
    assert found._note == "jurors not tested against people"


def test_a_failure_of_a_juror_is_no_verdict(store: Store) -> None:
    """More than 2 % of it, and the juror does not sit, whatever it is right about."""
    truth = [number % 2 == 0 for number in range(60)]
    good = ["yes" if right else "no" for right in truth]
    broken = ["invalid_output" if number < 3 else word for number, word in enumerate(good)]
    told(store, list(zip(good, good, broken, strict=True)), truth)
    found = seated(store, DEFINITION, jury(), NOW)
    assert isinstance(found, Jury)
    assert "c left out: 5.0% of its verdicts cannot be read" in found._note
