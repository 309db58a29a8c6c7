"""A fine-tune job for the tests, done in no time: a program that knows only the protocol.

It takes the signed webhook, fetches and verifies the dataset, trains the simulated extractor (the
protocol is real, the model is the declared simulation of `simulated_extractor`), reports
over the callback and serves the candidate on an OpenAI-compatible endpoint. What it has accepted
survives a restart.

Run, in this folder: `python -m simulated_finetune --port 9100 --secret whsec_… --work-dir jobs
--base-weights 2023.json`, and set OUTERLOOP_RETRAIN_WEBHOOK_URL=http://127.0.0.1:9100/retrain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError
from simulated_extractor import (
    TrainingExample,
    Weights,
    error_rate,
    leave_quietly,
    load,
    save,
    train,
)
from simulated_extractor import routes as model_routes
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Job", "app"]

log = logging.getLogger(__name__)
STEPS = 4
"""How often a training run reports its loss."""
ATTEMPTS = 6
"""How often a callback or a download is tried, with doubling pauses from a quarter of a second."""
LAST_WORDS = ("finished", "failed")
LAST_WORD_ATTEMPTS = 3000
"""Of a run's last event: for about a day, in pauses of up to `LONGEST_PAUSE_S`."""
LONGEST_PAUSE_S = 30
TIMEOUT_S = 10


