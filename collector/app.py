"""The collector's HTTP surface: OTLP in, health and figures out. Read on in `front` and `intake`."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from collector import langfuse
from collector.body import PATIENCE, Patience, Room
from collector.front import Front
from collector.metrics import exposition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from collector.intake import Intake
    from collector.ledger import Ledger
    from collector.wal import Wal
    from collector.writer import Writer

__all__ = ["Collector", "create_app"]

IN_FLIGHT_BYTES = 512 << 20
COUNT_EVERY_S = 1.0
PATHS_TEXT = (
    "no such path here; OTLP/HTTP goes to POST /v1/traces, /v1/logs and /v1/metrics,"
    " and there are GET /healthz, /readyz and /metrics\n"
)


@dataclass(frozen=True, slots=True)
class Collector:
    """The parts behind the protocols."""

    wal: Wal
    """Keeps requests until the store has them."""
    ledger: Ledger
    """Counts them."""
    writer: Writer
    """Moves them into the store."""
    intake: Intake
    """Takes them in."""
    room: Room = field(default_factory=lambda: Room(IN_FLIGHT_BYTES))
    """Bounds what is in flight, over all protocols."""
    tally: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Answers by protocol, signal and status."""


def create_app(
    collector: Collector,
    *,
    token: str | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    patience: Patience = PATIENCE,
) -> Front:
    """The ASGI application.

    Args:
        collector: the parts.
        token: required as `Authorization: Bearer …` on the OTLP routes, when set.
        extra_routes: of other parts of Outerloop that answer on this port; they guard themselves.
        patience: with a body's arrival.
    """
    figures = [
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, collector)),
        Route("/metrics", partial(_metrics, collector)),
    ]
    others = Starlette(
        routes=[*figures, *langfuse.routes(collector.intake, collector.room, token), *extra_routes],
        exception_handlers={404: _nowhere},
        lifespan=partial(_count_regularly, collector),
    )
    others.router.redirect_slashes = False
    return Front(
        collector.intake, collector.room, collector.tally, others, token=token, patience=patience
    )


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _readyz(collector: Collector, _request: Request) -> Response:
    reasons = {"wal": collector.wal.problem, "store": collector.writer.problem}
    ready = not any(reasons.values())
    return JSONResponse({"ready": ready, **reasons}, 200 if ready else 503)


async def _metrics(collector: Collector, _request: Request) -> Response:
    text = exposition(collector.wal, collector.ledger, collector.writer)
    return PlainTextResponse(
        text + _requests(collector.tally), media_type="text/plain; version=0.0.4"
    )


def _requests(tally: Counter[tuple[str, str, str]]) -> str:
    name = "outerloop_collector_requests_total"
    lines = [f"# HELP {name} OTLP requests answered, by status.", f"# TYPE {name} counter"]
    for (protocol, signal, status), number in sorted(tally.items()):
        labels = f'protocol="{protocol}",signal="{signal}",status="{status}"'
        lines.append(f"{name}{{{labels}}} {number}")
    return "\n".join(lines) + "\n"


async def _nowhere(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse(PATHS_TEXT, 404)


@asynccontextmanager
async def _count_regularly(collector: Collector, _app: Starlette) -> AsyncIterator[None]:
    """Put the gathered counts into the log every second, and once more at the end."""

    async def count() -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY_S)
            await collector.intake.record_counts()

    task = asyncio.create_task(count())
    yield
    task.cancel()
    await collector.intake.record_counts()
