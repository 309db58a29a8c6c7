"""The models behind OpenAI's chat API: `/v1/chat/completions`, `/v1/models`, `/healthz`."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from examples.finetune.dialogues import prompt_tokens
from examples.finetune.generation import Question
from examples.finetune.protocol import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from examples.finetune.generation import Answer, Shelf

__all__ = ["routes"]

DEFAULT_MAX_TOKENS = 512


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[dict[str, Any]] | None = None


class _StreamOptions(BaseModel):
    include_usage: bool = False


class _Asked(BaseModel):
    """What of OpenAI's request is understood; the rest changes nothing."""

    model: str
    messages: Annotated[list[_Message], Field(min_length=1)]
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=0.0, ge=0, le=2)
    seed: int | None = None
    n: int | None = Field(default=1, ge=1, le=1)
    stream: bool | None = False
    stream_options: _StreamOptions | None = None


def routes(shelf: Shelf) -> list[Route]:
    """For whatever the shelf holds when a request comes."""

    async def complete(request: Request) -> Response:
        try:
            asked = _Asked.model_validate_json(await request.body())
        except ValidationError as error:
            return _refuse(400, "invalid_request_error", f"not a chat request: {error}")
        if asked.model not in shelf.names():
            known = ", ".join(shelf.names()) or "none yet"
            return _refuse(404, "model_not_found", f"There is no {asked.model!r}; there is {known}")
        return await _answer(shelf, asked)

    async def listed(_: Request) -> Response:
        data = [
            {"id": name, "object": "model", "created": 0, "owned_by": "examples.finetune"}
            for name in shelf.names()
        ]
        return JSONResponse({"object": "list", "data": data})

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "models": shelf.names()})

    return [
        Route("/v1/chat/completions", complete, methods=["POST"]),
        Route("/v1/models", listed),
        Route("/healthz", alive),
    ]


async def _answer(shelf: Shelf, asked: _Asked) -> Response:
    try:
        writer = shelf.ready(asked.model)
        if writer is None:
            writer = await asyncio.to_thread(shelf.take, asked.model)
    except TrainingError as error:
        return _refuse(503, "model_not_loaded", str(error))
    tokenizer, context = writer.loaded.tokenizer, writer.loaded.context
    prompt = prompt_tokens(tokenizer, [_plain(one) for one in asked.messages])
    if len(prompt) >= context:
        return _refuse(
            400, "context_length_exceeded", f"{len(prompt)} tokens; the context is {context}"
        )
    wanted = asked.max_completion_tokens or asked.max_tokens or DEFAULT_MAX_TOKENS
    question = Question(
        prompt, min(wanted, context - len(prompt)), asked.temperature or 0.0, asked.seed or 0
    )
    try:
        answer = await asyncio.wrap_future(writer.ask(question))
    except RuntimeError as error:  # torch's own, out of memory included
        return _refuse(500, "server_error", f"the model failed: {error}")
    text = str(tokenizer.decode(answer.tokens, skip_special_tokens=True))
    return _say(asked, text, answer, len(prompt))


def _say(asked: _Asked, text: str, answer: Answer, given: int) -> Response:
    usage = {
        "prompt_tokens": given,
        "completion_tokens": answer.written,
        "total_tokens": given + answer.written,
    }
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}",
        "created": int(time.time()),
        "model": asked.model,
    }
    if asked.stream:
        counted = usage if asked.stream_options and asked.stream_options.include_usage else None
        events = _events(head, text, answer.finish_reason, counted)
        return StreamingResponse(events, media_type="text/event-stream")
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": answer.finish_reason,
    }
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _events(
    head: dict[str, Any], text: str, reason: str, usage: dict[str, int] | None
) -> Iterator[str]:
    """The stream's form; the text comes in one piece, once it is written."""
    head = {**head, "object": "chat.completion.chunk"}
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": text}, None),
        ({}, reason),
    ]
    for delta, end in deltas:
        choices = [{"index": 0, "delta": delta, "finish_reason": end}]
        yield f"data: {json.dumps({**head, 'choices': choices})}\n\n"
    if usage is not None:
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': usage})}\n\n"
    yield "data: [DONE]\n\n"


def _plain(message: _Message) -> dict[str, Any]:
    content = message.content
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content)
    return {**message.model_dump(exclude_none=True), "content": content or ""}


def _refuse(status: int, code: str, message: str) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status)
