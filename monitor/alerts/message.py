"""What a person reads about an incident in Slack: a pure function of the incident.

What, since when, how bad with its interval and its counts, where, why, examples to open, who else
saw it, what to do about it, and buttons. The same message is rewritten in place as things change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from monitor.alerts.decision import decision_blocks, decision_buttons
from monitor.alerts.figures import percent, span, when
from monitor.alerts.mrkdwn import (
    FIELD_LIMIT,
    actions,
    button,
    code,
    context,
    escape,
    fields,
    header,
    join,
    link,
    plain,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.alerts.decision import Decision
    from monitor.incidents import (
        Confirmation,
        CureAdvice,
        Example,
        Hypothesis,
        Incident,
        IncidentDetails,
        SliceShare,
    )

__all__ = [
    "SlackMessage",
    "call_url",
    "incident_blocks",
    "incident_url",
    "label_url",
]

EXAMPLES = 5
SLICES = 5
CAUSES_SHOWN = 2
CURES_SHOWN = 3
UNLIKELY = 0.1
"""Share of belief below which a cause is not worth a line."""
SIGNS = {"open": "🔴", "acknowledged": "👀", "snoozed": "💤", "resolved": "✅"}
CAUSES = {
    "calendar": "The calendar turned: the date moved on and the model did not",
    "input": "The inputs moved: calls unlike those it got before",
    "model": "The model moved: other answers to the same kind of call",
    "prompt": "A prompt was deployed",
    "judge": "The judge drifted: the answers may be as good as before",
    "provider": "The provider answers with another model under the same name",
    "schema": "The inputs come in another structure",
    "decay": "It gets worse little by little; nothing was deployed",
    "delivery": "Messages cannot be delivered",
    "silence": "Traffic that used to come does not come",
    "ingestion": "Rows are kept from being stored, or were lost",
    "unknown": "Not known yet",
}
PLUMBING = frozenset({"silence", "ingestion", "delivery"})
"""Causes that say nothing about answers: there is no rate, no field and no release to show."""


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message for `chat.postMessage` and `chat.update`."""

    text: str
    """The whole story in one line: for notifications and screen readers."""
    blocks: tuple[dict[str, Any], ...]


def incident_blocks(
    incident: Incident,
    *,
    dashboard_url: str,
    interactive: bool = True,
    decision: Decision | None = None,
) -> SlackMessage:
    """The message about `incident` as it stands now.

    Args:
        incident: as it stands.
        dashboard_url: where links lead.
        interactive: somebody listens to buttons; without, there are those that open the dashboard.
        decision: what there is to say about its retrain, and to decide.
    """
    details = incident.details
    parts = [
        header(f"{SIGNS.get(incident.state, '🔴')} {incident.title}"),
        section(_lead(incident)),
        fields(_facts(incident)),
    ]
    if details.slices:
        parts.append(section(join(["*Where it sits*", *map(_slice, details.slices[:SLICES])])))
    if details.causes:
        parts.append(section(join(["*Why*", *_causes(details.causes)])))
    if details.examples:
        lines = [_example(one, dashboard_url) for one in details.examples[:EXAMPLES]]
        parts.append(section(join(["*Calls to look at*", *lines])))
    if details.confirmations:
        lines = [_confirmation(one) for one in details.confirmations]
        parts.append(section(join(["*Confirmed by*", *lines])))
    if details.advice:
        said = [escape(details.advice, 2000), *_cures(details.cures)]
        parts.append(section(join(["*What to do*", *said])))
    parts += decision_blocks(decision)
    parts.append(_buttons(incident, dashboard_url, interactive=interactive, decision=decision))
    parts.append(context(_small_print(incident)))
    return SlackMessage(_one_line(incident, dashboard_url), tuple(parts))


def incident_url(dashboard_url: str, incident_id: str) -> str:
    """The incident's page.

    >>> incident_url("http://127.0.0.1:8501", "inc 1")
    'http://127.0.0.1:8501/incidents?incident=inc%201'
    """
    return f"{dashboard_url.rstrip('/')}/incidents?incident={quote(incident_id, safe='')}"


def call_url(dashboard_url: str, trace_id: str, span_id: str = "") -> str:
    """The page that opens one trace, at one of its steps where that is named.

    >>> call_url("http://127.0.0.1:8501", "t1", "s1")
    'http://127.0.0.1:8501/calls?trace_id=t1&span_id=s1'
    """
    step = f"&span_id={quote(span_id, safe='')}" if span_id else ""
    return f"{dashboard_url.rstrip('/')}/calls?trace_id={quote(trace_id, safe='')}{step}"


def label_url(dashboard_url: str, incident: Incident) -> str:
    """The review queue with the incident's example calls."""
    of = f"service={quote(incident.service, safe='')}&label={quote(incident.incident_id, safe='')}"
    return f"{dashboard_url.rstrip('/')}/review?{of}"


def _lead(incident: Incident) -> str:
    said = escape(incident.details.summary, 2000) or escape(incident.title, 2000) or "No summary."
    if incident.state == "resolved" and incident.resolved_at is not None:
        by, lasted = escape(incident.actor, 80), span(incident.resolved_at - incident.started_at)
        return f"*Resolved* by {by} at {when(incident.resolved_at)}, after {lasted}.\n{said}"
    if incident.state == "acknowledged":
        return f"*Taken on by {escape(incident.actor, 80)}.*\n{said}"
    if incident.state == "snoozed" and incident.details.snoozed_until is not None:
        until = when(incident.details.snoozed_until)
        return f"*Snoozed by {escape(incident.actor, 80)}* until {until}.\n{said}"
    return said


