"""What the Langfuse SDK asks besides OTLP, so that its users change the host and nothing else.

* Scores (`/api/public/ingestion`) become the same evaluation events as our own SDK's feedback.
  Its old tracing events on that path are refused one by one: since version 3 it traces by OTLP.
* Images and files (`/api/public/media`): the answer is that no upload is wanted. We do not keep
  them; the call keeps its reference.
* Its check of the credentials (`/api/public/projects`) is answered, since they were checked.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.access import authorize
from collector.answers import RETRY_AFTER_S, Refusal
from collector.body import Room, read, unpack
from collector.wal import NotDurableError
from monitor import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from collector.intake import Intake

__all__ = ["evaluation", "routes"]

LIMIT_BYTES = 8 << 20
"""Langfuse's own limit is 3.5 MB."""
SCORE, LOG_LINE = "score-create", "sdk-log"
PROJECT = {"id": "outerloop", "name": "outerloop", "metadata": {},
           "organization": {"id": "outerloop", "name": "outerloop"}}  # fmt: skip


def routes(intake: Intake, room: Room, token: str | None) -> list[Route]:
    """The routes, each guarded by the token like OTLP."""
    desk = _Desk(intake, room, token)
    return [
        Route("/api/public/ingestion", desk.answering(desk.ingest), methods=["POST"]),
        Route("/api/public/media", desk.answering(desk.decline_media), methods=["POST"]),
        Route("/api/public/projects", desk.answering(desk.projects), methods=["GET"]),
    ]


class _Desk:
    """Serves the SDK."""

    def __init__(self, intake: Intake, room: Room, token: str | None) -> None:
        self._intake, self._room, self._token = intake, room, token

    def answering(
        self, serve: Callable[[Any], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """`serve`, given the document that a sender who may send has sent."""

        async def endpoint(request: Request) -> Response:
            try:
                authorize(request.headers.get("authorization", ""), self._token)
                return await serve(await self._document(request))
            except Refusal as refusal:
                return JSONResponse({"message": str(refusal)}, refusal.status)
            except NotDurableError as error:
                headers = {"Retry-After": str(RETRY_AFTER_S)}
                return JSONResponse({"message": str(error)}, 503, headers)

        return endpoint

    async def _document(self, request: Request) -> Any:
        if request.method == "GET":
            return {}
        length = request.headers.get("content-length", "").encode()
        raw = await read(request.receive, self._room, announced=length, limit=LIMIT_BYTES)
        try:
            body = await unpack(raw, request.headers.get("content-encoding", ""))
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "malformed", f"the body is not JSON: {error}") from error
        finally:
            self._room.give(len(raw))
        if not isinstance(document, dict):
            raise Refusal(400, "malformed", "the body is not a JSON object")
        return document

    async def ingest(self, document: dict[str, Any]) -> Response:
        """Keep the scores; answers each event for itself, as Langfuse does."""
        events = document.get("batch")
        if not isinstance(events, list):
            raise Refusal(400, "malformed", "the body has no list `batch`")
        request, good, bad = ExportLogsServiceRequest(), [], []
        records = request.resource_logs.add().scope_logs.add().log_records
        for event in events:
            name = str(event.get("id", "")) if isinstance(event, dict) else ""
            try:
                record = evaluation(event)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._intake.reject("logs", "malformed")
                bad.append({"id": name, "status": 400, "message": f"{error}"})
                continue
            good.append({"id": name, "status": 201})
            if record is not None:
                records.add().CopyFrom(record)
        if records:
            await self._intake.take("logs", request.SerializeToString())
        return JSONResponse({"successes": good, "errors": bad}, 207)

    async def decline_media(self, document: dict[str, Any]) -> Response:
        """Say that there is nothing to upload; the id is the one that the SDK makes itself."""
        digest = str(document.get("sha256Hash", ""))
        media_id = digest.replace("+", "-").replace("/", "_")[:22]
        return JSONResponse({"mediaId": media_id, "uploadUrl": None}, 201)

    async def projects(self, _document: dict[str, Any]) -> Response:
        """The one project that there is."""
        return JSONResponse({"data": [PROJECT]})


def evaluation(event: dict[str, Any]) -> Any:
    """The log record for a score; None for what is only the SDK's own log.

    Raises:
        ValueError: it is another event, or the score has no name, value or target.
    """
    kind = event["type"]
    if kind == LOG_LINE:
        return None
    if kind != SCORE:
        raise ValueError(f"{str(kind)[:40]!r} is not taken here; version 3 of the SDK sends OTLP")
    score = event["body"]
    record = ExportLogsServiceRequest().resource_logs.add().scope_logs.add().log_records.add()
    record.event_name = v.EVALUATION_EVENT
    record.time_unix_nano = _nanoseconds(score.get("timestamp") or event["timestamp"])
    target = _aim(record, score)
    attributes = {
        v.EVALUATION_NAME: _text(score, "name"),
        v.EVALUATION_EXPLANATION: score.get("comment"),
        v.OUTERLOOP_SCORE_ID: str(score.get("id") or event["id"]),
        v.OUTERLOOP_SCORE_TARGET: target,
        v.SESSION_ID: score.get("sessionId"),
        **_verdict(score),
    }
    for key, value in attributes.items():
        if value is None:
            continue
        holder = record.attributes.add(key=key).value
        if isinstance(value, float):
            holder.double_value = value
        else:
            holder.string_value = str(value)
    return record


def _aim(record: Any, score: dict[str, Any]) -> str:
    """Set the ids; returns what the score is about."""
    trace_id, span_id = score.get("traceId"), score.get("observationId")
    if trace_id is None:
        _text(score, "sessionId")
        return "session"
    record.trace_id = bytes.fromhex(str(trace_id).replace("-", ""))
    if len(record.trace_id) != 16:
        raise ValueError("traceId is not 32 hexadecimal digits")
    if span_id is None:
        return "trace"
    record.span_id = bytes.fromhex(str(span_id))
    if len(record.span_id) != 8:
        raise ValueError("observationId is not 16 hexadecimal digits")
    return "call"


def _verdict(score: dict[str, Any]) -> dict[str, float | str]:
    """A number, a text, or both."""
    value, label = score.get("value"), score.get("stringValue")
    if isinstance(value, str):
        value, label = None, value
    verdict: dict[str, float | str] = {}
    if value is not None:
        verdict[v.EVALUATION_VALUE] = float(value)
        if not math.isfinite(value):
            raise ValueError("value is not a finite number")
    if label is not None:
        verdict[v.EVALUATION_LABEL] = str(label)
    if not verdict:
        raise ValueError("the score has no value")
    return verdict


def _text(score: dict[str, Any], name: str) -> str:
    value = score.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the score has no {name}")
    return value


def _nanoseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000) * 1000
