"""Images and recordings in base64 are no text: they leave type, hash and size in the store."""

from __future__ import annotations

import base64
import hashlib
import json
import random
from typing import Any

import pytest
from normalisation_captures import insert, read, span

from monitor import vocabulary as v
from monitor.store import Store

pytestmark = pytest.mark.integration

PNG = b"\x89PNG\r\n\x1a\n" + random.Random(3).randbytes(3000)
WAV = b"RIFF\x00\x00\x00\x00WAVE" + random.Random(4).randbytes(1000)
RAW, SOUND = base64.b64encode(PNG).decode(), base64.b64encode(WAV).decode()
URI = f"data:image/png;base64,{RAW}"
LEFT = f"data:image/png;sha256={hashlib.sha256(PNG).hexdigest()};bytes={len(PNG)}"
HEARD = f"data:audio/wav;sha256={hashlib.sha256(WAV).hexdigest()};bytes={len(WAV)}"
CALL = {v.OPERATION: "chat", v.REQUEST_MODEL: "m"}


def message(*parts: dict[str, Any]) -> str:
    """One message of the GenAI convention."""
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": "what?"}, *parts]}])


@pytest.mark.parametrize(
    ("attributes", "left"),
    [
        ({v.INPUT_MESSAGES: message({"type": "blob", "mime_type": "image/png", "content": RAW})}, LEFT),
        ({v.INPUT_MESSAGES: message({"type": "uri", "uri": URI})}, LEFT),
        ({v.OUTPUT_MESSAGES: message({"type": "blob", "content": SOUND})}, HEARD),
        ({"input.value": f"look: {URI} and {URI}."}, LEFT),
        ({"llm.input_messages.0.message.contents.0.message_content.image.image.url": URI,
          "llm.input_messages.0.message.role": "user"}, LEFT),
        ({"input.value": json.dumps({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": URI}}]}]})}, LEFT),
        ({"langfuse.observation.input": json.dumps([{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": RAW}}]}])}, ""),
    ],
)  # fmt: skip
def test_no_base64_in_a_call(store: Store, attributes: dict[str, str], left: str) -> None:
    """Whatever spelling brings an image, the call keeps a placeholder and not one run of its bytes."""
    insert(store, [span(1, {**CALL, **attributes})])
    [row] = read(store, "SELECT * FROM calls")
    text = json.dumps(
        [row[one] for one in ("input", "output", "input_messages", "output_messages")]
    )
    assert RAW[:64] not in text
    assert SOUND[:64] not in text
    assert left in text.replace("\\\\/", "/")
    assert all(
        json.loads(row[one] or "[]") is not None for one in ("input_messages", "output_messages")
    )


def test_no_base64_in_a_step(store: Store) -> None:
    """A tool that takes or gives an image keeps what is said around it."""
    told = {
        v.OUTERLOOP_INPUT: json.dumps({"image": URI}),
        v.OUTERLOOP_OUTPUT: json.dumps({"data": RAW}),
    }
    insert(store, [span(1, told)])
    [row] = read(store, "SELECT input, output FROM steps")
    assert (json.loads(row["input"]), json.loads(row["output"])) == (
        {"image": LEFT},
        {"data": LEFT},
    )


@pytest.mark.parametrize(
    "text", ["A" * 5000, 'the word base64, told; "blob" too ' * 20, "iVBORw0KGgo", "a/b/c/" * 200]
)
def test_text_stays_text(store: Store, text: str) -> None:
    """What only looks a little like base64 is kept as it is."""
    insert(store, [span(1, {**CALL, "input.value": text})])
    [row] = read(store, "SELECT input FROM calls")
    assert row["input"] == text
