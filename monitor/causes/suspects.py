"""Suspects among the calls: attribute values that are new since the change, and how much of the fault they explain."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from monitor.causes.situation import SampledCall, Situation

__all__ = ["Suspect", "explained", "gone_keys", "new_keys", "new_values", "new_words"]

RARE = 0.01
"""A value with at most this share of the calls before the change counts as new."""
MOVED = 0.2
"""Change of a key's share of the inputs that is a change of their structure."""
FEWEST = 20
"""Calls before and after without which a share says nothing."""
RISEN = 3.0
"""A word counts as risen from this many times its share before on."""
MOST_WORDS = 40


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that some calls have and others have not."""

    attribute: str
    value: str
    first: datetime
    """First call that has it."""
    share_before: float
    share_after: float
    count: int
    """Faults among the calls after the change that have it."""
    n: int
    others: int
    others_n: int
    """The same of the calls after the change that have it not."""
    explained: float
    """Its log-likelihood ratio over that of the moment alone: 1 when having it says as much as coming after the
    change, more when it says more, 0 or less when the faults are elsewhere."""
    weight: float
    """Its own log-likelihood ratio: how much there is to explain."""

    @property
    def rate(self) -> float:
        """Fault rate with it."""
        return self.count / self.n if self.n else 0.0

    @property
    def others_rate(self) -> float:
        """Fault rate without it."""
        return self.others / self.others_n if self.others_n else 0.0


def explained(situation: Situation, inside: Callable[[SampledCall], bool]) -> tuple[float, float]:
    """How much of the fault "inside" explains, against the moment alone; and its log-likelihood ratio."""
    moment = _gain(situation, lambda call: call.timestamp >= situation.best)
    own = _gain(situation, inside)
    return own / max(moment, own, 1e-9), own


def _gain(situation: Situation, inside: Callable[[SampledCall], bool]) -> float:
    """Log-likelihood ratio of a higher rate inside, less that of what is left outside."""
    there = [call.fault for call in situation.calls if inside(call)]
    rest_n = len(situation.calls) - len(there)
    rest = sum(call.fault for call in situation.calls) - sum(there)
    return _excess(sum(there), len(there), situation.baseline) - _excess(
        rest, rest_n, situation.baseline
    )


def _excess(count: int, n: int, rate: float) -> float:
    rate = min(max(rate, 1e-4), 0.999)
    if n == 0 or count <= n * rate:
        return 0.0
    misses = n - count
    left = misses * log(misses / n / (1 - rate)) if misses else 0.0
    return count * log(count / n / rate) + left


def _suspect(
    situation: Situation, attribute: str, value: str, inside: Callable[[SampledCall], bool]
) -> Suspect | None:
    before, after = situation.before, situation.after
    there = [call for call in after if inside(call)]
    if not there:
        return None
    share, weight = explained(situation, inside)
    return Suspect(
        attribute=attribute,
        value=value,
        first=next(call.timestamp for call in situation.calls if inside(call)),
        share_before=sum(map(inside, before)) / len(before) if before else 0.0,
        share_after=len(there) / len(after),
        count=sum(call.fault for call in there),
        n=len(there),
        others=sum(call.fault for call in after) - sum(call.fault for call in there),
        others_n=len(after) - len(there),
        explained=share,
        weight=weight,
    )


def new_values(situation: Situation, attribute: str) -> list[Suspect]:
    """Values of an attribute that (nearly) no call had before the change, those that explain most first."""
    before = Counter(call.attributes.get(attribute, "") for call in situation.before)
    after = Counter(call.attributes.get(attribute, "") for call in situation.after)
    most = RARE * max(1, sum(before.values()))
    found = []
    for value in after:
        if not value or before[value] > most or sum(before.values()) < FEWEST:
            continue
        suspect = _suspect(situation, attribute, value, _valued(attribute, value))
        found += [suspect] if suspect else []
    return sorted(found, key=lambda one: -one.weight)


def _shares(
    calls: Sequence[SampledCall], of: Callable[[SampledCall], frozenset[str]]
) -> Counter[str]:
    return Counter(item for call in calls for item in of(call))


def _moved_keys(situation: Situation) -> Iterator[tuple[str, float]]:
    before, after = situation.before, situation.after
    if len(before) < FEWEST or len(after) < FEWEST:
        return
    then, now = _shares(before, lambda c: c.keys), _shares(after, lambda c: c.keys)
    for key in {*then, *now}:
        change = now[key] / len(after) - then[key] / len(before)
        if abs(change) >= MOVED:
            yield key, change


def new_keys(situation: Situation) -> list[Suspect]:
    """Parts of the inputs' structure that have come, those that explain most first."""
    found = [
        _suspect(situation, "input has", key, _keyed(key))
        for key, change in _moved_keys(situation)
        if change > 0
    ]
    return sorted((one for one in found if one), key=lambda one: -one.weight)


def gone_keys(situation: Situation) -> list[Suspect]:
    """Parts of the inputs' structure that have gone, those that explain most first."""
    found = [
        _suspect(situation, "input lacks", key, _unkeyed(key))
        for key, change in _moved_keys(situation)
        if change < 0
    ]
    return sorted((one for one in found if one), key=lambda one: -one.weight)


def new_words(situation: Situation) -> list[Suspect]:
    """Words that the inputs use much more since the change, those that explain most first."""
    before, after = situation.before, situation.after
    if len(before) < FEWEST or len(after) < FEWEST:
        return []
    then, now = _shares(before, lambda c: c.words), _shares(after, lambda c: c.words)
    risen = [
        (word, many)
        for word, many in now.items()
        if many >= max(5, RARE * len(after))
        and many / len(after) > RISEN * (then[word] + 1) / (len(before) + 1)
    ]
    risen.sort(key=lambda pair: -pair[1])
    found = [
        _suspect(situation, "input says", word, _saying(word)) for word, _ in risen[:MOST_WORDS]
    ]
    return sorted((one for one in found if one), key=lambda one: -one.weight)


def _valued(attribute: str, value: str) -> Callable[[SampledCall], bool]:
    return lambda call: call.attributes.get(attribute) == value


def _keyed(key: str) -> Callable[[SampledCall], bool]:
    return lambda call: key in call.keys


def _unkeyed(key: str) -> Callable[[SampledCall], bool]:
    return lambda call: key not in call.keys


def _saying(word: str) -> Callable[[SampledCall], bool]:
    return lambda call: word in call.words
