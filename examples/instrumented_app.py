"""An app with three lines of Outerloop: one observed function, one wrapped client, one outcome.

It talks to any OpenAI-compatible endpoint and sends to the collector at OUTERLOOP_ENDPOINT (http://127.0.0.1:4318):

    outerloop up &
    OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_API_KEY=none python examples/instrumented_app.py my-model
"""

from __future__ import annotations

import json
import sys

from openai import OpenAI

import monitor

monitor.init(service="loan-extractor", release="2023-11")
client = monitor.wrap(OpenAI())

LOG = """Call date: 2024-01-05
Caller: Hello, this is Maria Lopez, I want to check when I have to pay next.
Caller: It's loan number 123-456789.
Agent: Your payment of $1,234.56 is due on January 15."""


@monitor.observe
def extract(log: str, model: str) -> dict[str, object]:
    """The fields of a call log."""
    reply = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "Extract borrower, amount and due_date as JSON."},
            {"role": "user", "content": log},
        ],
    )
    return dict(json.loads(reply.choices[0].message.content or "{}"))


def main() -> None:
    """Extract once, say how it went, and wait until the collector has it."""
    with monitor.context(session="call-1", tags={"tenant": "acme"}):
        fields = extract(LOG, sys.argv[1])
        right = fields.get("due_date") == "2024-01-15"
        monitor.outcome("servicing_match", right, session="call-1")
    print(fields, monitor.flush())


if __name__ == "__main__":
    main()
