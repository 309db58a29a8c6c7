"""The documents cannot drift from the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", ["settings", "cli"])
def test_generated_pages_are_fresh(page: str) -> None:
    """`docs/settings.md` and `docs/cli.md` say what `python docs/generate.py` would write now."""
    script = f"import sys, generate; sys.stdout.write(generate.{page}_page())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "docs",
    )
    assert done.stdout == (ROOT / "docs" / f"{page}.md").read_text("utf-8"), (
        "run python docs/generate.py"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_blocks_run(document: Path, tmp_path: Path) -> None:
    """Every Python block of a document runs as it stands, in a fresh interpreter, without a collector."""
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    ):
        script = tmp_path / f"block{number}.py"
        script.write_text(block, "utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file that is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_paths_that_the_documents_name_are_there() -> None:
    """A path in backticks that looks like one of the repository's exists."""
    for document in DOCUMENTS:
        for path in re.findall(
            r"`((?:monitor|collector|judges|dashboards|docs|deploy|benchmarks|examples)/[\w/.-]+)`",
            document.read_text("utf-8"),
        ):
            assert (ROOT / path).exists(), f"{document.name} names {path}"
