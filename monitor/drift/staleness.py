"""Signs that a model's knowledge has aged: the years it writes, what it makes up, words it never met."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from monitor.drift.e_value import rate_e_value
from monitor.drift.intervals import clopper_pearson_upper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["NewTerms", "RiskyTerm", "unfounded", "words_of", "year_age"]

TEXT_READ = 8_000
"""Characters of a text that are read."""
MOST_WORDS = 20_000
"""Words of the baseline's inputs that are kept, the commonest."""
MOST_NEW = 1_000
LEAST_CALLS = 20
"""Calls that hold a new term before it is tested."""
_TURN = timedelta(days=60)
"""Around the turn of the year both years are the present."""
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_WORD = re.compile(r"[^\W\d_]{3,40}")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
_NAME = re.compile(r"(?<![.!?:\n] )(?<=[a-z,\"'] |.[\"'(])[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")


def year_age(output: str, event: date) -> str:
    """How far behind the present the latest year is that an answer mentions, in years.

    Two months around the turn of a year both years are the present: an answer of January that
    speaks of last December is not stale.

    >>> year_age("As of 2021, the rate is 3 %.", date(2024, 5, 2)), year_age("Fine.", date(2024, 5, 2))
    ('3 or more behind', 'none')
    >>> year_age("Paid in December 2023.", date(2024, 1, 9)), year_age("Due 2025.", date(2024, 5, 2))
    ('present', '1 ahead')
    """
    years = [int(found) for found in _YEAR.findall(output[:TEXT_READ])]
    if not years:
        return "none"
    latest, first, last = max(years), (event - _TURN).year, (event + _TURN).year
    if first <= latest <= last:
        return "present"
    if latest < first:
        behind = first - latest
        return "3 or more behind" if behind >= 3 else f"{behind} behind"
    ahead = latest - last
    return "3 or more ahead" if ahead >= 3 else f"{ahead} ahead"


def unfounded(output: str, sources: str, event: date) -> tuple[str, ...]:
    """Years, numbers of three digits or more and names in an answer that no source of it holds.

    Names are capitalised words inside a sentence. The year of the call, and years and days around
    it, need no source.

    >>> unfounded("You owe 1,250.00 to Harbor Bank since 2019.", "Owed: $1250, Harbor Bank", date(2024, 5, 2))
    ('2019',)
    >>> unfounded("Please ask for Maria Lopez.", "who can help?", date(2024, 5, 2))
    ('Maria Lopez',)
    """
    text, known = output[:TEXT_READ], sources.casefold()
    numbers = {_plain(found) for found in _NUMBER.findall(sources)}
    present = {str(event.year + step) for step in (-1, 0, 1)}
    missing = [
        found
        for found in dict.fromkeys(_NUMBER.findall(text))
        if len(_plain(found)) >= 3 and _plain(found) not in numbers | present
    ]
    missing += [
        name
        for name in dict.fromkeys(_NAME.findall(text))
        if not all(word in known for word in name.casefold().split())
    ]
    return tuple(missing)


def words_of(text: str) -> set[str]:
    """The words of a text, lower case, three letters or more.

    >>> sorted(words_of("Pay with Uber, 3 times"))
    ['pay', 'times', 'uber', 'with']
    """
    return {word.lower() for word in _WORD.findall(text[:TEXT_READ])}


@dataclass(frozen=True, slots=True)
class RiskyTerm:
    """A new word, and how calls that hold it fare against the others."""

    term: str
    failed: int
    n: int
    failed_elsewhere: int
    n_elsewhere: int
    e_value: float
    """Evidence that calls with it fail more often, divided by the number of terms tested."""


@dataclass(slots=True)
class NewTerms:
    """Counts calls and failures by words that the baseline's inputs did not know.

    A two-sample likelihood ratio in its anytime form: the failures of calls with the word against
    the upper bound of the failure rate of all others; the evidence of one word among many is
    divided by their number.

    >>> new = NewTerms.fit(["pay my bill"] * 50)
    >>> for n in range(400):
    ...     new.update("pay uber" if n % 8 == 0 else "pay my bill", failed=n % 16 == 0)
    >>> worst = new.worst()
    >>> worst.term, worst.failed, worst.n, worst.e_value > 1e6
    ('uber', 25, 50, True)
    """

    STATE_VERSION: ClassVar[int] = 1

    known: frozenset[str]
    calls: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    n: int = 0
    failed: int = 0

    @classmethod
    def fit(cls, inputs: Iterable[str]) -> Self:
        """Learn the words of a healthy baseline's inputs."""
        seen = Counter[str]()
        for text in inputs:
            seen.update(words_of(text))
            if len(seen) > 10 * MOST_WORDS:
                seen = Counter(dict(seen.most_common(5 * MOST_WORDS)))
        return cls(frozenset(word for word, _ in seen.most_common(MOST_WORDS)))

    def update(self, text: str, *, failed: bool) -> None:
        """Take one call's input in, and whether the call failed."""
        self.n, self.failed = self.n + 1, self.failed + failed
        new = words_of(text) - self.known
        self.calls.update(new)
        if failed:
            self.failures.update(new)
        if len(self.calls) > 2 * MOST_NEW:
            self.calls = Counter(dict(self.calls.most_common(MOST_NEW)))
            self.failures = Counter({one: self.failures[one] for one in self.calls})

    def worst(self) -> RiskyTerm | None:
        """The new word with the strongest evidence; None while none is frequent enough."""
        tested = [term for term, n in self.calls.items() if n >= LEAST_CALLS]
        risky = (self._risk(term, len(tested)) for term in tested)
        return max(risky, key=lambda one: one.e_value, default=None)

    def _risk(self, term: str, tested: int) -> RiskyTerm:
        failed, n = self.failures[term], self.calls[term]
        others, n_others = self.failed - failed, self.n - n
        bound = clopper_pearson_upper(others, n_others) if n_others else 1.0
        evidence = rate_e_value(failed, n, bound) / tested
        return RiskyTerm(term, failed, n, others, n_others, evidence)

    def state(self) -> dict[str, Any]:
        """What was counted, without the known words, as JSON-able values with a version."""
        return {
            "detector": "NewTerms",
            "version": self.STATE_VERSION,
            "calls": dict(self.calls.most_common(MOST_NEW)),
            "failures": {term: n for term, n in self.failures.items() if n},
            "n": self.n,
            "failed": self.failed,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what was counted.

        Raises:
            ValueError: the state is something else's or another version's.
        """
        if state.get("detector") != "NewTerms" or state.get("version") != self.STATE_VERSION:
            raise ValueError(
                f"this is no NewTerms of version {self.STATE_VERSION}; start the series anew"
            )
        self.calls, self.failures = Counter(state["calls"]), Counter(state["failures"])
        self.n, self.failed = state["n"], state["failed"]


def _plain(number: str) -> str:
    """A number without separators and without a fraction of nothing: 1,250.00 is 1250."""
    digits = number.replace(",", "")
    whole, _, fraction = digits.partition(".")
    return digits if fraction.strip("0") else whole
