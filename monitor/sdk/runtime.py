"""What is switched on: one runtime, made by `init`, ended with the process, renewed by a fork."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from itertools import count
from typing import TYPE_CHECKING

from monitor import vocabulary as v
from monitor.sdk.configuration import (
    Configuration,
    Limits,
    Options,
    Resource,
    read_configuration,
)
from monitor.sdk.guard import GUARD
from monitor.sdk.identifiers import new_score_id
from monitor.sdk.lasting import abandon_all
from monitor.sdk.masking import masking
from monitor.sdk.outbox import GIVEN_UP, Delivery, Outbox
from monitor.sdk.sampling import Sampling
from monitor.sdk.secrecy import also_secret

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Runtime", "active", "flush", "init", "shutdown", "substitute", "switch_on"]


_numbers = count()


class Runtime:
    """One configuration with its outbox; every span keeps the one under which it began."""

    __slots__ = (
        "bits", "capture", "clock", "configuration", "limit", "mask", "number", "outbox", "put",
        "resource", "sampling", "timer", "words",
    )  # fmt: skip

    def __init__(self, configuration: Configuration, outbox: Outbox) -> None:
        instance = (v.SERVICE_INSTANCE_ID, new_score_id())
        named = configuration.resource.attributes
        given = any(name == v.SERVICE_INSTANCE_ID for name, _ in named)
        self.resource = Resource(named if given else (*named, instance))
        self.number = next(_numbers)
        """No other runtime of this process has it."""
        self.configuration = configuration
        self.outbox = outbox
        self.put = outbox.put
        self.bits = configuration.bits
        self.clock = configuration.clock
        self.timer = configuration.timer
        self.capture = configuration.capture
        self.limit = configuration.limits.value_chars
        self.mask = masking(configuration.mask) if configuration.mask is not None else None
        self.words = also_secret(configuration.secrets)
        """Which list of secret words is in force."""
        all_is_kept = configuration.sample >= 1
        self.sampling = (
            None if all_is_kept else Sampling(configuration.sample, configuration.slow_ms)
        )


running: Runtime | None = None
"""What is switched on; ask `active()`, except where a function call would show."""
_make: Callable[[Configuration], Runtime] | None = None
"""Makes the runtimes instead of us, in tests."""
_looked_around = False
_ends_with_workers = False
_outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()
_change = threading.RLock()


def active() -> Runtime | None:
    """The runtime, if any; the first question may make one from the environment."""
    if running is not None or _looked_around:
        return running
    return _look_around()


def _look_around() -> Runtime | None:
    """Without `init`, OUTERLOOP_ENDPOINT in the environment switches on; nothing else does."""
    global _looked_around  # noqa: PLW0603 - one switch for the process, like logging
    with _change:
        _looked_around = True
        if running is None and os.environ.get("OUTERLOOP_ENDPOINT"):
            init()
    return running


@GUARD
def init(  # noqa: PLR0913 - the app's options, keyword-only
    *,
    service: str | None = None,
    release: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    token: str | None = None,
    capture: bool = True,
    sample: float | None = None,
    slow_ms: float | None = None,
    secrets: tuple[str, ...] = (),
    mask: Callable[[str, str], str] | None = None,
    spool: bool | str | None = None,
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
        sample: Share of the traces that is kept, 0 to 1; OUTERLOOP_SAMPLE, else 1. Calls that fail
            or are slow are kept anyway, and every span says with which probability it was.
        slow_ms: How long a slow call takes; OUTERLOOP_SLOW_MS, else none is slow.
        secrets: Words that make the name of an argument or key secret, besides the usual ones;
            OUTERLOOP_SECRETS, comma-separated, adds to them.
        mask: Sees the name and the text of every attribute before it leaves, on the background
            thread, and answers with what may leave. Where it raises, nothing of the text leaves.
        spool: Folder for what cannot be sent while the collector is away; False, or
            OUTERLOOP_SPOOL=off, keeps everything off the disk. By default in the user's cache.
        clock: Unix time in nanoseconds, for replays of recorded traffic and for tests. Durations
            are always measured by the monotonic clock.
        limits: What the SDK may cost; see `Limits`.

    OTEL_SDK_DISABLED=true wins over everything; OTEL_RESOURCE_ATTRIBUTES adds to the resource.
    """
    said = Options(
        service=service,
        release=release,
        environment=environment,
        endpoint=endpoint,
        token=token,
        capture=capture,
        sample=sample,
        slow_ms=slow_ms,
        secrets=tuple(secrets),
        mask=mask,
        spool=spool if spool is None or isinstance(spool, bool) else os.fspath(spool),
        clock=clock,
        limits=limits or Limits(),
    )
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        global _looked_around  # noqa: PLW0603 - one switch for the process, like logging
        _looked_around = True
        return
    switch_on(read_configuration(said))


