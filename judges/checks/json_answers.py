"""Checks of structured answers: valid JSON, a JSON Schema, a pydantic model.

They read nothing but the interaction, cost nothing, and never repair an answer before judging it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from judges.checks.texts import parse
from judges.interaction import Interaction, JudgeFailure, Judgement
from judges.versions import version_of

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from pydantic import BaseModel

__all__ = ["JsonSchema", "JsonValid", "PydanticModel"]

EXCERPT = 160
NOTHING_ELSE: Registry[Any] = Registry()
"""Added to the standard's own schemas; without it the library fetches what a schema refers to."""


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
            return _formal(self.name, str(error), self.version)
        return _formal(self.name, "", self.version)


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
            return _formal(self.name, str(error), self.version)
        try:
            problems = sorted(self._validator.iter_errors(answer), key=_depth_first)
        except Unresolvable as error:
            return JudgeFailure(self.name, self.version, f"the schema refers to {error}", "")
        except RecursionError:
            return JudgeFailure(self.name, self.version, "the schema refers to itself for ever", "")
        return _formal(self.name, "; ".join(_explain(one) for one in problems[:3]), self.version)


@dataclass(frozen=True, slots=True)
class PydanticModel:
    """Does the answer validate as a pydantic model, validators of your own included?

    Args:
        model: the class, or `package.module:Class`, which is imported when the check is made.
        strict: types are not converted, so `"5"` is no integer.

    Raises:
        ValueError: there is no such class.
    """

    model: type[BaseModel] | str
    name: str = "pydantic_model"
    strict: bool = True
    _class: type[BaseModel] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_class", _model(self.model))

    @property
    def version(self) -> str:
        """Hash of this judge's definition and of the model's schema; its validators do not count."""
        return version_of(self, str(self._class.model_json_schema()))

    async def __call__(self, interaction: Interaction) -> Judgement | JudgeFailure:
        """True when it does."""
        from pydantic import ValidationError as ModelError  # noqa: PLC0415 - pydantic is slow to import

        try:
            parse(interaction.output)
            self._class.model_validate_json(interaction.output, strict=self.strict)
        except ModelError as error:
            said = (
                f"{'.'.join(map(str, one['loc'])) or '$'}: {one['msg']}"
                for one in error.errors(include_url=False)[:3]
            )
            return _formal(self.name, "; ".join(said), self.version)
        except ValueError as error:
            return _formal(self.name, str(error), self.version)
        except Exception as error:  # noqa: BLE001 - a validator is anybody's code; its failure is stored
            return JudgeFailure(self.name, self.version, f"the model failed: {error!r}")
        return _formal(self.name, "", self.version)


def _formal(name: str, problem: str, version: str) -> Judgement:
    label = "invalid" if problem else "valid"
    return Judgement(name, value=not problem, label=label, reason=problem, version=version)


def _depth_first(error: ValidationError) -> tuple[int, str]:
    return -len(error.absolute_path), error.json_path


def _explain(error: ValidationError) -> str:
    message = error.message if len(error.message) <= EXCERPT else error.message[:EXCERPT] + "…"
    return f"{error.json_path}: {message}"


def _model(model: type[BaseModel] | str) -> type[BaseModel]:
    from pydantic import BaseModel as Model  # noqa: PLC0415 - pydantic is slow to import

    found: Any = model
    if isinstance(model, str):
        module, _, name = model.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(f"no model {model}: {error}; write package.module:Class") from error
    if not isinstance(found, type) or not issubclass(found, Model):
        raise ValueError(f"{model} is no pydantic model")  # noqa: TRY004 - one error for whatever a file may name
    return found
