"""A resource, scope, span or log record, changed in place.

A span is looked at in two steps. Its serialised bytes go once through the automaton of all triggers;
only a span in which something may be a value is then taken apart, attribute by attribute.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from collector.masking.accounts import is_card
from collector.masking.content import facts
from collector.masking.policy import Fate, Policy
from collector.values import text

__all__ = ["Work", "named"]

CONTENT = "content"
DENIED = "denied"
SMALLEST_CARD = 10**12
LONGEST_CARD = 10**19


@dataclass(frozen=True, slots=True)
class Work:
    """What is done to one resource and its items."""

    policy: Policy
    counts: Counter[str]
    tenant_attribute: str
    tenant: str

    def resource(self, resource: Any) -> None:
        """A resource, whose attributes all its items share."""
        if self.policy.drop_content:
            self._drop(resource.attributes)
        if self._suspect(resource):
            self.attributes(resource.attributes, self.tenant)

    def item(self, item: Any, *, is_log: bool) -> None:
        """A span or a log record: content goes first, and then there is less to look through."""
        if self.policy.drop_content:
            for part in (item,) if is_log else (item, *item.events, *item.links):
                self._drop(part.attributes)
            self._drop_body(item) if is_log else self._drop_message(item)
        if not self._suspect(item):
            return
        tenant = named(item, self.tenant_attribute) or self.tenant
        self.attributes(item.attributes, tenant)
        if is_log:
            if item.HasField("body"):
                self._value(item.body, "", tenant, keyed=False)
            return
        for part in (*item.events, *item.links):
            self.attributes(part.attributes, tenant)
        for part in (item, *item.events):
            part.name = self._text(part.name, "", tenant)
        if item.status.message:
            item.status.message = self._text(item.status.message, "", tenant)

    def attributes(self, pairs: Any, tenant: str) -> None:
        """Remove what is denied, and mask all else that is not allowed."""
        policy, gone = self.policy, []
        for place, pair in enumerate(pairs):
            key = pair.key
            fate = policy.fate(key)
            if fate is Fate.DENIED:
                self.counts[DENIED] += 1
                gone.append(place)
            elif fate is not Fate.ALLOWED:
                if policy.telling(key):
                    pair.key = self._text(key, "", tenant)
                self._value(pair.value, key, tenant, keyed=policy.identifies(key))
        _remove(pairs, gone)

    def _drop(self, pairs: Any) -> None:
        """Remove content, but for the facts in it, and whatever is long and unknown."""
        fate, gone = self.policy.fate, []
        for place, pair in enumerate(pairs):
            what = fate(pair.key)
            if what is Fate.CONTENT:
                value = pair.value
                self.counts[CONTENT] += 1
                left = facts(value.string_value or text(value))
                if left:
                    value.string_value = left
                else:
                    gone.append(place)
            elif what is Fate.OTHER and _length(pair.value) > self.policy.most_chars:
                self.counts[CONTENT] += 1
                gone.append(place)
        _remove(pairs, gone)

    def _drop_message(self, span: Any) -> None:
        if len(span.status.message) > self.policy.most_chars:
            self.counts[CONTENT] += 1
            span.status.message = ""

    def _drop_body(self, record: Any) -> None:
        """Only a short text that is no event of an LLM call stays."""
        if not record.HasField("body"):
            return
        body = record.body
        event = record.event_name or named(record, "event.name")
        short = 0 < len(body.string_value) <= self.policy.most_chars
        if short and not event.startswith("gen_ai."):
            return
        self.counts[CONTENT] += 1
        left = facts(body.string_value or text(body))
        record.ClearField("body")
        if left:
            record.body.string_value = left

    def _suspect(self, message: Any) -> bool:
        """Something in it may have to be masked, or removed by name."""
        policy = self.policy
        data = message.SerializeToString()
        if policy.scanner.suspects(data):
            return True
        return bool(policy.deny.literals) and any(name in data for name in policy.deny.literals)

    def _value(self, value: Any, key: str, tenant: str, *, keyed: bool) -> None:
        plain = value.string_value
        if plain:
            new = self._text(plain, key, tenant, keyed=keyed)
            if new is not plain:
                value.string_value = new
            return
        kind = value.WhichOneof("value")
        if kind == "array_value":
            for item in value.array_value.values:
                self._value(item, key, tenant, keyed=keyed)
        elif kind == "kvlist_value":
            self._members(value.kvlist_value.values, tenant, keyed=keyed)
        elif kind == "bytes_value":
            self._bytes(value, key, tenant, keyed=keyed)
        elif kind == "int_value" and SMALLEST_CARD <= value.int_value < LONGEST_CARD:
            digits = str(value.int_value)
            if is_card(digits):
                value.string_value = self._text(digits, key, tenant, keyed=keyed)

    def _members(self, pairs: Any, tenant: str, *, keyed: bool) -> None:
        for pair in pairs:
            name = pair.key
            if self.policy.telling(name):
                pair.key = self._text(name, "", tenant)
            self._value(pair.value, name, tenant, keyed=keyed)

    def _bytes(self, value: Any, key: str, tenant: str, *, keyed: bool) -> None:
        """Bytes that are text are masked as text; other bytes are no place where people write."""
        try:
            plain = value.bytes_value.decode()
        except UnicodeDecodeError:
            return
        value.bytes_value = self._text(plain, key, tenant, keyed=keyed).encode()

    def _text(self, plain: str, key: str, tenant: str, *, keyed: bool = False) -> str:
        return self.policy.scanner.mask(plain, key, self.counts, tenant=tenant, keyed=keyed)


def _remove(pairs: Any, places: list[int]) -> None:
    for place in reversed(places):
        del pairs[place]


def named(holder: Any, key: str) -> str:
    """The value of an attribute as text, or ''."""
    if not key:
        return ""
    return next((text(a.value) for a in holder.attributes if a.key == key), "")


def _length(value: Any) -> int:
    if value.string_value:
        return len(value.string_value)
    kind = value.WhichOneof("value")
    return len(text(value)) if kind in ("array_value", "kvlist_value", "bytes_value") else 0
