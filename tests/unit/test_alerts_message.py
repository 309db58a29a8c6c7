"""The Slack message: readable snapshots of every state, and Slack's limits held in any case."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.message import SlackMessage, incident_blocks
from monitor.incidents import (
    ChangePoint,
    Confirmation,
    Example,
    Hypothesis,
    Incident,
    IncidentDetails,
    SliceShare,
)
from monitor.standins.blockkit import problems

SNAPSHOTS = Path(__file__).parents[1] / "data" / "slack"
URL = "http://127.0.0.1:8501"
TURN = datetime(2024, 1, 1, tzinfo=UTC)
OPENED = IncidentDetails(
    summary="Since 1 January, due_date names the year 2023 where the call means 2024.",
    release="extractor-2023-11",
    rate=0.0512,
    low=0.0401,
    high=0.0646,
    n=1214,
    count=62,
    baseline=0.0098,
    baseline_n=30412,
    e_value=2_412_000,
    threshold=1_000_000,
    slices=[
        SliceShare(
            attribute="intent",
            value="payment",
            rate=0.081,
            rate_elsewhere=0.012,
            share_of_faults=0.82,
            n=611,
        )
    ],
    examples=[
        Example(
            trace_id=f"{n:032x}",
            span_id=f"{n:016x}",
            timestamp=TURN + timedelta(hours=n, minutes=17),
            value=f"2023-01-{10 + n}",
            why="352 days before the call; no year was said",
        )
        for n in range(1, 8)
    ],
    change=ChangePoint(best=TURN, low=TURN - timedelta(hours=2), high=TURN + timedelta(hours=1)),
    causes=[
        Hypothesis(
            cause="calendar",
            score=0.83,
            speaks_for=["the year turned and the model did not", "nothing was deployed"],
        ),
        Hypothesis(cause="prompt", score=0.12, speaks_against=["nothing new was seen"]),
        Hypothesis(cause="unknown", score=0.05),
    ],
    advice="Retrain on data with 2024 examples: the model learnt the year, the prompt is fine.",
)
CONFIRMED = OPENED.model_copy(
    update={
        "n": 2920,
        "count": 148,
        "rate": 148 / 2920,
        "confirmations": [
            Confirmation(
                source="judge",
                name="judged_right",
                rate=0.055,
                low=0.041,
                high=0.072,
                n=803,
                baseline=0.019,
            ),
            Confirmation(
                source="outcome",
                name="due_date_right",
                rate=0.049,
                low=0.038,
                high=0.062,
                n=1310,
                baseline=0.0095,
            ),
        ],
    }
)


def incident(**changes: object) -> Incident:
    """The January incident, with changes."""
    opened = Incident(
        incident_id="inc-20240101-7f3a",
        service="loan-extractor",
        title="due_date: last year's dates since 1 January",
        severity="page",
        cause="calendar",
        field="due_date",
        detector="year_slip",
        series="loan-extractor/extractor-2023-11/due_date",
        started_at=TURN,
        opened_at=TURN + timedelta(hours=3),
        updated_at=TURN + timedelta(hours=3),
        resolved_at=None,
        state="open",
        actor="incident job",
        details=OPENED,
    )
    return replace(opened, **changes)


STATES = {
    "open": incident(),
    "grown": incident(details=CONFIRMED),
    "acknowledged": incident(state="acknowledged", actor="ada", details=CONFIRMED),
    "snoozed": incident(
        state="snoozed",
        actor="ada",
        details=OPENED.model_copy(update={"snoozed_until": TURN + timedelta(days=1)}),
    ),
    "resolved": incident(
        state="resolved", resolved_at=TURN + timedelta(days=9, hours=4), details=CONFIRMED
    ),
}


def readable(message: SlackMessage) -> str:
    """The message as lines of text, one block after the other, for people who review a snapshot."""
    lines = [f"(notification) {message.text}", ""]
    for block in message.blocks:
        lines.append(f"[{block['type']}]")
        if "text" in block:
            lines.append(block["text"]["text"])
        lines += [one["text"].replace("\n", " ") for one in block.get("fields", ())]
        for one in block.get("elements", ()):
            if one["type"] == "button":
                where = f" -> {one['url']}" if "url" in one else ""
                lines.append(f"({one['text']['text']}) {one['action_id']}={one['value']}{where}")
            else:
                lines.append(one["text"])
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("state", STATES)
def test_every_state_reads_as_its_snapshot(state: str):
    """The message is what tests/data/slack holds; UPDATE_SNAPSHOTS=1 writes it anew for review."""
    message = incident_blocks(STATES[state], dashboard_url=URL)
    path = SNAPSHOTS / f"{state}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(readable(message), "utf-8")
    assert readable(message) == path.read_text("utf-8")
    assert problems(list(message.blocks)) == []


def test_the_first_message_tells_everything_that_is_asked_for():
    """What, since when, how bad with interval and n, the slice, the cause, five linked calls."""
    said = json.dumps(incident_blocks(incident(), dashboard_url=URL).blocks, ensure_ascii=False)
    for part in (
        "due_date",
        "Mon 1 Jan 2024 00:00 UTC",
        "5.1 % (62 of 1,214 calls; 95 % interval 4.0 % to 6.5 %)",
        "0.98 % (of 30,412 calls)",
        "intent = payment",
        "The calendar turned",
        "Found without labels",
        "extractor-2023-11",
    ):
        assert part in said
    assert said.count(f"{URL}/calls?trace_id=") == said.count("&amp;span_id=") == 5
    assert f"{URL}/review?service=loan-extractor&label=inc-20240101-7f3a" in said
    for part in (
        "95 % interval Sun 31 Dec 2023 22:00 UTC",
        "the year turned",
        "nothing new was seen",
    ):
        assert part in said
    assert f"{URL}/incidents?incident=inc-20240101-7f3a" in said


def test_what_a_model_wrote_cannot_ping_a_channel_or_forge_a_link():
    """Mentions, links and code marks in traced text come out as literal text."""
    evil = "<!channel> <http://evil.example|click> `x` & co"
    example = OPENED.examples[0].model_copy(update={"value": evil, "why": evil})
    details = OPENED.model_copy(update={"summary": evil, "examples": [example]})
    said = json.dumps(
        incident_blocks(incident(title=evil, details=details), dashboard_url=URL).blocks
    )
    assert "<!channel>" not in said.replace(json.dumps(incident(title=evil).title)[1:-1], "")
    assert "<http://evil" not in "".join(
        block["text"]["text"]
        for block in incident_blocks(incident(details=details), dashboard_url=URL).blocks
        if block["type"] == "section" and "text" in block
    )


WILD = st.text(alphabet=st.sampled_from("a<>&`|\n é𝄞*_~"), max_size=6000)


@settings(max_examples=40, deadline=None)
@given(text=WILD, many=st.integers(0, 60), state=st.sampled_from(sorted(STATES)))
def test_slacks_limits_hold_whatever_the_incident_says(text: str, many: int, state: str):
    """Texts of any length and content, and any number of slices or witnesses, make valid blocks."""
    one = STATES[state]
    details = one.details.model_copy(
        update={
            "summary": text,
            "advice": text,
            "release": text,
            "examples": [
                one.details.examples[0].model_copy(
                    update={"value": text, "why": text, "trace_id": text[:64]}
                )
            ]
            * many,
            "slices": [one.details.slices[0].model_copy(update={"attribute": text, "value": text})]
            * many,
            "confirmations": [CONFIRMED.confirmations[0].model_copy(update={"name": text})] * many,
        }
    )
    wild = replace(
        one,
        title=text,
        service=text,
        cause=text,
        field=text,
        series=text,
        actor=text,
        details=details,
    )
    message = incident_blocks(wild, dashboard_url=URL)
    assert problems(list(message.blocks)) == []
    assert 0 < len(message.text) <= 3000
    json.dumps(message.blocks)
