"""A function under observation: its name, its parameters, and how its calls are written down."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk import runtime as switch
from monitor.sdk.guard import GUARD
from monitor.sdk.json_text import quote, to_json
from monitor.sdk.runtime import Runtime, active
from monitor.sdk.secrecy import is_secret
from monitor.sdk.snapshot import LEAVES, MASK, Budget, short_media, snapshot
from monitor.sdk.step import start
from monitor.sdk.surroundings import LABELS, SPAN, attach, surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.sdk.step import Step

__all__ = ["Observed", "begin", "open_step"]

VARIADIC = inspect.Parameter.VAR_POSITIONAL


class Observed:
    """A function under observation: its name, its parameters, how its calls are written down."""

    client = False

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        qualified = str(getattr(function, "__qualname__", type(function).__qualname__))
        self._name = str(options["name"] or qualified.rpartition("<locals>.")[2])
        self._kind = options["kind"]
        self._prompt: dict[str, Any] = {
            name: str(options[name])
            for name in ("prompt_name", "prompt_version")
            if options[name] is not None
        }
        self.capture: bool = options["capture"]
        names = _parameters(function)
        self.skip = 1 if names[:1] in (["self"], ["cls"]) else 0
        self._names = names
        self._fixed = [name for name in names[self.skip :] if not name.startswith("*")]
        self._secret: frozenset[int] = frozenset()
        self._words = -1
        """The state of the list of secret words for which `_secret` was made."""
        self.plain_in = -1
        """The runtime in which nothing but the arguments decides what is kept."""

    def name(self, step: Step | None = None) -> str:
        """The span's name."""
        del step
        return self._name

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Kind, arguments and result."""
        yield from self.always()
        for name, text in (
            (v.OUTERLOOP_INPUT, self.given(step)),
            (v.OUTERLOOP_OUTPUT, self.result(step)),
        ):
            if text is not None:
                yield name, text.decode()

    def always(self) -> Iterator[tuple[str, str]]:
        """The attributes that every call has."""
        yield v.OUTERLOOP_KIND, self._kind
        if self._kind == "tool":
            yield v.OPERATION, "execute_tool"
            yield v.TOOL_NAME, self._name

    def given(self, step: Step) -> bytes | None:
        """Arguments by the names of their parameters, as JSON; what `*args` took is a list."""
        said, fixed = step.said, self._fixed
        if said is None:
            return None
        plain = type(said) is tuple
        if plain and len(said) == 1 == len(fixed) and type(said[0]) is str:  # the commonest of all
            return b'{"%b":%b}' % (fixed[0].encode(), quote(said[0]))
        args, kwargs = ([short_media(value) for value in said], {}) if plain else said
        named = dict(zip(fixed, args, strict=False))
        rest = args[len(fixed) :]
        if rest:
            star = next((name[1:] for name in self._names if name.startswith("*")), "args")
            named[star] = rest
        return to_json({**named, **kwargs}).encode("utf-8", "replace")

    def result(self, step: Step) -> bytes | None:
        """What came back, as JSON; None where nothing did, or where it is not kept."""
        gave = step.gave
        if not (self.capture and step.runtime.capture) or step.failure is not None:
            return None
        if type(gave) is str:
            return quote(gave)
        if gave is None and step.abandoned:
            return None
        return to_json(gave).encode("utf-8", "replace")

    def open(self, runtime: Runtime, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """A new span for one call."""
        if not (self.capture and runtime.capture):
            return self._labelled(start(runtime, self, None, 0, surroundings()))
        if self._words != runtime.words:
            self._look_for_secrets(runtime.words)
        if not (self._secret or self._prompt):
            self.plain_in = runtime.number
        said, size, cut = self._take(runtime.limit, args[self.skip :], kwargs)
        step = start(runtime, self, said, size, surroundings())
        if cut:
            step.cut = (v.OUTERLOOP_INPUT,)
        return self._labelled(step)

    def enter(self, step: Step) -> Any:
        """Make `step` current, with the prompt that this function stands for."""
        if not self._prompt:
            return step.enter()
        return attach({**surroundings(), SPAN: step, LABELS: step.labels})

    def begin(self, runtime: Runtime, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """`open` and `enter`, with the token that undoes it."""
        step = self.open(runtime, args, kwargs)
        step.token = self.enter(step)
        return step

    def close(self, step: Step, result: Any) -> None:
        """The end of a call that returned."""
        runtime = step.runtime
        if not (self.capture and runtime.capture):
            step.finish()
        elif type(result) is str and len(result) <= runtime.limit:
            step.finish(result, len(result))
        elif type(result) in LEAVES:
            step.finish(result)
        else:
            budget = Budget(runtime.limit)
            copy = snapshot(result, budget)
            if budget.cut:
                step.cut = (*step.cut, v.OUTERLOOP_OUTPUT)
            step.finish(copy, runtime.limit - budget.left)

    def _look_for_secrets(self, words: int) -> None:
        names = self._names[self.skip :]
        self._secret = frozenset(place for place, name in enumerate(names) if is_secret(name))
        self._words = words

    def _labelled(self, step: Step) -> Step:
        if self._prompt:
            step.labels = replace(step.labels, **self._prompt)
        return step

    def _take(
        self, limit: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Any, int, bool]:
        """The arguments, safe from what the app does to them later."""
        budget = Budget(limit)
        taken = [
            MASK if place in self._secret and type(value) not in LEAVES else snapshot(value, budget)
            for place, value in enumerate(args)
        ]
        named = snapshot(kwargs, budget) if kwargs else kwargs
        return [taken, named], limit - budget.left, budget.cut


def _parameters(function: Callable[..., Any]) -> list[str]:
    """Names of the positional parameters, that of `*args` with its star."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions have none
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        f"*{parameter.name}" if parameter.kind is VARIADIC else parameter.name
        for parameter in parameters
        if parameter.kind in positional or parameter.kind is VARIADIC
    ]


def open_step(observed: Observed, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step | None:
    """The span of a call that starts now; None when the SDK is off, or failed."""
    runtime = switch.running or active()
    if runtime is None:
        return None
    try:
        return observed.open(runtime, args, kwargs)
    except Exception as error:  # noqa: BLE001 - the guard's work, in line for speed
        GUARD.swallow(error)
        return None


def begin(observed: Observed, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step | None:
    """The span of a call that starts now, made current, with the token to undo it; None when off.

    Texts and numbers by position, which nobody can change, need no copy: all in one piece here,
    for a call after a pause finds cold caches and pays for every place that it touches.
    """
    runtime = switch.running or active()
    if runtime is None:
        return None
    try:
        if kwargs or observed.plain_in != runtime.number:
            return observed.begin(runtime, args, kwargs)
        said = args[1:] if observed.skip else args
        size = 0
        for value in said:
            if type(value) is str:
                size += len(value)
            elif type(value) not in LEAVES:
                return observed.begin(runtime, args, kwargs)
        if size > runtime.limit:
            return observed.begin(runtime, args, kwargs)
        outside = surroundings()
        step = start(runtime, observed, said, size, outside)
        step.token = attach({**outside, SPAN: step} if outside else {SPAN: step})
        return step
    except Exception as error:  # noqa: BLE001 - the guard's work, in line for speed
        GUARD.swallow(error)
        return None
