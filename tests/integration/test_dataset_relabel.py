"""A stronger model's labels, asked for over a real socket from a loopback endpoint."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dataset_seed import NOW, SERVICE, TURN, put_call, score, trace_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from monitor.curation.labelling import label_by_model
from monitor.curation.reserve import load_key, reserved
from monitor.curation.traffic import traffic
from monitor.exceptions import ConfigurationError
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.store import Store

pytestmark = pytest.mark.integration


class Model:
    """Answers by what it is asked: `cut` ends too early, `fail` is refused, everything else is answered."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/v1/chat/completions", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> JSONResponse:
        """One completion."""
        body: dict[str, Any] = await request.json()
        text = body["messages"][-1]["content"]
        self.asked.append(text)
        if text.startswith("fail"):
            return JSONResponse({"error": {"message": "no"}}, status_code=400)
        reason = "length" if text.startswith("cut") else "stop"
        message = {"role": "assistant", "content": f"right answer to {text}"}
        return JSONResponse(
            {
                "id": "1", "object": "chat.completion", "created": 1, "model": "big",
                "choices": [{"index": 0, "finish_reason": reason, "message": message}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
            }
        )  # fmt: skip


def hard(store: Store, data_dir: Path, *names: str) -> list[str]:
    """Hard calls without a label; none is reserved but those whose name says so."""
    key, traces = load_key(data_dir), []
    for name in names:
        wanted = name.startswith("reserved")
        found = (trace_of(f"{name} {n}") for n in range(500))
        trace = next(one for one in found if reserved(one, key) == wanted)
        traces.append(put_call(store, name, "wrong", trace=trace))
    store.append("scores", [score(one, "check", 0.0, name="json") for one in traces])
    return traces


def test_a_stronger_model_labels_hard_calls_and_is_named(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """Its answer is the label, marked as its own; half an answer, a refusal and the test set are not labelled."""
    good, _, _, _ = hard(store, tmp_path, "one", "cut off", "fail", "reserved")
    model = Model()
    with LoopbackServer(model.app) as server:
        settings = Settings(
            store_url=store_url, data_dir=tmp_path, judge_base_url=f"{server.url}/v1",
            judge_prices="big=1/10", dataset_label_model="big",
        )  # fmt: skip
        done = label_by_model(store, settings, service=SERVICE, limit=9, max_usd=1.0, now=NOW)
        again = label_by_model(store, settings, service=SERVICE, limit=9, max_usd=0.0, now=NOW)
    assert (done.asked, done.labelled, done.failed) == (3, 1, 2)
    assert done.cost_usd == pytest.approx(2 * 0.002)
    assert "reserved" not in model.asked
    assert (again.asked, again.problem) == (0, "stopped at $0")
    calls = {one.trace_id: one for one in traffic(store, SERVICE, TURN, NOW + timedelta(days=1))}
    assert (calls[good].label, calls[good].label_author) == ("right answer to one", "model:big")
    assert calls[good].signals == ["failed_check"]
    assert sum(one.label != "" for one in calls.values()) == 1


def test_no_model_is_asked_unless_allowed_and_priced(store: Store, tmp_path: Path) -> None:
    """Without the setting, or without a price, nothing is sent and the message says what to set."""
    bare = Settings(data_dir=tmp_path, judge_base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigurationError, match="OUTERLOOP_DATASET_LABEL_MODEL"):
        label_by_model(store, bare, service=SERVICE, limit=1, max_usd=1, now=NOW)
    unpriced = Settings(
        data_dir=tmp_path, judge_base_url="http://127.0.0.1:9/v1", dataset_label_model="mine"
    )
    with pytest.raises(ConfigurationError, match="OUTERLOOP_JUDGE_PRICES"):
        label_by_model(store, unpriced, service=SERVICE, limit=1, max_usd=1, now=NOW)
