"""What is switched on: one runtime, made by `init`, ended with the process, renewed by a fork."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor import vocabulary as v
from monitor.sdk.configuration import Configuration, Limits, Resource, read_configuration
from monitor.sdk.guard import GUARD
from monitor.sdk.identifiers import new_score_id
from monitor.sdk.outbox import GIVEN_UP, Delivery, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Runtime", "active", "flush", "init", "shutdown"]


class Runtime:
    """One configuration with its outbox; every span keeps the one under which it began."""

    __slots__ = ("capture", "clock", "configuration", "limit", "outbox", "resource")

    def __init__(self, configuration: Configuration, outbox: Outbox) -> None:
        instance = (v.SERVICE_INSTANCE_ID, new_score_id())
        named = configuration.resource.attributes
        given = any(name == v.SERVICE_INSTANCE_ID for name, _ in named)
        self.resource = Resource(named if given else (*named, instance))
        self.configuration = configuration
        self.outbox = outbox
        self.clock = configuration.clock
        self.capture = configuration.capture
        self.limit = configuration.limits.value_chars


_runtime: Runtime | None = None
_looked_around = False
_outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()
_change = threading.RLock()


def active() -> Runtime | None:
    """The runtime, if any; the first question may make one from the environment."""
    if _runtime is not None or _looked_around:
        return _runtime
    return _look_around()


def _look_around() -> Runtime | None:
    """Without `init`, OUTERLOOP_ENDPOINT in the environment switches on; nothing else does."""
    global _looked_around  # noqa: PLW0603 - one switch for the process, like logging
    with _change:
        _looked_around = True
        if _runtime is None and os.environ.get("OUTERLOOP_ENDPOINT"):
            init()
    return _runtime


@GUARD
def init(
    *,
    service: str | None = None,
    release: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    capture: bool = True,
    clock: Callable[[], int] = time.time_ns,
    limits: Limits | None = None,
) -> None:
    """Switch on. May be called again, for example with a new release; what waits keeps the old one.

    Without `init`, everything is a no-op unless OUTERLOOP_ENDPOINT is set. Nothing is sent before
    the first observed call, and nothing ever from the app's own threads.

    Args:
        service: Name of this app; OTEL_SERVICE_NAME by default.
        release: Version of the app or its model; OUTERLOOP_RELEASE by default.
        environment: `production`, `staging`, …; OUTERLOOP_ENVIRONMENT by default.
        endpoint: Where the collector listens; OUTERLOOP_ENDPOINT, else http://127.0.0.1:4318.
        token: Sent as `Authorization: Bearer …`; OUTERLOOP_TOKEN by default.
        capture: False keeps names, times and token counts, and no arguments, results or messages.
        clock: Unix time in nanoseconds, for replays of recorded traffic and for tests. Durations
        are
            always measured by the monotonic clock.
        limits: What the SDK may cost; see `Limits`.

    OTEL_SDK_DISABLED=true wins over everything; OTEL_RESOURCE_ATTRIBUTES adds to the resource.
    """
    global _runtime, _looked_around  # noqa: PLW0603 - one switch for the process, like logging
    with _change:
        _looked_around = True
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return
        configuration = read_configuration(
            service=service,
            release=release,
            environment=environment,
            endpoint=endpoint,
            token=token,
            clock=clock,
            capture=capture,
            limits=limits or Limits(),
        )
        _runtime = Runtime(configuration, _outbox_for(configuration))


def _outbox_for(configuration: Configuration) -> Outbox:
    """The present outbox where it goes to the same place; the other one is left to empty itself."""
    if _runtime is not None:
        before = _runtime.configuration
        same = replace(
            configuration, resource=before.resource, clock=before.clock, capture=before.capture
        )
        if same == before:
            return _runtime.outbox
        _runtime.outbox.close(time.monotonic() + 60)
    return _new_outbox(configuration)


def _new_outbox(configuration: Configuration) -> Outbox:
    def start(outbox: Outbox) -> threading.Thread:
        from monitor.sdk.delivery import start_sender  # noqa: PLC0415 - http only when it is used

        return start_sender(outbox, configuration)

    outbox = Outbox(configuration.limits, start=start)
    _outboxes.add(outbox)
    return outbox


def flush(timeout: float = 5.0) -> Delivery:
    """Wait, at most `timeout` seconds, until the collector has confirmed all that is recorded.

    Returns:
        The collector's word, not a hope: what it confirmed, what still waits, what was lost.
    """
    runtime = _runtime
    if runtime is None:
        return Delivery(0, 0, 0)
    return GUARD(runtime.outbox.flush)(timeout) or runtime.outbox.delivery()


@GUARD
def shutdown() -> None:
    """Send what is left, within the exit's time limit, and switch off until the next `init`."""
    global _runtime
    runtime, _runtime = _runtime, None
    limit = runtime.configuration.limits.exit_timeout_s if runtime else Limits().exit_timeout_s
    deadline = time.monotonic() + limit
    outboxes = list(_outboxes)
    for outbox in outboxes:
        outbox.close(deadline)
    for outbox in outboxes:
        outbox.join(deadline - time.monotonic())
        lost = outbox.delivery().pending
        if lost:
            outbox.drop(lost, GIVEN_UP)


def _start_again_in_child() -> None:
    """A forked child has none of its parent's threads and must not send its parent's records."""
    global _runtime, _change  # noqa: PLW0603 - one switch for the process, like logging
    _change = threading.RLock()
    for outbox in list(_outboxes):
        outbox.forked = True
    _outboxes.clear()
    if _runtime is not None:
        configuration = _runtime.configuration
        _runtime = Runtime(configuration, _new_outbox(configuration))


atexit.register(shutdown)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again_in_child)
