"""From a definition to its judge, kind by kind. What asks a model is imported when it is built."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judges.checks import comparators
from judges.definitions.definition import Definition

if TYPE_CHECKING:
    from judges.asking.endpoint import Endpoint
    from judges.checks.similarity import Embedder
    from judges.interaction import Judge

__all__ = ["BuildError", "build_any"]

PLAIN: Mapping[str, Callable[..., comparators.Comparator]] = {
    "exact": comparators.Exact,
    "text": comparators.Text,
    "text_em": comparators.TextEM,
    "contains": comparators.Contains,
    "number": comparators.Number,
    "date": comparators.Date,
    "text_f1": comparators.TextF1,
    "set_f1": comparators.SetF1,
    "list_f1": comparators.ListF1,
}


class BuildError(ValueError):
    """What a definition describes cannot be built."""


@dataclass(frozen=True, slots=True)
class Means:
    """What judges are built with."""

    endpoints: Callable[[str], Endpoint]
    embedder: Embedder | None
    folder: Path | None
    """Files that a definition names stand relative to it."""


def build_any(
    definition: Definition,
    *,
    endpoints: Callable[[str], Endpoint],
    embedder: Embedder | None = None,
) -> Judge:
    """The judge that a definition of any kind describes.

    Raises:
        BuildError: it describes none.
    """
    folder = definition.file.parent if definition.file else None
    return _build(definition, Means(endpoints, embedder, folder))


def _build(definition: Any, means: Means) -> Judge:
    make = MAKERS[definition.kind]
    try:
        return make(definition, means)
    except BuildError:
        raise
    except ValueError as error:
        raise BuildError(f"{definition.kind}: {error}") from error


def _check(definition: Any, _: Means) -> Judge:
    from judges.checks import grounded, json_answers, refusals, wording  # noqa: PLC0415 - each brings a library

    own = _own(definition)
    kinds: Mapping[str, Callable[..., Judge]] = {
        "json_valid": json_answers.JsonValid,
        "regex": wording.Regex,
        "refusal": refusals.Refusal,
        "language": wording.Language,
        "length": wording.Length,
        "grounded": grounded.Grounded,
    }
    return kinds[definition.kind](name=definition.score, **own)


def _json_schema(definition: Any, means: Means) -> Judge:
    from judges.checks.json_answers import JsonSchema  # noqa: PLC0415 - as above

    schema = definition.schema_
    if isinstance(schema, str):
        path = Path(schema) if means.folder is None else means.folder / schema
        try:
            schema = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise BuildError(
                f"schema: {path} cannot be read: {error.strerror}; give its path relative to the"
                ' definition, for example schema = "schema.json"'
            ) from error
        except ValueError as error:
            raise BuildError(f"schema: {path} is no JSON: {error}") from error
    return JsonSchema(schema, name=definition.score, formats=definition.formats)


def _pydantic_model(definition: Any, _: Means) -> Judge:
    from judges.checks.json_answers import PydanticModel  # noqa: PLC0415 - as above

    return PydanticModel(definition.class_, name=definition.score, strict=definition.strict)


def _fields(definition: Any, means: Means) -> Judge:
    from judges.checks.fields import Fields  # noqa: PLC0415 - as above

    return Fields(
        {path: _comparator(one, means) for path, one in definition.fields_.items()},
        name=definition.score,
        value=definition.value,
        strict=definition.strict,
    )


def _match(definition: Any, means: Means) -> Judge:
    from judges.checks.fields import Match  # noqa: PLC0415 - as above

    comparator = _comparator(definition.by, means)
    return Match(comparator, name=definition.score, scored=definition.scored)


def _similarity(definition: Any, means: Means) -> Judge:
    from judges.checks.similarity import Similarity  # noqa: PLC0415 - as above

    embedder, model = _embedder(means)
    return Similarity(embedder, model, name=definition.score)


def _question(definition: Any, means: Means) -> Judge:
    from judges.kinds.question import Question  # noqa: PLC0415 - brings the client

    return Question(definition.score, definition.question, means.endpoints(definition.model))


def _rubric(definition: Any, means: Means) -> Judge:
    from judges.kinds.rubric import Item, Rubric  # noqa: PLC0415 - as above

    items = tuple(Item(**one.model_dump()) for one in definition.items)
    return Rubric(
        definition.score, items, means.endpoints(definition.model), reviewed=definition.reviewed
    )


def _fact(definition: Any, means: Means) -> Judge:
    from judges.kinds.fact import AUTOEVALS, PROMPTFOO, Fact  # noqa: PLC0415 - as above

    scores = {"autoevals": AUTOEVALS, "promptfoo": PROMPTFOO}
    chosen = definition.scores
    more = {"criterion": definition.criterion} if definition.criterion else {}
    return Fact(
        definition.score,
        means.endpoints(definition.model),
        scores=scores[chosen] if isinstance(chosen, str) else chosen,
        **more,
    )


def _grade(definition: Any, means: Means) -> Judge:
    from judges.kinds.grade import Grade  # noqa: PLC0415 - as above

    return Grade(
        definition.score,
        definition.criterion,
        definition.levels,
        means.endpoints(definition.model),
        mode=definition.mode,
        repeats=definition.samples,
    )


def _pairwise(definition: Any, means: Means) -> Judge:
    from judges.kinds.pairwise import Pairwise  # noqa: PLC0415 - as above

    own = _own(definition, "criterion", "families")
    endpoint = means.endpoints(definition.model)
    families = tuple(definition.families.items())
    return Pairwise(definition.score, definition.criterion, endpoint, families=families, **own)


def _steps(definition: Any, means: Means) -> Judge:
    from judges.kinds.steps import Steps  # noqa: PLC0415 - as above

    judge = _part(definition.judge, means, "judge")
    return Steps(definition.score, judge, **_own(definition, "judge"))


def _jury(definition: Any, means: Means) -> Judge:
    from judges.panels.admission import Admission  # noqa: PLC0415 - as above
    from judges.panels.jury import Jury  # noqa: PLC0415 - as above

    judges = tuple(
        _part(one, means, f"judges.{place}") for place, one in enumerate(definition.judges)
    )
    admissions = tuple(
        Admission(one, "" if one else "its definition says so", 0, 0.0, None, None)
        for one in definition.admissions
    )
    return Jury(
        definition.score,
        judges,
        admissions=admissions,
        families=tuple(definition.families.items()),
        **_own(definition, "judges", "admissions", "families"),
    )


def _cascade(definition: Any, means: Means) -> Judge:
    from judges.panels.cascade import Cascade  # noqa: PLC0415 - as above

    cheap, dear = (
        _part(one, means, name)
        for name, one in (("cheap", definition.cheap), ("dear", definition.dear))
    )
    return Cascade(definition.score, cheap, dear, **_own(definition, "cheap", "dear"))


def _function(definition: Any, means: Means) -> Judge:
    from judges.definitions.functions import entry_point, referred, renamed  # noqa: PLC0415 - as above

    if definition.entry_point:
        judge = entry_point(definition.entry_point)
    else:
        judge = referred(definition.function, means.folder)
    return renamed(judge, definition.name) if definition.name else judge


def _comparator(comparison: Any, means: Means) -> comparators.Comparator:
    if comparison.by == "judge":
        judge = _part(comparison.judge, means, "judge")
        return comparators.AskedBy(judge, comparison.threshold)
    if comparison.by == "embedding":
        embedder, model = _embedder(means)
        return comparators.Embedding(embedder, model, comparison.threshold)
    return PLAIN[comparison.by](**comparison.model_dump(exclude={"by"}))


def _embedder(means: Means) -> tuple[Embedder, str]:
    if means.embedder is None:
        raise BuildError(
            "it needs sentence embeddings; install outerloop[embeddings] and set"
            " OUTERLOOP_EMBEDDING_MODEL"
        )
    return means.embedder, str(getattr(means.embedder, "model", ""))


def _part(definition: Definition, means: Means, key: str) -> Judge:
    try:
        return _build(definition, means)
    except BuildError as error:
        raise BuildError(f"{key}: {error}") from error


def _own(definition: Any, *without: str) -> dict[str, Any]:
    """The keys of this kind alone, as keyword arguments."""
    return {
        name: getattr(definition, name)
        for name in type(definition).model_fields
        if name not in Definition.model_fields and name not in without
    }


MAKERS: Mapping[str, Callable[[Any, Means], Judge]] = {
    **dict.fromkeys(("json_valid", "regex", "refusal", "language", "length", "grounded"), _check),
    "json_schema": _json_schema,
    "pydantic_model": _pydantic_model,
    "fields": _fields,
    "match": _match,
    "similarity": _similarity,
    "question": _question,
    "rubric": _rubric,
    "fact": _fact,
    "grade": _grade,
    "pairwise": _pairwise,
    "steps": _steps,
    "jury": _jury,
    "cascade": _cascade,
    "function": _function,
}
