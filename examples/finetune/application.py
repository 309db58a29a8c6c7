"""The webhook and the models on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError
from standardwebhooks import WebhookVerificationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from examples.finetune.chat import routes
from examples.finetune.protocol import Requested, TrainingError, verify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from examples.finetune.job import Job

__all__ = ["app"]

MAX_BODY_BYTES = 1 << 20


@dataclass(slots=True)
class _Account:
    verified: int = 0
    """Deliveries whose signature was right, repeated ones included."""
    refused: int = 0


def app(job: Job, secrets: Sequence[str]) -> Starlette:
    """`POST /retrain`, the account of deliveries under `/`, and the models."""
    account = _Account()

    async def receive(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return JSONResponse({"error": f"more than {MAX_BODY_BYTES} bytes"}, 413)
        try:
            told = verify(bytes(body), request.headers, secrets)
        except WebhookVerificationError as error:
            account.refused += 1
            return JSONResponse({"error": f"signature refused: {error}"}, 401)
        account.verified += 1
        return _take(job, told)

    async def tell(_: Request) -> Response:
        return JSONResponse(
            {
                "deliveries_verified": account.verified,
                "deliveries_refused": account.refused,
                "retrains": job.book.known(),
                "open": job.book.open(),
                "models": job.shelf.names(),
                "simulated": False,
            }
        )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        job.resume()
        yield
        await job.stop()

    own = [Route("/retrain", receive, methods=["POST"]), Route("/", tell)]
    return Starlette(routes=[*own, *routes(job.shelf)], lifespan=lifespan)


def _take(job: Job, told: object) -> Response:
    """Keep the order on disk before saying yes; one that is known already is not begun again."""
    try:
        message = Requested.model_validate(told)
    except ValidationError as error:
        return JSONResponse({"error": f"not a retrain request: {error}"}, 400)
    if message.type != "retrain.requested":
        return JSONResponse({"error": f"{message.type} is nothing this job does"}, 400)
    order = message.data
    try:
        fresh = job.book.accept(order)
    except TrainingError as error:
        return JSONResponse({"error": str(error)}, 409)
    if fresh:
        job.begin(order.retrain_id)
    return JSONResponse(
        {"accepted": order.retrain_id, "repeated": not fresh}, 202 if fresh else 200
    )
