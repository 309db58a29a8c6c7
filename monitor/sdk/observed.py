"""A function under observation: its name, its parameters, and how its calls are written down."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from monitor import vocabulary as v
from monitor.sdk import runtime as switch
from monitor.sdk.guard import GUARD
from monitor.sdk.runtime import Runtime, active
from monitor.sdk.secrecy import is_secret
from monitor.sdk.snapshot import LEAVES, MASK, Budget, snapshot, text_to_json, to_json
from monitor.sdk.step import Step
from monitor.sdk.surroundings import LABELS, SPAN, attach, surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        self._skip = 1 if names[:1] in (["self"], ["cls"]) else 0
        self._names = names
        self._fixed = [name for name in names[self._skip :] if not name.startswith("*")]
        self._secret: frozenset[int] = frozenset()
        self._words = -1
        """The state of the list of secret words for which `_secret` was made."""
        self._plain_in = -1
        """The runtime in which nothing but the arguments decides what is kept."""

    def name(self, step: Step) -> str:
        """The span's name."""
        del step
        return self._name

    def attributes(self, step: Step) -> Iterator[tuple[str, Any]]:
        """Kind, arguments and result."""
        yield v.OUTERLOOP_KIND, self._kind
        if self._kind == "tool":
            yield v.OPERATION, "execute_tool"
            yield v.TOOL_NAME, self._name
        if step.said is not None:
            yield v.OUTERLOOP_INPUT, self._written(*step.said)
        if (
            self.capture
            and step.runtime.capture
            and step.failure is None
            and not (step.abandoned and step.gave is None)
        ):
            yield v.OUTERLOOP_OUTPUT, to_json(step.gave)

    def open(self, runtime: Runtime, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """A new span for one call."""
        if not (self.capture and runtime.capture):
            return self._labelled(Step(runtime, self, None, 0))
        if self._words != runtime.words:
            self._look_for_secrets(runtime.words)
        if not (self._secret or self._prompt):
            self._plain_in = runtime.number
        said, size, cut = self._take(runtime.limit, args[self._skip :], kwargs)
        step = Step(runtime, self, said, size)
        if cut:
            step.cut = (v.OUTERLOOP_INPUT,)
        return self._labelled(step)

    def enter(self, step: Step) -> Any:
        """Make `step` current, with the prompt that this function stands for."""
        if not self._prompt:
            return step.enter()
        return attach({**surroundings(), SPAN: step, LABELS: step.labels})

    def begin(self, runtime: Runtime, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Step:
        """`open` and `enter`, with the token that undoes it.

        Texts and numbers by position, which nobody can change, need no copy: all in one piece here,
        for a call after a pause finds cold caches and pays for every place that it touches.
        """
        if self._plain_in == runtime.number and not kwargs:
            said = args[1:] if self._skip else args
            size = 0
            for value in said:
                if type(value) is str:
                    size += len(value)
                    if size > runtime.limit or value[:5] == "data:":
                        break
                elif type(value) not in LEAVES:
                    break
            else:
                step = Step(runtime, self, (said, kwargs), size)
                step.token = attach({**surroundings(), SPAN: step})
                return step
        step = self.open(runtime, args, kwargs)
        step.token = self.enter(step)
        return step

    def close(self, step: Step, result: Any) -> None:
        """The end of a call that returned."""
        if not (self.capture and step.runtime.capture):
            step.finish()
        elif type(result) in LEAVES:
            step.finish(result)
        elif type(result) is str and len(result) <= step.runtime.limit and result[:5] != "data:":
            step.finish(result, len(result))
        else:
            budget = Budget(step.runtime.limit)
            copy = snapshot(result, budget)
            if budget.cut:
                step.cut = (*step.cut, v.OUTERLOOP_OUTPUT)
            step.finish(copy, step.runtime.limit - budget.left)

    def _look_for_secrets(self, words: int) -> None:
        names = self._names[self._skip :]
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
        return (taken, named), limit - budget.left, budget.cut

    def _written(self, args: Any, kwargs: dict[str, Any]) -> str:
        """Arguments by the names of their parameters, as JSON; what `*args` took is a list."""
        fixed = self._fixed
        if not kwargs and len(args) == 1 == len(fixed) and type(args[0]) is str:
            return f'{{"{fixed[0]}":{text_to_json(args[0])}}}'  # the commonest call of all
        named = dict(zip(fixed, args, strict=False))
        rest = list(args[len(fixed) :])
        if rest:
            star = next((name[1:] for name in self._names if name.startswith("*")), "args")
            named[star] = rest
        return to_json({**named, **kwargs})


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
    """The span of a call that starts now, made current, with the token to undo it; None when off."""
    runtime = switch.running or active()
    if runtime is None:
        return None
    try:
        return observed.begin(runtime, args, kwargs)
    except Exception as error:  # noqa: BLE001 - the guard's work, in line for speed
        GUARD.swallow(error)
        return None
