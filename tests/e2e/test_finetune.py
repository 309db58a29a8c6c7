"""The fine-tune job as its own process: signed order in, trained model out, killed in the middle, fed with rubbish."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from finetune_sidecar import SECRET, FinetuneSidecar, as_jsonl, dialogues, signed, tiny_base
from openai import OpenAI

from monitor.standins.loopback import LoopbackServer
from tests.conftest import free_port, start, stop

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]


class Program:
    """The job's process, which can be killed and started again."""

    def __init__(self, base: Path, work_dir: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.arguments = [
            "serve", "--base", str(base), "--work-dir", str(work_dir), "--port", str(self.port),
            "--threads", "1", "--checkpoint-seconds", "0",
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self.process: subprocess.Popen[bytes] = start(
            "examples.finetune", *self.arguments, ready=f"{self.url}/healthz",
            PYTHONPATH=str(ROOT), FINETUNE_SECRETS=SECRET,
        )  # fmt: skip

    def deliver(self, order: dict[str, object]) -> httpx.Response:
        """Send it a signed order."""
        body, headers = signed(order)
        return httpx.post(f"{self.url}/retrain", content=body, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The job over a tiny base model."""
    base = tiny_base(tmp_path_factory.mktemp("models") / "tiny")
    one = Program(base, tmp_path_factory.mktemp("work"))
    yield one
    stop(one.process)


@pytest.fixture
def sidecar() -> Iterator[tuple[FinetuneSidecar, str]]:
    """A sidecar with a dataset, and its address."""
    one = FinetuneSidecar(
        {"train.jsonl": as_jsonl(dialogues(56)), "validation.jsonl": as_jsonl(dialogues(28))}
    )
    with LoopbackServer(one.app()) as server:
        yield one, server.url


def test_an_order_becomes_a_model_that_answers(
    program: Program, sidecar: tuple[FinetuneSidecar, str]
) -> None:
    """Received once, trained, reported, saved with its lineage, served on OpenAI's API."""
    one, url = sidecar
    one.busy = 1  # the callback is told again
    order = one.order(url, "rt-good", epochs=20, learning_rate=5e-3)
    assert program.deliver(order).status_code == 202
    assert program.deliver(order).json() == {"accepted": "rt-good", "repeated": True}
    candidate = one.wait("finished")
    kinds = [event["type"] for event in one.events]
    assert kinds[0] == "retrain.started"
    assert kinds.count("retrain.finished") == 1
    metrics = candidate["metrics"]
    assert metrics["validation_loss"] < metrics["validation_loss_base"] / 3
    client = OpenAI(base_url=candidate["endpoint"], api_key="none", max_retries=0)
    question = {"role": "user", "content": "Call date: 2024-01-02\ndue on January 7."}
    reply = client.chat.completions.create(
        model=candidate["model"], messages=[question], temperature=0
    )
    assert str(reply.choices[0].message.content).startswith('{"due_date": "2024-01-')
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage
    assert reply.usage.completion_tokens == 13
    folder = Path(candidate["artifact"].removeprefix("file://"))
    lineage = json.loads((folder / "lineage.json").read_bytes())
    assert lineage["dataset"]["version"] == "ds-1"
    assert lineage["losses"][-1] < lineage["losses"][0]
    assert "rt-good" in (folder / "README.md").read_text("utf-8")


def test_killed_in_training_it_goes_on_where_it_was(
    program: Program, sidecar: tuple[FinetuneSidecar, str]
) -> None:
    """After `kill -9` and a new start the same order is finished once, from its checkpoint."""
    one, url = sidecar
    order = one.order(url, "rt-killed", epochs=150, learning_rate=1e-3)
    program.deliver(order)
    one.wait("progress")
    program.process.send_signal(signal.SIGKILL)
    program.process.wait()
    assert not [event for event in one.events if event["type"] == "retrain.finished"]
    program.start()
    candidate = one.wait("finished")
    folder = Path(candidate["artifact"].removeprefix("file://"))
    lineage = json.loads((folder / "lineage.json").read_bytes())
    assert lineage["resumed_at_step"] > 0
    assert len(lineage["losses"]) == 600
    started = [event["id"] for event in one.events if event["type"] == "retrain.started"]
    assert set(started) == {"rt-killed-started"}
    assert program.deliver(order).json()["repeated"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"train.jsonl": b"changed\n"}, "promised was"),
        ({"train.jsonl": None}, "404"),
    ],
)
def test_bad_data_fails_visibly(
    program: Program,
    sidecar: tuple[FinetuneSidecar, str],
    spoil: dict[str, bytes | None],
    reason: str,
) -> None:
    """The callback hears why, and no model comes of it."""
    one, url = sidecar
    order = one.order(url, f"rt-bad-{reason[:3]}")
    for name, content in spoil.items():
        del one.files[name]
        if content is not None:
            one.files[name] = content
    program.deliver(order)
    deadline = time.monotonic() + 60
    failed: list[str] = []
    while not failed and time.monotonic() < deadline:
        failed = [e["data"]["reason"] for e in one.events if e["type"] == "retrain.failed"]
        time.sleep(0.02)
    assert failed
    assert reason in failed[0]


def test_what_is_unsigned_is_refused(program: Program) -> None:
    """And leaves no trace but in the account."""
    before = httpx.get(program.url).json()
    refused = httpx.post(f"{program.url}/retrain", json={"type": "retrain.requested", "data": {}})
    assert refused.status_code == 401
    after = httpx.get(program.url).json()
    assert after["deliveries_refused"] == before["deliveries_refused"] + 1
    assert after["retrains"] == before["retrains"]


def test_the_models_refuse_what_makes_no_sense(program: Program) -> None:
    """Unknown models, bodies that are no chat, and more text than the context holds."""
    url = f"{program.url}/v1/chat/completions"
    asked = {
        "model": "tiny-rt-good",
        "messages": [{"role": "user", "content": "x" * 900}],
    }
    assert httpx.post(url, json={**asked, "model": "other"}).status_code == 404
    assert httpx.post(url, content=b"{").status_code == 400
    assert httpx.post(url, json={**asked, "messages": []}).status_code == 400
    too_long = httpx.post(url, json=asked, timeout=30)
    assert too_long.json()["error"]["code"] == "context_length_exceeded"


def test_without_a_secret_it_does_not_start(tmp_path: Path) -> None:
    """An open door for orders would be a way to run training for anybody."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("FINETUNE_SECRETS", None)
    with suppress(subprocess.TimeoutExpired):
        import sys

        done = subprocess.run(
            [sys.executable, "-m", "examples.finetune", "serve", "--base", str(tmp_path),
             "--work-dir", str(tmp_path)],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "unsigned orders are refused" in done.stderr
        return
    raise AssertionError("it runs without a secret")
