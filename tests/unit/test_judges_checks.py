"""Checks of structured answers: what passes, what fails, and that the reason says where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from judges.checks.comparators import Date, Exact, Number, Text
from judges.checks.fields import Fields
from judges.checks.json_answers import JsonSchema, JsonValid
from judges.interaction import Interaction, JudgeFailure, Judgement

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "due_date": {"type": ["string", "null"], "format": "date"},
        "amount": {"type": "number", "minimum": 0},
        "parties": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    },
    "required": ["due_date"],
    "additionalProperties": False,
}


def answered(output: str, expected: str = "") -> Interaction:
    """An interaction with this answer."""
    at = datetime(2024, 1, 5, tzinfo=UTC)
    return Interaction(
        "t1", "s1", at, input="Call date: 2024-01-05", output=output, expected=expected
    )


@pytest.mark.parametrize("output", ['{"a": 1}', "[]", "null", '"x"', " 1 \n", "1" * 400])
async def test_any_json_document_is_valid(output: str):
    """RFC 8259 allows any value at the top, with white space around it."""
    verdict = await JsonValid()(answered(output))
    assert (verdict.value, verdict.label) == (True, "valid")


@pytest.mark.parametrize(
    "output",
    [
        "",
        '{"a": 1,}',
        "{'a': 1}",
        '```json\n{"a": 1}\n```',
        '{"a": 1} and more',
        "[NaN]",
        '{"a": 1',
        "[" * 100_000,
    ],
)
async def test_anything_else_is_invalid_and_never_repaired(output: str):
    """Fences, prose, trailing commas, NaN and absurd nesting fail, with a reason."""
    verdict = await JsonValid()(answered(output))
    assert (verdict.value, verdict.label) == (False, "invalid")
    assert verdict.reason.startswith("not JSON")


async def test_the_schema_check_names_the_failing_path():
    """Each fault is told with its place, the deepest first."""
    verdict = await JsonSchema(SCHEMA)(answered('{"amount": -1, "parties": [{}]}'))
    assert isinstance(verdict, Judgement)
    assert verdict.value is False
    assert "$.parties[0]: 'name' is a required property" in verdict.reason
    assert "$.amount: -1 is less than the minimum of 0" in verdict.reason
    assert "$: 'due_date' is a required property" in verdict.reason


async def test_format_is_asserted_only_when_asked_for():
    """2020-12 takes `format` for a note; `formats=True` makes it a rule."""
    call = answered('{"due_date": "15 January"}')
    assert (await JsonSchema(SCHEMA)(call)).value is True
    strict = await JsonSchema(SCHEMA, formats=True)(call)
    assert strict.value is False
    assert "$.due_date" in strict.reason


async def test_a_schema_is_checked_when_it_is_given():
    """A wrong schema is refused at once, with the place of its fault."""
    with pytest.raises(ValueError, match="no JSON Schema"):
        JsonSchema({"type": "objekt"})


async def test_a_reference_is_never_fetched():
    """A schema that points elsewhere is a failure of the check, not a request over the network."""
    verdict = await JsonSchema({"$ref": "http://127.0.0.1:9/schema.json"})(answered("{}"))
    assert isinstance(verdict, JudgeFailure)
    assert "127.0.0.1:9" in verdict.reason


async def test_the_standards_own_schemas_are_known():
    """A reference to the 2020-12 meta-schema resolves without a network."""
    judge = JsonSchema({"$ref": "https://json-schema.org/draft/2020-12/schema"})
    assert (await judge(answered('{"type": "object"}'))).value is True
    assert (await judge(answered('{"type": 5}'))).value is False


async def test_a_schema_without_end_is_a_failure_and_no_crash():
    """A schema that refers to itself for ever is told as such."""
    verdict = await JsonSchema({"$ref": "#"})(answered("{}"))
    assert isinstance(verdict, JudgeFailure)


async def test_fields_name_each_wrong_one():
    """The value is the share of right fields, the reason says what stood there and what should."""
    judge = Fields({"due_date": Date(), "borrower.name": Text(), "amounts.0": Number(0.01)})
    call = answered(
        '{"due_date": "2023-01-15", "borrower": {"name": "ann  LEE"}, "amounts": [10.005]}',
        '{"due_date": "2024-01-15", "borrower": {"name": "Ann Lee"}, "amounts": [10]}',
    )
    verdict = await judge(call)
    assert isinstance(verdict, Judgement)
    assert verdict.value == pytest.approx(2 / 3)
    assert (verdict.label, verdict.reason) == (
        "wrong",
        'due_date: "2023-01-15", expected "2024-01-15"',
    )


@pytest.mark.parametrize(
    ("output", "value"),
    [("{}", 0.0), ('{"a": null}', 1.0), ("[]", 0.0), ("no json", 0.0), ('{"a": false}', 0.0)],
)
async def test_a_missing_field_is_wrong_and_null_is_a_value(output: str, value: float):
    """Where null is expected, only null will do."""
    verdict = await Fields({"a": Exact()})(answered(output, '{"a": null}'))
    assert isinstance(verdict, Judgement)
    assert verdict.value == value


async def test_without_an_expected_answer_fields_say_nothing():
    """An unknown truth is a failure to judge, not a wrong answer."""
    verdict = await Fields({"a": Exact()})(answered("{}"))
    assert isinstance(verdict, JudgeFailure)


def test_a_version_is_the_definition():
    """Equal definitions share a version; any changed parameter makes a new one."""
    same = [JsonSchema(SCHEMA).version, JsonSchema(dict(SCHEMA)).version]
    others = {
        JsonSchema(SCHEMA, formats=True).version,
        JsonSchema(SCHEMA, name="other").version,
        JsonSchema({}).version,
        JsonValid().version,
        Fields({"a": Number(0.1)}).version,
        Fields({"a": Number(0.2)}).version,
        Fields({"b": Number(0.2)}).version,
    }
    assert same[0] == same[1]
    assert len(others | set(same)) == 8
