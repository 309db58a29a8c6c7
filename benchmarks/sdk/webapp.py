"""A small FastAPI app as people write them: observed functions, one wrapped client.

Run by `benchmarks.sdk.apps`, which tells where the model and the collector are by the environment.
"""

from __future__ import annotations

import os

from fastapi import FastAPI
from openai import AsyncOpenAI
from pydantic import BaseModel

import monitor

__all__ = ["app"]

monitor.init(service="web")
client = monitor.wrap(AsyncOpenAI(base_url=os.environ["MODEL_URL"], api_key="x"))
app = FastAPI()


class Question(BaseModel):
    """What comes in."""

    text: str


@monitor.observe(kind="retriever")
def look_up(question: str) -> list[str]:
    """The app's own step before the model."""
    return [word for word in question.split() if len(word) > 8][:3]


@monitor.observe
async def reply(question: str) -> str:
    """One step, one model call."""
    facts = ", ".join(look_up(question))
    completion = await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "system", "content": facts}, {"role": "user", "content": question}],
    )
    return str(completion.choices[0].message.content)


@app.post("/answer")
async def answer(question: Question) -> dict[str, str]:
    """The way in."""
    with monitor.context(session=question.text[:8]):
        return {"text": await reply(question.text)}


@app.get("/ready")
async def ready() -> dict[str, str]:
    """For whoever waits for the start."""
    return {}
