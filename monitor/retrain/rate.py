"""A token bucket: so many at once, so many a second on end."""

from __future__ import annotations

import threading
import time

__all__ = ["Bucket"]


class Bucket:
    """Gives leave, or does not; for several threads.

    Args:
        burst: leaves that can be had at once.
        per_second: leaves that come back in a second.

    >>> bucket = Bucket(2, 0.001)
    >>> bucket.take(), bucket.take(), bucket.take()
    (True, True, False)
    """

    def __init__(self, burst: int, per_second: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._left, self._at = float(burst), time.monotonic()
        self._turn = threading.Lock()

    def take(self) -> bool:
        """Whether there is leave now."""
        with self._turn:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
