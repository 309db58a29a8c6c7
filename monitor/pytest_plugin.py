"""The pytest fixture `outerloop_spans`; pytest finds it by itself where Outerloop is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.testing import Recording

__all__ = ["outerloop_spans"]


@pytest.fixture
def outerloop_spans() -> Iterator[Recording]:
    """What the code under test records: spans, LLM calls, feedback. Nothing is sent."""
    from monitor.testing import capture  # noqa: PLC0415 - only for tests that ask for it

    with capture() as recording:
        yield recording
