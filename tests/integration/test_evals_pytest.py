"""Evaluation samples as tests: `assert_eval`, the marker, `evaluate`, in a pytest of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from judges.definitions.functions import judge
from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable, Verdict
from monitor.testing import assert_eval, evaluate

pytestmark = pytest.mark.integration

PLUGIN = (
    ()
    if "monitor.pytest_plugin" in entry_points(group="pytest11").names
    else ("-p", "monitor.pytest_plugin")
)
"""An installation finds the plugin by its entry point; a source tree on the path has none to be found by."""
SUITE = """
import pytest
from monitor.testing import assert_eval, evaluate

@pytest.mark.outerloop_eval("cases.jsonl")
def test_sample(sample):
    assert_eval("json_valid", sample)

@pytest.mark.outerloop_eval("cases.jsonl", limit=1)
def test_app(sample):
    assert_eval("json_valid", sample, output="{}")

def test_whole():
    evaluate("cases.jsonl", "json_valid").assert_pass_rate(0.6)
"""


def pytest_run(folder: Path, suite: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A pytest process on a suite of an app."""
    (folder / "test_app.py").write_text(suite)
    (folder / "cases.jsonl").write_text(
        '{"id": "good", "input": "i", "output": "{}"}\n'
        '{"id": "also-good", "input": "j", "output": "[]"}\n'
        '{"id": "bad", "input": "k", "output": "{"}\n'
    )
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"),
        *(*PLUGIN, "-p", "no:asyncio", "-W", "error", *arguments),
    ]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


async def scored(interaction: Interaction) -> Verdict:
    """A judge of the app's own."""
    return Judgement("scored", float(len(interaction.output)), "", "its length", "1")


async def silent(interaction: Interaction) -> Verdict:
    """A judge that cannot say."""
    return JudgeFailure("silent", "1", "the endpoint is away")


async def elsewhere(interaction: Interaction) -> Verdict:
    """A judge whose question does not arise."""
    return NotApplicable("elsewhere", "there is no date", "1")


def test_samples_of_a_file_are_tests(tmp_path: Path) -> None:
    """Each is a test of its own name; the bad one fails with the judge's reason, the app's answer replaces."""
    done = pytest_run(tmp_path, SUITE)
    assert "1 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED test_app.py::test_sample[bad]" in done.stdout
    assert "json_valid: invalid: not JSON" in done.stdout


def test_a_marker_with_a_wrong_file_says_so_at_once(tmp_path: Path) -> None:
    """Nothing is collected silently empty."""
    done = pytest_run(tmp_path, SUITE.replace("cases.jsonl", "none.jsonl"))
    assert done.returncode == 2
    assert "there is no file none.jsonl" in done.stdout


def test_scores_pass_from_a_bar_on() -> None:
    """And the message says how much was missing."""
    assert_eval(scored, output="four", at_least=4)
    with pytest.raises(AssertionError, match=r"scored: .*4, at least 5 was asked for: its length"):
        assert_eval(scored, output="four", at_least=5)


def test_a_label_passes_that_was_asked_for() -> None:
    """One, or one of several; another does not, nor does any where none was named."""

    async def kind(interaction: Interaction) -> Verdict:
        """A judge of labels."""
        return Judgement("kind", "complaint", "complaint", "the caller is angry", "1")

    assert_eval(kind, output="x", label="complaint")
    assert_eval(kind, output="x", label={"question", "complaint"})
    with pytest.raises(AssertionError, match="kind: complaint, question was asked for: the caller"):
        assert_eval(kind, output="x", label="question")
    with pytest.raises(AssertionError, match="no label= says which passes"):
        assert_eval(kind, output="x")


def test_where_less_is_better_a_score_has_a_ceiling() -> None:
    """A judge says it itself; then a no passes, and a score up to `at_most`."""

    @judge(direction="lower")
    def toxic(interaction: Interaction) -> bool:
        return "damn" in interaction.output

    @judge(direction="lower")
    def words(interaction: Interaction) -> float:
        return float(len(interaction.output.split()))

    assert_eval([toxic, words], output="Good day", at_most=2)
    with pytest.raises(AssertionError, match="toxic: yes"):
        assert_eval(toxic, output="damn")
    with pytest.raises(AssertionError, match="words: 2 2, at most 1 was asked for"):
        assert_eval(words, output="Good day", at_most=1)


@pytest.mark.parametrize(("judge", "said"), [(silent, "away"), (elsewhere, "there is no date")])
def test_what_was_not_judged_was_not_tested(judge: object, said: str) -> None:
    """A failure of the judge, and a question that does not arise, do not pass."""
    with pytest.raises(AssertionError, match=said):
        assert_eval(judge, output="x")  # type: ignore[arg-type]  # one of the functions above


def test_several_judges_are_all_held_to() -> None:
    """The message names each that is not content."""
    with pytest.raises(AssertionError, match=r"json_valid: invalid.*\n.*silent"):
        assert_eval(["json_valid", silent], output="{")


async def test_it_works_inside_of_a_running_loop() -> None:
    """Async tests are tests too."""
    await asyncio.sleep(0)
    assert_eval("json_valid", output="{}")


def test_the_app_is_asked_for_its_answers() -> None:
    """Plain functions, coroutines; the records need no output of their own."""
    cases = [{"input": str(n)} for n in range(10)]

    async def answer(text: str) -> str:
        await asyncio.sleep(0)
        return "{" if text == "3" else text

    for app in (answer, lambda text: "{" if text == "3" else text):
        done = evaluate(cases, "json_valid", answer=app)
        assert done.aggregates[0].value == 0.9
        assert done.failures[0].output == "{"


def test_a_misspelt_field_is_refused() -> None:
    """It would otherwise test nothing."""
    with pytest.raises(Exception, match="no field 'outptu'"):
        assert_eval("json_valid", outptu="{}")


def test_without_the_server_extra_it_says_what_to_install() -> None:
    """`monitor.testing` itself is there with the SDK alone."""
    program = """
import sys
for name in ("numpy", "judges", "pydantic", "clickhouse_connect"):
    sys.modules[name] = None
from monitor.testing import assert_eval, capture
with capture():
    pass
try:
    assert_eval("json_valid", output="{}")
except ImportError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'outerloop[server]'" in done.stdout
