"""Judges as TOML files: read, checked, found by the short names of the command line, and built.

`load`, `load_folder` and `resolve` give a `Definition`, which costs nothing and knows what it needs;
`build` makes the judge of it. Whatever is wrong is one line: the file, the key, the problem, an example.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from judges.definitions.building import BuildError, build_any
from judges.definitions.definition import Definition
from judges.definitions.functions import GROUP
from judges.definitions.kinds import KINDS, AnyDefinition

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint
    from judges.checks.similarity import Embedder
    from judges.interaction import Judge

__all__ = ["Definition", "DefinitionError", "build", "define", "load", "load_folder", "resolve"]

READER: TypeAdapter[Any] = TypeAdapter(AnyDefinition)
ARGUMENTS: Mapping[str, str] = {
    "json_schema": "schema",
    "pydantic_model": "class",
    "regex": "must_match",
    "language": "expected",
    "grounded": "paths",
    "match": "by",
    "question": "question",
    "fact": "criterion",
    "pairwise": "criterion",
}
"""Key that the text after `kind:` is for."""
LISTS = frozenset({"language", "grounded"})
SAID = {
    "extra_forbidden": "there is no such key",
    "missing": "is missing",
    "union_tag_not_found": "is missing",
}


class DefinitionError(ValueError):
    """A judge's definition is wrong; one line says where, what, and how it would be right."""


def load(path: Path) -> Definition:
    """The definition in one TOML file; its name is the file's without one of its own.

    Raises:
        DefinitionError: the file cannot be read, or something in it is wrong.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DefinitionError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: is no UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f'{path}: is no TOML: {error}; e.g. kind = "json_valid"') from error
    return define({"name": path.stem, **said}, source=path)


def load_folder(path: Path) -> tuple[Definition, ...]:
    """All definitions of a folder, in order of their names; none where there is no folder.

    Raises:
        DefinitionError: one of them is wrong, or two write the same score.
    """
    found: dict[str, Definition] = {}
    for file in sorted(path.glob("*.toml")):
        one = load(file)
        if one.score in found:
            raise DefinitionError(
                f"{file}: name: {one.score} is also that of {found[one.score].file};"
                f' for example name = "{one.score}_2"'
            )
        found[one.score] = one
    return tuple(found.values())


def define(said: Mapping[str, Any], *, source: Path | None = None) -> Definition:
    """The definition that a table says.

    Raises:
        DefinitionError: something in it is wrong.

    >>> define({"kind": "regex", "must_match": "^yes$"}).needs
    ('output',)
    >>> define({"kind": "length", "most": -1})
    Traceback (most recent call last):
    judges.definitions.reading.DefinitionError: most: Input should be greater than or equal to 0; for example most = 200
    """
    try:
        definition: Definition = READER.validate_python(dict(said))
    except ValidationError as error:
        where = f"{source}: " if source else ""
        raise DefinitionError(where + _first(error, said)) from error
    definition._file = source  # noqa: SLF001 - the reader's to set; a file cannot say it
    return definition


def resolve(spec: str, folder: Path | None = None) -> Definition:
    r"""The definition that a word of the command line means.

    In this order: a TOML file, `<folder>/<spec>.toml`, a kind or `kind:argument`
    (`json_schema:schema.json`, `regex:^\d+$`, `language:en,de`, `match:text_f1`, `length:1-200`),
    `module:function` or `file.py:function`, an entry point.

    Raises:
        DefinitionError: it means nothing, or something that is wrong.
    """
    if spec.endswith(".toml"):
        return load(Path(spec))
    if folder is not None and spec and (folder / f"{spec}.toml").is_file():
        return load(folder / f"{spec}.toml")
    kind, colon, argument = spec.partition(":")
    if kind in KINDS and kind != "function":
        return _short(kind, argument if colon else None, folder)
    if colon:
        return define({"kind": "function", "function": spec})
    offered = entry_points(group=GROUP).names
    if spec in offered:
        return define({"kind": "function", "entry_point": spec})
    own = sorted(one.stem for one in folder.glob("*.toml")) if folder is not None else []
    known = ", ".join([*own, *sorted(offered), *KINDS])
    raise DefinitionError(
        f"--judge {spec}: no such judge; known are {known}; or give a file.toml or module:function"
    )


def build(
    definition: Definition,
    endpoints: Callable[[str], Endpoint],
    *,
    embedder: Embedder | None = None,
) -> Judge:
    """The judge that a definition describes.

    Args:
        definition: as loaded.
        endpoints: gives the endpoint for a model's name; `""` asks for the usual one.
        embedder: for `similarity` and `by = "embedding"`; `Batched` where many judge at once.

    Raises:
        DefinitionError: it describes none: a wrong schema or pattern, a function that is not there.
    """
    try:
        return build_any(definition, endpoints=endpoints, embedder=embedder)
    except BuildError as error:
        where = f"{definition.file}: " if definition.file else ""
        raise DefinitionError(f"{where}{error}") from error


def _short(kind: str, argument: str | None, folder: Path | None) -> Definition:
    said: dict[str, Any] = {"kind": kind}
    if argument is not None and kind == "length":
        said |= _bounds(argument)
    elif argument is not None:
        if kind not in ARGUMENTS:
            raise DefinitionError(
                f"--judge {kind}:{argument}: {kind} takes nothing after the colon"
            )
        if kind == "json_schema" and folder is not None and not Path(argument).is_file():
            argument = str(folder / argument)
        said[ARGUMENTS[kind]] = argument.split(",") if kind in LISTS else argument
    try:
        return define(said)
    except DefinitionError as error:
        raise DefinitionError(f"--judge {kind}: {error}") from error


def _bounds(argument: str) -> dict[str, int]:
    least, dash, most = argument.partition("-")
    try:
        bounds = {"least": int(least or 0)} | ({"most": int(most)} if most else {})
    except ValueError:
        bounds = {}
    if not dash or not bounds:
        raise DefinitionError(f"--judge length:{argument}: write words as in length:1-200")
    return bounds


def _first(error: ValidationError, said: Mapping[str, Any]) -> str:
    """The first problem as one line: key, problem, example."""
    problem = error.errors(include_url=False)[0]
    place, model = _place(problem["loc"], said)
    kind = problem["type"]
    if kind.startswith("union_tag"):
        tag = problem["ctx"]["discriminator"].strip("'")
        known = problem["ctx"].get("expected_tags", ", ".join(KINDS)).replace("'", "")
        value = problem["ctx"].get("tag")
        where = ".".join([*place, tag])
        wrong = f"{value!r} is none of {known}" if value is not None else SAID[kind]
        example = 'kind = "json_valid"' if tag == "kind" else f'{tag} = "exact"'
        return f"{where}: {wrong}; for example {example}"
    name = str(place[-1]) if place else ""
    if kind == "extra_forbidden" and model is not None:
        return f"{'.'.join(place)}: {SAID[kind]}; {_keys(model)}"
    wrong = SAID.get(kind) or problem["msg"].removeprefix("Value error, ")
    example = _example(model, name)
    return f"{'.'.join(place) or said.get('kind')}: {wrong}{example}"


def _place(loc: tuple[int | str, ...], said: Any) -> tuple[list[str], type[BaseModel] | None]:
    """The keys of a problem as the file writes them, without pydantic's tags; and who knows the last."""
    place: list[str] = []
    model: type[BaseModel] | None = None
    tagged = False
    for step in loc:
        tag = said.get("kind", said.get("by")) if isinstance(said, Mapping) else said
        if not tagged and step == tag:
            model = KINDS.get(str(step)) or _comparison(str(step))
            tagged = True
            continue
        place.append(str(step))
        said = _inside(said, step)
        tagged = not isinstance(said, str) and not (
            isinstance(said, Mapping) and said.keys() & {"kind", "by"}
        )
    return place, model