def switch_on(configuration: Configuration) -> None:
    """Make this configuration the one under which everything from now on is recorded."""
    global running, _looked_around  # noqa: PLW0603 - one switch for the process, like logging
    with _change:
        _looked_around = True
        running = (_make or _start)(configuration)


def _start(configuration: Configuration) -> Runtime:
    return Runtime(configuration, _outbox_for(configuration))


def substitute(make: Callable[[Configuration], Runtime]) -> Callable[[], None]:
    """Let `make` make every runtime from now on, in forked children too; for `monitor.testing`.

    Returns:
        What puts everything back as it was.
    """
    global _make  # noqa: PLW0603 - one switch for the process, like logging
    before = running, _make, _looked_around
    _make = make

    def restore() -> None:
        global running, _make, _looked_around
        with _change:
            running, _make, _looked_around = before

    return restore


def _outbox_for(configuration: Configuration) -> Outbox:
    """The present outbox where it goes to the same place; the other one is left to empty itself."""
    if running is not None:
        before = running.configuration
        if _destination(before) == _destination(configuration):
            return running.outbox
        running.outbox.close(time.monotonic() + 60)
    return _new_outbox(configuration)


def _destination(configuration: Configuration) -> tuple[object, ...]:
    """What an outbox depends on."""
    service = dict(configuration.resource.attributes)[v.SERVICE_NAME]
    spool = (configuration.spool, service) if configuration.spool else None
    return configuration.endpoint, configuration.token, configuration.limits, spool


def _new_outbox(configuration: Configuration) -> Outbox:
    def start(outbox: Outbox) -> threading.Thread:
        from monitor.sdk.delivery import start_sender  # noqa: PLC0415 - http only when it is used

        end_with_workers()
        return start_sender(outbox, configuration)

    outbox = Outbox(configuration.limits, start=start)
    _outboxes.add(outbox)
    return outbox


def end_with_workers() -> None:
    """Pool workers end by `os._exit`: what their libraries run last has to run our end, too."""
    global _ends_with_workers  # noqa: PLW0603 - one for the process
    if _ends_with_workers:
        return
    _ends_with_workers = True
    for library in ("multiprocessing.util", "billiard.util"):
        util = sys.modules.get(library)
        if util is not None:
            util.Finalize(None, _end, exitpriority=100)
    signals = sys.modules.get("celery.signals")
    if signals is not None:  # its workers run no finalizers
        signals.worker_process_shutdown.connect(_end, weak=False, dispatch_uid="outerloop")


def flush(timeout: float = 5.0) -> Delivery:
    """Wait, at most `timeout` seconds, until the collector has confirmed all that is recorded.

    Returns:
        The collector's word, not a hope: what it confirmed, what still waits, what was lost.
    """
    runtime = running
    if runtime is None:
        return Delivery(0, 0, 0)
    return GUARD(runtime.outbox.flush)(timeout) or runtime.outbox.delivery()


@GUARD
def shutdown() -> None:
    """Send what is left, within the exit's time limit, and switch off until the next `init`."""
    global running
    runtime, running = running, None
    limit = runtime.configuration.limits.exit_timeout_s if runtime else Limits().exit_timeout_s
    deadline = time.monotonic() + limit
    outboxes = list(_outboxes)
    for outbox in outboxes:
        outbox.close(deadline)
    for outbox in outboxes:
        outbox.join(deadline - time.monotonic())
        lost = outbox.delivery().pending - outbox.spooled
        if lost > 0:
            outbox.drop(lost, GIVEN_UP)


@GUARD
def _end(**said: object) -> None:
    """The process ends."""
    del said  # by a signal of Celery's
    abandon_all()
    shutdown()


def _start_again_in_child() -> None:
    """A forked child has none of its parent's threads and must not send its parent's records."""
    global running, _change, _ends_with_workers  # noqa: PLW0603 - one switch for the process
    _change = threading.RLock()
    _ends_with_workers = False
    for outbox in list(_outboxes):
        outbox.leave_behind()
    _outboxes.clear()
    if running is not None:
        configuration = running.configuration
        fresh = _make or (lambda told: Runtime(told, _new_outbox(told)))
        running = fresh(configuration)


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_again_in_child)
