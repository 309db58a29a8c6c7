"""Judges that people write: a decorated function, found by entry point or as `module:function`."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import importlib.util
import inspect
import logging
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from judges.definitions.definition import Direction
from judges.interaction import (
    Interaction,
    Judge,
    JudgeFailure,
    Judgement,
    NotApplicable,
    Verdict,
    most_of,
    version_known,
)
from judges.versions import OUTSIDE

__all__ = ["GROUP", "FunctionJudge", "discover", "entry_point", "judge", "referred", "renamed"]

GROUP = "outerloop.judges"
"""Entry points of this group are judges, by name."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FunctionJudge:
    """A function of an interaction as a judge.

    It may be plain, then it runs in a thread, or async. It returns True or False, a number, a label,
    None where its question does not arise, or a whole `Verdict`. What it raises is a `JudgeFailure`.

    >>> import asyncio; from datetime import UTC, datetime
    >>> short = FunctionJudge(lambda call: len(call.output) < 80, name="short")
    >>> call = Interaction("t", "s", datetime(2024, 1, 5, tzinfo=UTC), "Hi?", "Hello!")
    >>> asyncio.run(short(call)).value
    True
    """

    function: Callable[[Interaction], Any] = field(repr=False, metadata=OUTSIDE)
    name: str
    version: str = ""
    """Without one, a hash of the function's source text, which knows nothing of what it calls."""

    direction: Direction = field(default="higher", metadata=OUTSIDE)
    """Which of its values are better."""

    def __post_init__(self) -> None:
        if not self.version:
            object.__setattr__(self, "version", _source_hash(self.function))

    async def __call__(self, interaction: Interaction) -> Verdict:
        """What the function says, as a verdict."""
        try:
            if inspect.iscoroutinefunction(_called(self.function)):
                said = await self.function(interaction)
            else:
                said = await asyncio.to_thread(self.function, interaction)
                said = await said if inspect.isawaitable(said) else said
        except Exception as error:  # noqa: BLE001 - anybody's code; its failure is stored with its cause
            return self._failure(f"{type(error).__name__}: {error}")
        return self._verdict(said)

    def _verdict(self, said: Any) -> Verdict:
        if isinstance(said, Judgement | NotApplicable | JudgeFailure):
            return said
        if said is None:
            return NotApplicable(self.name, "the function returned None", self.version)
        if hasattr(said, "item") and not hasattr(said, "__len__"):
            said = said.item()  # numpy's scalars
        if isinstance(said, bool):
            return Judgement(self.name, said, "yes" if said else "no", "", self.version)
        if isinstance(said, int | float) and math.isfinite(said):
            return Judgement(self.name, float(said), f"{said:g}", "", self.version)
        if isinstance(said, str) and said:
            return Judgement(self.name, said, said, "", self.version)
        return self._failure(
            f"the function returned {said!r}; return True, False, a finite number, a label,"
            " None or a Verdict"
        )

    def _failure(self, reason: str) -> JudgeFailure:
        return JudgeFailure(self.name, self.version, reason)


def judge(
    function: Callable[[Interaction], Any] | None = None,
    *,
    name: str = "",
    version: str = "",
    direction: Direction = "higher",
) -> Any:
    """Turn a function of an interaction into a judge: `@judge` or `@judge(name=…, version=…)`.

    `direction="lower"` says that less is better: toxicity, length.

    >>> @judge(name="polite", version="1")
    ... def thanks(interaction):
    ...     return "thank" in interaction.output.lower()
    >>> thanks.name, thanks.version
    ('polite', '1')
    """
    if function is None:
        return partial(judge, name=name, version=version, direction=direction)
    called = name or getattr(function, "__name__", "function")
    return FunctionJudge(function, called, version, direction)


def discover(group: str = GROUP) -> Mapping[str, Judge]:
    """The judges that installed packages offer; one that cannot be loaded is a warning in the log."""
    found: dict[str, Judge] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = _as_judge(point.load(), point.name)
        except Exception as error:  # noqa: BLE001 - anybody's package; the others are still there
            log.warning(
                "judge left out: entry point %s = %s of group %s cannot be loaded: %s: %s",
                point.name, point.value, group, type(error).__name__, error,
            )  # fmt: skip
    return found


def entry_point(name: str, group: str = GROUP) -> Judge:
    """The judge that an installed package offers under this name.

    Raises:
        ValueError: there is none, or it cannot be loaded.
    """
    points = entry_points(group=group)
    if name not in points.names:
        known = ", ".join(sorted(points.names)) or "none is installed"
        raise ValueError(f"no entry point {name} in group {group} ({known})")
    try:
        return _as_judge(points[name].load(), name)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"entry point {name} = {points[name].value} fails: {said}") from error


def referred(reference: str, folder: Path | None = None) -> Judge:
    """The judge that `package.module:function` or `path/to/file.py:function` names.

    Args:
        reference: a judge, or a function of an interaction.
        folder: modules and files are looked for here as well.

    Raises:
        ValueError: there is none, or importing it fails.
    """
    where, _, name = reference.rpartition(":")
    if not where or not name:
        raise ValueError(f"{reference} names no function; write package.module:function")
    try:
        module = _file(Path(where), folder) if where.endswith(".py") else _module(where, folder)
        found: Any = module
        for step in name.split("."):
            found = getattr(found, step)
        return _as_judge(found, name.rpartition(".")[2])
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise ValueError(f"{reference} cannot be used as a judge: {said}") from error


@dataclass(frozen=True, slots=True)
class _Renamed:
    """Another judge, whose score has a name of one's own choice."""

    judge: Judge = field(repr=False)
    name: str
    version: str

    async def __call__(self, interaction: Interaction) -> Verdict:
        return replace(await self.judge(interaction), name=self.name)

    def most_usd(self, interaction: Interaction) -> float | None:
        return most_of(self.judge, interaction)


def renamed(judge: Judge, name: str) -> Judge:
    """The judge, with its scores under this name."""
    if isinstance(judge, FunctionJudge):
        return replace(judge, name=name)
    if getattr(judge, "name", None) == name:
        return judge
    return _Renamed(judge, name, version_known(judge))


def _as_judge(found: Any, name: str) -> Judge:
    if inspect.isclass(found):
        found = found()
    if not callable(found):
        raise TypeError(f"{found!r} is not callable")
    if hasattr(found, "name") and hasattr(found, "version"):
        return cast("Judge", found)
    return FunctionJudge(found, getattr(found, "__name__", name))


def _module(name: str, folder: Path | None) -> Any:
    places = [str(one) for one in (folder, Path.cwd()) if one is not None]
    sys.path[:0] = places
    try:
        return importlib.import_module(name)
    finally:
        for place in places:
            sys.path.remove(place)


def _file(path: Path, folder: Path | None) -> Any:
    path = path if path.is_absolute() or folder is None or path.exists() else folder / path
    name = f"outerloop_judges_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, or what an object's call runs."""
    if inspect.isroutine(function) or isinstance(function, partial):
        return function
    return type(function).__call__


def _source_hash(function: Callable[..., Any]) -> str:
    try:
        said = inspect.getsource(function)
    except (OSError, TypeError):  # typed in, or no plain function
        code = getattr(function, "__code__", None)
        said = f"{code.co_code!r} {code.co_consts!r}" if code else type(function).__qualname__
    return hashlib.sha256(said.encode()).hexdigest()[:12]
