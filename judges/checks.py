"""Checks of structured answers: valid JSON, a JSON Schema, fields against what was expected.

They read nothing but the interaction, cost nothing, and never repair an answer before judging it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from judges.interaction import Interaction, JudgeFailure, Judgement
from judges.versions import version_of

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["Comparator", "Fields", "JsonSchema", "JsonValid"]

EXCERPT = 80
NOTHING_ELSE: Registry[Any] = Registry()
"""Added to the standard's own schemas; without it the library fetches what a schema refers to."""
MISSING = object()


class Comparator(Protocol):
    """Says whether a field's value is as right as it has to be; see `judges.comparators`."""

    def __call__(self, given: Any, expected: Any) -> bool:
        """True when `given` will do for `expected`."""


@dataclass(frozen=True, slots=True)
class JsonValid:
    """Is the answer one JSON document, as RFC 8259 has it, with nothing around it?"""

    name: str = "json_valid"

    @property
    def version(self) -> str:
        """Hash of this judge's definition."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement:
        """True when it is."""
        try:
            parse(interaction.output)
        except ValueError as error:
            return Judgement(
                self.name, value=False, label="invalid", reason=str(error), version=self.version
            )
        return Judgement(self.name, value=True, label="valid", reason="", version=self.version)


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """Does the answer satisfy a JSON Schema (2020-12)? The reason names the failing path.

    `formats=True` also asserts `format`, which the standard treats as a mere annotation. References
    are resolved inside the schema and to the standard's own schemas; nothing is ever fetched.

    Raises:
        ValueError: the schema is not one.
    """

    schema: Mapping[str, Any] | bool
    name: str = "json_schema"
    formats: bool = False
    _validator: Validator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as error:
            raise ValueError(
                f"this is no JSON Schema: {error.message} at {error.json_path}"
            ) from error
        checker = Draft202012Validator.FORMAT_CHECKER if self.formats else None
        validator = Draft202012Validator(self.schema, registry=NOTHING_ELSE, format_checker=checker)
        object.__setattr__(self, "_validator", validator)

    @property
    def version(self) -> str:
        """Hash of this judge's definition, schema included."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement | JudgeFailure:
        """True when it does."""
        try:
            answer = parse(interaction.output)
        except ValueError as error:
            return self._judgement(str(error))
        try:
            problems = sorted(self._validator.iter_errors(answer), key=_depth_first)
        except Unresolvable as error:
            return JudgeFailure(self.name, self.version, f"the schema refers to {error}", "")
        except RecursionError:
            return JudgeFailure(self.name, self.version, "the schema refers to itself for ever", "")
        return self._judgement("; ".join(_explain(one) for one in problems[:3]))

    def _judgement(self, reason: str) -> Judgement:
        label = "invalid" if reason else "valid"
        return Judgement(
            self.name, value=not reason, label=label, reason=reason, version=self.version
        )


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of the answer equal the expected answer's? The value is the share that do.

    Args:
        comparators: by path, `due_date` or `borrower.name` or `items.0`: what counts as equal.
    """

    comparators: Mapping[str, Comparator]
    name: str = "fields"

    def __post_init__(self) -> None:
        if not self.comparators:
            raise ValueError("Fields needs at least one path, e.g. Fields({'due_date': Date()})")

    @property
    def version(self) -> str:
        """Hash of this judge's definition, comparators included."""
        return version_of(self)

    async def __call__(self, interaction: Interaction) -> Judgement | JudgeFailure:
        """The share of right fields; label `right` or `wrong`, the reason names each wrong one."""
        if not interaction.expected:
            return JudgeFailure(self.name, self.version, "the right answer is not known yet", "")
        try:
            expected = parse(interaction.expected)
        except ValueError as error:
            reason = f"the expected answer is unusable: {error}"
            return JudgeFailure(self.name, self.version, reason, interaction.expected)
        try:
            given = parse(interaction.output)
        except ValueError as error:
            return Judgement(
                self.name, value=0.0, label="wrong", reason=str(error), version=self.version
            )
        wrong = [
            said for path in self.comparators if (said := self._compare(path, given, expected))
        ]
        share = 1 - len(wrong) / len(self.comparators)
        label = "wrong" if wrong else "right"
        return Judgement(
            self.name, value=share, label=label, reason="; ".join(wrong), version=self.version
        )

    def _compare(self, path: str, given: Any, expected: Any) -> str:
        ours, theirs = _at(given, path), _at(expected, path)
        if ours is MISSING and theirs is MISSING:
            return ""
        if ours is not MISSING and theirs is not MISSING and self.comparators[path](ours, theirs):
            return ""
        return f"{path}: {_show(ours)}, expected {_show(theirs)}"


def parse(text: str) -> Any:
    """The JSON document that `text` is.

    Raises:
        ValueError: it is none; says where it stops being one.

    >>> parse('{"due_date": "2024-01-15"}')
    {'due_date': '2024-01-15'}
    >>> parse("[NaN]")
    Traceback (most recent call last):
    ValueError: not JSON: NaN is no JSON number
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise ValueError("not JSON that anybody can read: nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name} is no JSON number")


def _depth_first(error: ValidationError) -> tuple[int, str]:
    return -len(error.absolute_path), error.json_path


def _explain(error: ValidationError) -> str:
    message = (
        error.message if len(error.message) <= 2 * EXCERPT else error.message[: 2 * EXCERPT] + "…"
    )
    return f"{error.json_path}: {message}"


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return MISSING
    return value


def _show(value: Any) -> str:
    text = "nothing" if value is MISSING else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= EXCERPT else text[:EXCERPT] + "…"