class TrainingError(Exception):
    """Training cannot be done; the message is what the callback reports."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DataFile(_Body):
    """One file of the dataset."""

    split: str
    url: AnyHttpUrl
    sha256: str
    rows: int


class Dataset(_Body):
    """What to train on."""

    version: str
    format: str
    files: tuple[DataFile, ...]


class Callback(_Body):
    """Where to report."""

    url: AnyHttpUrl
    token: str


class Fetch(_Body):
    """How to fetch."""

    headers: dict[str, str] = Field(default_factory=dict)


class Order(_Body):
    """`data` of `retrain.requested`."""

    retrain_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    base_release: str = ""
    dataset: Dataset
    fetch: Fetch = Fetch()
    callback: Callback


class Requested(_Body):
    """`retrain.requested`."""

    type: str
    data: Order


@dataclass(slots=True)
class Job:
    """The job's state: orders accepted (files under `work_dir`), models served."""

    webhook: Webhook
    work_dir: Path
    base: Weights
    endpoint: str
    """Under which address the candidates are reached, `http://host:port/v1`."""
    deliveries: int = 0
    """Verified webhook deliveries, repeated ones included."""
    refused: int = 0
    models: dict[str, Weights] = field(default_factory=dict)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def folder(self, retrain_id: str) -> Path:
        """Where everything about one order lies."""
        return self.work_dir / retrain_id

    def known(self) -> list[str]:
        """Retrain ids of every order ever accepted."""
        return sorted(path.parent.name for path in self.work_dir.glob("*/order.json"))

    def resume(self) -> None:
        """Serve what was trained before, and go on with what was not finished."""
        for path in self.work_dir.glob("*/weights.json"):
            weights = load(path)
            self.models[weights.name] = weights
        for retrain_id in self.known():
            if not (self.folder(retrain_id) / "reported.json").exists():
                self.begin(retrain_id)

    def begin(self, retrain_id: str) -> None:
        """Work on an accepted order, beside everything else."""
        task = asyncio.create_task(self._work(retrain_id))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _work(self, retrain_id: str) -> None:
        folder = self.folder(retrain_id)
        order = Order.model_validate_json((folder / "order.json").read_bytes())
        report = Report(order)
        try:
            await self._train(order, report, folder)
        except TrainingError as error:
            log.warning("training failed", extra={"retrain_id": retrain_id, "reason": str(error)})
            await report.send("failed", {"reason": str(error)})
        except Exception as error:  # a fault of this program: the other end must learn of it
            log.exception("training crashed", extra={"retrain_id": retrain_id})
            await report.send("failed", {"reason": f"the job crashed: {error!r}"})
        _write(folder / "reported.json", json.dumps({"callbacks": report.told}))

    async def _train(self, order: Order, report: Report, folder: Path) -> None:
        await report.send("started", {"job": "outerloop stand-in fine-tune job (simulated model)"})
        data = await run_in_threadpool(fetch, order)
        learn, check = data.get("train", []), data.get("validation") or data.get("train", [])
        if not learn:
            raise TrainingError("the dataset has no training example")
        weights = self.base
        for step in range(1, STEPS + 1):
            part = learn[: max(1, len(learn) * step // STEPS)]
            name = f"extractor-{order.retrain_id}"
            weights = await run_in_threadpool(train, part, self.base, name)
            loss = await run_in_threadpool(error_rate, check, weights)
            note = f"share of wrong answers on {len(check)} validation examples: {loss:.4f}"
            await report.send(
                "progress",
                {"step": step, "steps": STEPS, "loss": loss, "note": note},
                suffix=f"-{step}",
            )
        save(weights, folder / "weights.json")
        self.models[weights.name] = weights
        before = await run_in_threadpool(error_rate, check, self.base)
        candidate = {
            "release": weights.name,
            "model": weights.name,
            "endpoint": self.endpoint,
            "artifact": (folder / "weights.json").absolute().as_uri(),
            "note": f"simulated extractor, {weights.trained_on}, dataset {order.dataset.version}",
            "metrics": {"validation_error_rate": loss, "validation_error_rate_base": before},
        }
        await report.send("finished", candidate)


@dataclass(slots=True)
class Report:
    """Tells the callback what happens, at least once: the same event always has the same id."""

    order: Order
    told: list[str] = field(default_factory=list)

    async def send(self, event: str, data: dict[str, Any], *, suffix: str = "") -> None:
        """Tell one event; the last word of a run is told for a day, the others are dropped sooner.

        An answer that says no for good ends it at once.
        """
        attempts = LAST_WORD_ATTEMPTS if event in LAST_WORDS else ATTEMPTS
        identity = f"{self.order.retrain_id}-{event}{suffix}"
        body = {"type": f"retrain.{event}", "id": identity, "data": data}
        headers = {"authorization": f"Bearer {self.order.callback.token}"}
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            for attempt in range(attempts):
                try:
                    answer = await client.post(
                        str(self.order.callback.url), json=body, headers=headers
                    )
                except httpx.HTTPError as error:
                    problem = repr(error)
                else:
                    if answer.is_success:
                        self.told.append(f"{identity}: {answer.status_code}")
                        return
                    problem = f"{answer.status_code} {answer.text[:300]}"
                    if _final(answer):
                        break
                await asyncio.sleep(min(0.25 * 2 ** min(attempt, 10), LONGEST_PAUSE_S))
        self.told.append(f"{identity}: {problem}")
        log.error("callback not taken", extra={"event": identity, "problem": problem})


def _final(answer: httpx.Response) -> bool:
    """Whether asking again is pointless: the fault is ours, and not that we ask too often."""
    return (
        answer.is_client_error and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
    ) or answer.is_redirect


def fetch(order: Order) -> dict[str, list[TrainingExample]]:
    """Every file of the dataset, verified, by split.

    Raises:
        TrainingError: a file cannot be had, is not the one that was promised, or is no chat
            fine-tune file.
    """
    return {
        file.split: _examples(file, _download(file, order.fetch.headers))
        for file in order.dataset.files
    }


def _download(file: DataFile, headers: dict[str, str]) -> bytes:
    problem = ""
    for attempt in range(ATTEMPTS):
        try:
            answer = httpx.get(str(file.url), headers=headers, timeout=TIMEOUT_S)
        except httpx.HTTPError as error:
            problem = repr(error)
        else:
            if answer.is_success:
                return _verified(file, answer.content)
            problem = f"{answer.status_code} {answer.text[:300]}"
            if _final(answer):
                break
        time.sleep(0.25 * 2**attempt)
    raise TrainingError(f"{file.url} cannot be fetched: {problem}")


def _verified(file: DataFile, content: bytes) -> bytes:
    found = sha256(content).hexdigest()
    if found != file.sha256:
        raise TrainingError(f"{file.url} has sha256 {found}, promised was {file.sha256}")
    return content


def _examples(file: DataFile, content: bytes) -> list[TrainingExample]:
    try:
        examples = [_example(json.loads(line)["messages"]) for line in content.splitlines() if line]
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise TrainingError(f"{file.url} is no chat fine-tune file: {error!r}") from error
    if len(examples) != file.rows:
        raise TrainingError(f"{file.url} has {len(examples)} rows, promised were {file.rows}")
    return examples


def _example(messages: Sequence[dict[str, Any]]) -> TrainingExample:
    log_text = next(one["content"] for one in reversed(messages) if one["role"] == "user")
    if messages[-1]["role"] != "assistant":
        raise ValueError("the last message is not the assistant's")
    json.loads(messages[-1]["content"])  # the extractor learns from JSON answers only
    return TrainingExample(log_text, messages[-1]["content"])


def app(job: Job) -> Starlette:
    """The webhook, a health check, the account of deliveries, and the models that came out."""

    async def receive(request: Request) -> Response:
        body = await request.body()
        try:
            told = job.webhook.verify(body, dict(request.headers))
        except (
            WebhookVerificationError,
            ValueError,
        ) as error:  # ValueError: a signature that is no base64
            job.refused += 1
            return JSONResponse({"error": f"signature refused: {error}"}, 401)
        job.deliveries += 1
        try:
            message = Requested.model_validate(told)
        except ValidationError as error:
            return JSONResponse({"error": f"not a retrain request: {error}"}, 400)
        if message.type != "retrain.requested":
            return JSONResponse({"error": f"{message.type} is nothing this job does"}, 400)
        return _accept(job, message.data)

    async def account(_: Request) -> Response:
        return JSONResponse(
            {
                "deliveries_verified": job.deliveries,
                "deliveries_refused": job.refused,
                "retrains": job.known(),
                "models": sorted(job.models),
                "simulated": True,
            }
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        job.resume()
        yield
        for task in job.running:
            task.cancel()
        await asyncio.gather(*job.running, return_exceptions=True)

    own = [Route("/retrain", receive, methods=["POST"]), Route("/", account)]
    return Starlette(routes=[*own, *model_routes(job.models)], lifespan=lifespan)


def _accept(job: Job, order: Order) -> Response:
    """Keep the order on disk before saying yes; one that is known already is not begun again."""
    folder = job.folder(order.retrain_id)
    if (folder / "order.json").exists():
        return JSONResponse({"accepted": order.retrain_id, "repeated": True})
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "order.json", order.model_dump_json())
    job.begin(order.retrain_id)
    return JSONResponse({"accepted": order.retrain_id, "repeated": False}, 202)


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)


async def serve(job: Job, host: str, ports: Sequence[int]) -> None:
    """Listen on every port (the webhook's, and the models' where they have one of their own)."""
    first = uvicorn.Server(uvicorn.Config(app(job), host, ports[0], log_level="warning"))
    others = [
        uvicorn.Server(
            uvicorn.Config(
                Starlette(routes=model_routes(job.models)), host, port, log_level="warning"
            )
        )
        for port in ports[1:]
    ]
    await asyncio.gather(*(server.serve() for server in (first, *others)))


def main() -> None:
    """Serve until stopped."""
    leave_quietly()
    parser = argparse.ArgumentParser(
        description="A fine-tune job that knows only the retrain protocol."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret", required=True, help="Standard Webhooks secret, whsec_…")
    parser.add_argument("--work-dir", type=Path, required=True)
    parser.add_argument("--base-weights", type=Path, required=True)
    parser.add_argument(
        "--serve-port", type=int, help="another port for the models; default: the same one"
    )
    parser.add_argument("--host", default="127.0.0.1")
    given = parser.parse_args()
    models = given.serve_port or given.port
    given.work_dir.mkdir(parents=True, exist_ok=True)
    endpoint = f"http://{given.host}:{models}/v1"
    job = Job(Webhook(given.secret), given.work_dir, load(given.base_weights), endpoint)
    asyncio.run(
        serve(job, given.host, sorted({given.port, models}, key=lambda port: port != given.port))
    )


if __name__ == "__main__":
    main()
