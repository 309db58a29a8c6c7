"""The outbox: what is to be told is told by the rules, every attempt is a row, and nothing is told twice or lost.

Nothing is queued anywhere: what is due follows from the incidents and from what `deliveries` says was delivered, so a
run after a crash or an outage finds the same things due. Before an attempt a row `sending` is appended; one that was
begun and not confirmed may have arrived and is looked for at the sink before it is told again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from monitor.alerts import policy, sinks, slack, tell_sink, webhook
from monitor.alerts.remarks import digest_message, escalation, notice
from monitor.clock import rfc3339, wall_now
from monitor.deliveries import REMEMBERED, Delivery, Journal
from monitor.exceptions import ConfigurationError, DeliveryError
from monitor.incidents import Announcement, Incident, IncidentDetails, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.alerts.decision import Decision
    from monitor.alerts.message import SlackMessage
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = ["ACTOR", "Delivery", "Outbox", "failing_since"]

ACTOR = "alert job"
FORGOTTEN = timedelta(hours=2)
NOTICED = timedelta(days=2)
"""An end or a return is still told in the thread for so long."""


@dataclass
class Outbox:
    """One run of telling."""

    store: Store
    settings: Settings
    now: datetime
    counts: Counter[str] = field(default_factory=Counter)
    troubles: dict[str, str] = field(default_factory=dict)
    """What sinks said that did not take something, by sink."""

    def __post_init__(self) -> None:
        self.rules = policy.Rules.of(self.settings)
        self.sinks = sinks(self.settings)
        self._away: set[str] = set()
        self.journal = Journal(self.store, self.now)
        self._posted: dict[str, list[datetime]] = defaultdict(list)
        self._told: dict[tuple[str, str], datetime] = {}
        for row in sorted(self.journal, key=lambda row: row.timestamp):
            self._note(row)

    def run(self, found: Sequence[Incident], decisions: Mapping[str, Decision]) -> None:
        """Tell every sink what is due; `decisions` are what there is to say of retrains, by incident."""
        for one in sorted(found, key=policy.urgency):
            for sink in self.sinks:
                self._tell(one, sink, decisions.get(one.incident_id))
        for one in found:
            self._escalate(one)
            self._notice(one)
        self._digest(found)

    def tell_now(self, one: Incident, decision: Decision | None = None) -> None:
        """Rewrite the messages about one incident that somebody has just changed."""
        for sink in self.sinks:
            if any(told.sink == sink for told in one.details.announcements):
                self._tell(one, sink, decision)

    def _tell(self, one: Incident, sink: str, decision: Decision | None) -> None:
        what = policy.telling(one, sink, now=self.now, decision=decision)
        if what is None:
            return
        lately = sum(self.now - at < timedelta(hours=1) for at in self._posted[sink])
        why = policy.held(one, what, self.rules, now=self.now, posted_last_hour=lately)
        if why:
            self.counts[f"held: {why}"] += 1
            return
        fingerprint = policy.shown(one, now=self.now, decision=decision)
        new = what.before is None or sink in policy.APPEND_ONLY
        key = (
            slack.message_key(one.incident_id)
            if new and sink == "slack"
            else f"{one.incident_id}:{fingerprint}"
        )
        announced = self._attempt(
            sink, key, one.incident_id, what.kind,
            lambda unsure: tell_sink(
                one, self.settings, what, now=self.now, unsure=unsure, decision=decision
            ),
        )  # fmt: skip
        if announced is not None:
            details = IncidentDetails(announcements=(announced,))
            tell(
                self.store, one, "announced", now=self.now, actor=ACTOR, via="job", details=details
            )
            self.counts["announced"] += 1

    def _escalate(self, one: Incident) -> None:
        began = self._told.get(("", one.incident_id))
        if not policy.escalates(one, self.rules, told_at=began, now=self.now) or began is None:
            return
        note = f"Nobody has taken it on since {rfc3339(began)}."
        done = False
        for sink in self.sinks:
            key = f"{one.incident_id}:escalated:{began.isoformat()}"
            if not self._delivered(sink, key):
                done = (
                    self._say(sink, key, one, "escalated", escalation(one, self.settings, note))
                    or done
                )
        if done:
            self.counts["escalated"] += 1
            tell(self.store, one, "escalated", now=self.now, actor=ACTOR, via="job", note=note)

    def _notice(self, one: Incident) -> None:
        """A rewritten message makes no sound, so its end is told in its thread too."""
        ended = one.resolved_at
        told = any(
            other.sink == "slack" and other.message_id for other in one.details.announcements
        )
        if "slack" not in self.sinks or ended is None or not told or self.now - ended > NOTICED:
            return
        key = f"{one.incident_id}:resolved:{ended.isoformat()}"
        if not self._delivered("slack", key):
            self._say("slack", key, one, "resolved notice", notice(one))

    def _digest(self, found: Sequence[Incident]) -> None:
        """Once a day everything that is only watched, in one message to each sink."""
        moment = policy.digest_moment(self.rules, self.now)
        day = moment.astimezone(self.rules.zone).date().isoformat()
        key = f"digest:{day}"
        watched = [
            one
            for one in found
            if one.severity == "watch" and one.state == "open" and one.opened_at <= moment
        ]
        if policy.quiet(self.rules, self.now):
            return
        for sink in self.sinks:
            new = [one for one in watched if not self._delivered(sink, _digested(one))]
            if not new or self._delivered(sink, key):
                continue
            message = digest_message(watched, self.settings.dashboard_url, day)
            if self._say(sink, key, None, "digest", message, watched):
                self.counts["digests"] += 1
                for one in new:
                    row = Delivery(
                        self.now, sink, _digested(one), one.incident_id, "digested", "delivered"
                    )
                    self.journal.keep(row, "delivered")

    def _say(
        self,
        sink: str,
        key: str,
        one: Incident | None,
        kind: str,
        message: SlackMessage,
        many: Sequence[Incident] = (),
    ) -> bool:
        """Say something beside an incident's own message; whether the sink took it."""

        def send(unsure: bool) -> Announcement:  # noqa: FBT001 - the one thing an attempt is told
            if sink == "slack":
                place = _place(one, kind, self.settings)
                return slack.say(message, self.settings, place, key, unsure=unsure)
            if sink == "slack_webhook":
                slack.say_webhook(message, self.settings)
                return Announcement(sink=sink)
            about = [one] if one else list(many)
            return webhook.say(
                about, self.settings, kind=kind, key=key, at=self.now, wall=wall_now()
            )

        return self._attempt(sink, key, one.incident_id if one else "", kind, send) is not None

    def _attempt(
        self,
        sink: str,
        key: str,
        incident_id: str,
        kind: str,
        send: Callable[[bool], Announcement],
    ) -> Announcement | None:
        """One attempt with its rows; None when the sink did not take it."""
        if sink in self._away:
            self.counts["waiting"] += (
                1  # nobody answered just now; the other sinks are not kept waiting for it
            )
            return None
        if self.journal.wished(sink) > self.now:
            self.counts["waiting"] += 1  # it asked to be left alone for a while
            return None
        row = Delivery(self.now, sink, key, incident_id, kind, "sending")
        try:
            told = self.journal.attempt(row, send)
        except (DeliveryError, ConfigurationError) as error:
            self.troubles[sink] = str(error)
            if isinstance(error.__cause__, (OSError, httpx.HTTPError)):
                self._away.add(sink)
            return None
        self._note(replace(row, state="delivered"))
        return told

    def _delivered(self, sink: str, key: str) -> bool:
        return self.journal.delivered(sink, key)

    def _note(self, row: Delivery) -> None:
        if row.state != "delivered":
            return
        if row.kind in ("opened", "reopened"):
            self._posted[row.sink].append(row.timestamp)
            first = self._told.get(("", row.incident_id))
            if first is None or row.kind == "reopened":
                self._told["", row.incident_id] = row.timestamp


def _digested(one: Incident) -> str:
    """The key that says that a sink had an incident in a digest."""
    return f"digested:{one.incident_id}"


def _place(one: Incident | None, kind: str, settings: Settings) -> slack.Place | None:
    """Where to say it: in the incident's thread, or where an escalation goes."""
    to = settings.alert_escalate_to
    if kind == "escalated" and not to.startswith("<"):
        return slack.Place(to)
    told = one and next((told for told in one.details.announcements if told.sink == "slack"), None)
    if not told:
        return None
    return slack.Place(told.channel, told.message_id, broadcast=True)


def failing_since(store: Store, sink: str, *, now: datetime) -> tuple[datetime, int, str] | None:
    """Since when a sink has taken nothing at all, how many attempts ago, and what it said last; None when it does."""
    began, last, many, said = None, now, 0, ""
    for row in store.read("deliveries_lately", Delivery, since=now - REMEMBERED):
        if row.sink != sink:
            continue
        if row.state == "delivered":
            began, many = None, 0
        elif row.state == "failed":
            began, many, said = began or row.timestamp, many + 1, row.error
            last = row.timestamp
    # without an attempt for so long there is nothing due any more, and nobody knows how the sink is
    return (began, many, said) if began is not None and now - last < FORGOTTEN else None
