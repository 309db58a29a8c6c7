"""Every definition file that docs/judges.md shows is one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from openai import AsyncOpenAI

from judges.asking.endpoint import Endpoint
from judges.definitions.kinds import KINDS
from judges.definitions.reading import build, load

PAGE = (Path(__file__).parents[2] / "docs" / "judges.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def endpoint(model: str) -> Endpoint:
    """An endpoint that nobody listens on; nothing here asks it."""
    client = AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="none")
    return Endpoint(client, model or "usual-model", rng=np.random.default_rng(1))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: tomllib.loads(block)["kind"])
def test_every_shown_file_can_be_built(block: str, tmp_path: Path):
    """As it stands, beside the files that it names."""
    (tmp_path / "loan.json").write_text("{}", "utf-8")
    (tmp_path / "shop_judges.py").write_text("def polite(call): return True\n", "utf-8")
    (tmp_path / "shown.toml").write_text(block, "utf-8")
    assert build(load(tmp_path / "shown.toml"), endpoint, embedder=lambda _: np.ones((2, 3)))


def test_every_kind_is_explained():
    """No kind is missing from the page."""
    shown = {tomllib.loads(block)["kind"] for block in BLOCKS}
    assert set(KINDS) - shown <= {"json_valid", "pydantic_model"}
    assert all(f"`{kind}`" in PAGE or f'kind = "{kind}"' in PAGE for kind in KINDS)
