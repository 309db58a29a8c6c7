"""What Outerloop brings to pytest, which finds it by itself where Outerloop is installed.

The fixture `outerloop_spans` captures what the code under test records. The marker `outerloop_eval`
makes a test of every sample of a dataset:

    @pytest.mark.outerloop_eval("cases.jsonl")
    def test_extracts(sample):
        assert_eval("json_valid", sample, output=extract(sample.input))
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.testing import Recording

__all__ = ["outerloop_spans", "pytest_configure", "pytest_generate_tests"]

MARKER = "outerloop_eval"
SAMPLE = "sample"


@pytest.fixture
def outerloop_spans() -> Iterator[Recording]:
    """What the code under test records: spans, LLM calls, feedback. Nothing is sent."""
    from monitor.testing import capture  # noqa: PLC0415 - only for tests that ask for it

    with capture() as recording:
        yield recording


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(file, limit=None): runs the test once for every sample of a dataset file, as the"
        f" argument `{SAMPLE}`; the file is found beside the test",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test per sample, named by the sample's id."""
    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker is None or SAMPLE not in metafunc.fixturenames:
        return
    try:
        from monitor.evaluation import read_samples  # noqa: PLC0415 - only for tests that ask for it
        from monitor.evaluation.samples import DatasetError, sample_id  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise pytest.UsageError(
            f"{MARKER} needs the judges, and {error.name} is missing: pip install 'outerloop[server]'"
        ) from error
    path = Path(marker.args[0])
    beside = metafunc.definition.path.parent / path
    try:
        dataset = read_samples(beside if beside.exists() else path, without_output=True)
    except DatasetError as error:
        raise pytest.UsageError(f"{metafunc.definition.nodeid}: {error}") from error
    samples = dataset.cut(marker.kwargs.get("limit")).samples
    metafunc.parametrize(SAMPLE, samples, ids=[sample_id(one) for one in samples])