def _inside(said: Any, step: int | str) -> Any:
    if isinstance(said, Mapping):
        return said.get(step)
    return (
        said[step]
        if isinstance(said, list) and isinstance(step, int) and step < len(said)
        else None
    )


def _comparison(by: str) -> type[BaseModel] | None:
    from judges.definitions.kinds import Comparison  # noqa: PLC0415 - only for a message

    for one in get_args(get_args(Comparison)[0]):
        if by in get_args(one.model_fields["by"].annotation):
            return one  # type: ignore[no-any-return]  # a member of a union of models
    return None


def _keys(model: type[BaseModel]) -> str:
    names = [field.alias or name for name, field in model.model_fields.items()]
    first = [one for one in ("kind", "by") if one in names]
    common = [one for one in names if one in Definition.model_fields and one not in first]
    own = [one for one in names if one not in [*first, *common]]
    if not _asks(model):
        common = [one for one in common if one != "model"]
    kind = model.model_fields["kind"].default if "kind" in names else "it"
    return f"{kind} knows {', '.join([*first, *own, *common])}"


def _asks(model: type[BaseModel]) -> bool:
    from judges.definitions.definition import Asking  # noqa: PLC0415 - only for a message

    return issubclass(model, Asking)


def _example(model: type[BaseModel] | None, name: str) -> str:
    for key, field in (model.model_fields if model else {}).items():
        if name in {key, field.alias} and field.examples:
            return f"; for example {name} = {_toml(field.examples[0])}"
    return ""


def _toml(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
