"""Every error that Outerloop raises on purpose: one root, few classes, each with what to do."""

from __future__ import annotations


class OuterloopError(Exception):
    """Something went wrong in Outerloop; run `outerloop doctor` to see what."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigurationError(OuterloopError):
    """A setting is missing or wrong; the message names it and gives an example."""

    exit_code = 2


class StoreUnavailableError(OuterloopError):
    """The store does not answer; start it with `outerloop store` or check OUTERLOOP_STORE_URL."""


class StoreLockedError(OuterloopError):
    """Another process holds this data directory; stop it or choose another OUTERLOOP_DATA_DIR."""

    exit_code = 2


class PortInUseError(OuterloopError):
    """A port is taken; stop its owner or choose another port by its OUTERLOOP_…_PORT setting."""

    exit_code = 2


class NotFoundError(OuterloopError):
    """There is nothing by that name; list what there is with the command's plain form."""

    exit_code = 2


class TransitionError(OuterloopError):
    """That step does not follow from the present state; see `outerloop retrain list`."""

    exit_code = 2


class DeliveryError(OuterloopError):
    """The other end did not take the message; it stays queued and is tried again."""

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after_s: float | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """How long the other end asked to be left alone, if it did."""
        self.final = final
        """It said that it never will take messages again (410 Gone)."""


class SignatureError(OuterloopError):
    """A signature does not match; check that both ends use the same secret and the right time."""