def _facts(incident: Incident) -> list[tuple[str, str]]:
    details = incident.details
    if incident.cause in PLUMBING:
        return [
            ("Service", code(incident.service)),
            ("Since", when(incident.started_at)),
            ("Cause", CAUSES[incident.cause]),
            ("How much", f"{details.count:,} calls or rows" if details.count else "not counted"),
        ]
    found = "Labels were needed" if details.needed_labels else "Found without labels"
    return [
        ("Service", code(incident.service)),
        ("Release", code(details.release) if details.release else "all releases"),
        ("Since", _since(incident)),
        ("Cause", escape(CAUSES.get(incident.cause, incident.cause), FIELD_LIMIT - 20)),
        ("How bad", _how_bad(details)),
        ("Before", _before(details)),
        ("Field", code(incident.field) if incident.field else "the whole answer"),
        ("Evidence", found),
    ]


def _since(incident: Incident) -> str:
    change = incident.details.change
    if change is None or change.high - change.low < timedelta(hours=1):
        return when(incident.started_at)
    low, high = when(change.low), when(change.high)
    return f"{when(incident.started_at)} (95 % interval {low} to {high})"


def _causes(causes: Sequence[Hypothesis]) -> list[str]:
    """The two likeliest, each with what speaks for it and against it."""
    lines = []
    for one in causes[:CAUSES_SHOWN]:
        if one.cause == "unknown" or one.score < UNLIKELY:
            continue
        lines.append(f"• {escape(CAUSES.get(one.cause, one.cause), 200)} ({one.score:.0%})")
        lines += [f"      + {escape(plain(said, 200), 400)}" for said in one.speaks_for[:3]]
        lines += [f"      - {escape(plain(said, 200), 400)}" for said in one.speaks_against[:2]]
    return lines or ["• None of the known causes fits well"]


def _cures(cures: Sequence[CureAdvice]) -> list[str]:
    """Why the first cure and not the second: the strongest word for the one, and against the other."""
    lines = []
    if cures and cures[0].speaks_for:
        lines.append(f"      + {escape(plain(cures[0].speaks_for[-1], 250), 500)}")
    for other in cures[1:CURES_SHOWN]:
        against = [*other.forbidden, *other.speaks_against]
        if against:
            lines.append(f"      - not {other.name}: {escape(plain(against[0], 250), 500)}")
    return lines


def _how_bad(details: IncidentDetails) -> str:
    if details.n == 0:
        return "not measured yet"
    interval = f"95 % interval {percent(details.low)} to {percent(details.high)}"
    return f"{percent(details.rate)} ({details.count:,} of {details.n:,} calls; {interval})"


def _before(details: IncidentDetails) -> str:
    if details.baseline_n == 0:
        return "no baseline"
    return f"{percent(details.baseline)} (of {details.baseline_n:,} calls)"


def _slice(one: SliceShare) -> str:
    lift = f" ({one.lift:.1f} times)" if one.lift else ""
    return (
        f"• {code(f'{one.attribute} = {one.value}', 120)}: {percent(one.rate)} of {one.n:,} calls,"
        f" {percent(one.rate_elsewhere)} elsewhere{lift}; {percent(one.share_of_faults)} of all faults"
    )


def _example(one: Example, dashboard_url: str) -> str:
    opened = link(call_url(dashboard_url, one.trace_id, one.span_id), when(one.timestamp))
    return f"• {opened} {code(one.value)} {escape(plain(one.why, 200), 400)}".rstrip()


def _confirmation(one: Confirmation) -> str:
    return (
        f"• {escape(one.source, 40)} {code(one.name)}: {percent(one.rate)}"
        f" ({percent(one.low)} to {percent(one.high)}, n {one.n:,}), before {percent(one.baseline)}"
    )


def _buttons(
    incident: Incident, dashboard_url: str, *, interactive: bool, decision: Decision | None
) -> dict[str, Any]:
    name = incident.incident_id
    row = [button("Open", "open", name, style="primary", url=incident_url(dashboard_url, name))]
    if incident.details.examples and incident.state != "resolved":
        row.append(button("Label calls", "label", name, url=label_url(dashboard_url, incident)))
    if not interactive:
        return actions(f"incident:{name}", row)
    if incident.state in {"open", "snoozed"}:
        row.append(button("Acknowledge", "acknowledge", name))
    if incident.state in {"open", "acknowledged"}:
        row.append(button("Snooze a day", "snooze", name))
    if incident.state != "resolved":
        row.append(button("Resolve", "resolve", name, style="danger"))
    row += decision_buttons(decision)
    return actions(f"incident:{name}", row)


def _small_print(incident: Incident) -> str:
    said = (
        f"Incident {code(incident.incident_id)}, {escape(incident.severity, 40)}, opened"
        f" {when(incident.opened_at)} by {code(incident.detector)} on {code(incident.series, 120)}"
    )
    evidence = incident.details
    if evidence.threshold > 0:
        said += f"; evidence {evidence.e_value:,.0f}, alarm at {evidence.threshold:,.0f}"
    if incident.state != "resolved":
        said += f". By hand: {code(f'outerloop incidents ack {incident.incident_id}', 200)}"
    return said


def _one_line(incident: Incident, dashboard_url: str) -> str:
    details = incident.details
    rates = f"{percent(details.rate)}, was {percent(details.baseline)}" if details.n else ""
    url = incident_url(dashboard_url, incident.incident_id)
    opening = f"{incident.state.capitalize()}: {plain(incident.title, 200)} ({incident.service})"
    since = f"since {when(incident.started_at)}"
    return escape(", ".join(part for part in (opening, since, rates) if part) + f". {url}")
