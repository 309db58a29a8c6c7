"""Whether an endpoint can be used, found out before any money is spent."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import openai

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["UnusableEndpointError", "probe"]

NEAREST = 5
LIMIT_S = 15.0


class UnusableEndpointError(Exception):
    """The endpoint cannot be used; the message says what to do."""


async def probe(client: AsyncOpenAI, model: str) -> None:
    """Ask for the list of models, which costs nothing; look for `model` in it.

    An endpoint without such a list gets a chat request with no messages in it, which none answers
    but each refuses in its own way.

    Raises:
        UnusableEndpointError: wrong address, wrong key, or no such model.
    """
    free = client.with_options(max_retries=1, timeout=LIMIT_S)
    where = str(client.base_url)
    try:
        body = await free.get("/models", cast_to=object)
    except (openai.NotFoundError, openai.BadRequestError) as error:
        await _knock(free, where, model, error)
        return
    except openai.OpenAIError as error:
        _explain(error, where)
        return
    offered = _offered(body)
    if offered is None:
        raise UnusableEndpointError(
            f"what answers at {where} is no OpenAI-compatible endpoint: check the base URL"
            " (most end in /v1)"
        )
    # An Azure endpoint lists models and is asked for deployments, which have names of their own.
    if offered and model not in offered and not isinstance(client, openai.AsyncAzureOpenAI):
        near = difflib.get_close_matches(model, offered, NEAREST, 0.0)
        raise UnusableEndpointError(
            f"the endpoint at {where} has no model {model!r}: choose one of its"
            f" {len(offered)} models, e.g. {', '.join(near)}"
        )


async def _knock(client: AsyncOpenAI, where: str, model: str, first: Exception) -> None:
    try:
        await client.post(
            "/chat/completions",
            cast_to=object,
            body={"model": model, "messages": [], "max_tokens": 1},
        )
    except openai.NotFoundError as error:
        if "model" in str(error).lower():
            raise UnusableEndpointError(
                f"the endpoint at {where} has no model {model!r}: {error.message}"
            ) from error
        raise UnusableEndpointError(
            f"nothing OpenAI-compatible answers at {where}: check the base URL (most end in /v1)"
        ) from first
    except (openai.BadRequestError, openai.UnprocessableEntityError):
        return
    except openai.OpenAIError as error:
        _explain(error, where)


def _explain(error: openai.OpenAIError, where: str) -> None:
    """Raise what tells the user what to do; a busy endpoint is a usable one."""
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        raise UnusableEndpointError(
            f"the endpoint at {where} does not accept the API key ({error.status_code}):"
            " set a valid one"
        ) from error
    if isinstance(error, openai.APIConnectionError):
        raise UnusableEndpointError(
            f"nothing answers at {where} ({error.__cause__ or error}): check the base URL, and"
            " whether the endpoint runs"
        ) from error
    if isinstance(error, openai.RateLimitError) and error.code != "insufficient_quota":
        return
    raise UnusableEndpointError(f"the endpoint at {where} cannot be used: {error}") from error


def _offered(body: Any) -> list[str] | None:
    models = body.get("data") if isinstance(body, dict) else None
    if not isinstance(models, list):
        return None
    return [str(one["id"]) for one in models if isinstance(one, dict) and "id" in one]
