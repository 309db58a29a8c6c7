"""The January story, stage by stage, on the real parts; every figure is measured while it runs."""

from __future__ import annotations

import heapq
import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

import monitor
from monitor.demo.app import Extractor, StoryClock
from monitor.demo.mortgage import CallLog, calls
from monitor.demo.pace import TURN, Pace
from monitor.demo.pretraining import right_answer
from monitor.demo.sidecar import RELEASE, Sidecar
from monitor.exceptions import DeliveryError
from monitor.incidents import Incident, incidents
from monitor.retrain.lifecycle import approve
from monitor.retrain.promotion import promote
from monitor.retrain.state import retrains
from monitor.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.demo.stage import Narrator
    from monitor.retrain.state import Retrain

__all__ = ["Story"]

OUTCOME_SHARE = 0.9
"""Calls whose fields the servicing system confirms or corrects some days later."""
OUTCOME_DELAY_DAYS = 1.5
THUMBS_DOWN_SHARE = 0.3
"""Wrong answers of which a user complains."""
STORED_TIMEOUT_S = 60
TRAINED_TIMEOUT_S = 600


@dataclass(order=True, slots=True)
class Outcome:
    """What the servicing system will say, and when."""

    at: datetime
    trace_id: str
    right: bool = field(compare=False)
    expected: str = field(compare=False)


class Story:
    """One telling of it.

    Args:
        sidecar: everything that runs beside it.
        pace: how fast.
        seed: of the calls.
        narrator: who tells it.
        approver: asked for the promotion; returns (yes or no, who, through what).
    """

    def __init__(
        self,
        sidecar: Sidecar,
        pace: Pace,
        *,
        seed: int,
        narrator: Narrator,
        approver: Callable[[str], tuple[bool, str, str]],
    ) -> None:
        self.sidecar, self.pace, self.narrator, self.approver = sidecar, pace, narrator, approver
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        days = (pace.last - pace.start).days
        self.logs = calls(pace.start, days, pace.per_day, np.random.default_rng(seed + 1))
        self.ahead: CallLog | None = None
        self.now = pace.start
        self.clock = StoryClock()
        self.truth: dict[str, CallLog] = {}
        self.outcomes: list[Outcome] = []
        self.told = 0
        """Scores sent."""

    def play(self) -> Retrain:
        """Tell the whole of it; returns the retrain that cured it."""
        self.store = Store(self.sidecar.settings.store)
        self.extractor = Extractor(
            self.sidecar.settings.collector_url,
            self.clock,
            release=RELEASE,
            base_url=self.sidecar.model_url,
            pointer=self.sidecar.pointer,
        )
        self._healthy_december()
        self._the_turn()
        self._confirmation()
        cure = self._retrain()
        cure = self._approval(cure)
        self._recovery()
        return cure

    def _healthy_december(self) -> None:
        with self.narrator.streaming("A healthy December"):
            while self.now < TURN:
                self.advance(min(self.pace.quiet_step, TURN - self.now))
        wrong = len(incidents(self.store))
        self.narrator.stage(
            "Healthy December", f"{len(self.truth):,} calls sent and stored, {wrong} alarms"
        )

    def _the_turn(self) -> None:
        self.narrator.stage(
            "The year turns", "nothing is deployed, nothing crashes", style="bold yellow"
        )
        with self.narrator.streaming("January"):
            self._until(
                lambda: self.incident is not None, self.pace.hunt_step, "no incident was opened"
            )
        one = self._open_incident()
        after = sum(log.at >= TURN and log.at < one.opened_at for log in self.truth.values())
        hours = (one.opened_at - TURN).total_seconds() / 3600
        self.narrator.stage(
            "Temporal drift, without labels",
            f"{one.detector} on `{one.field}` after {after} calls, {hours:.0f} h after the turn; e-value "
            f"{one.details.e_value:.3g} against {one.details.threshold:.3g}",
            style="bold red",
        )
        self.narrator.stage(
            "One incident", f"{one.incident_id}: {one.details.summary}", style="bold red"
        )
        if self.sidecar.slack.messages:
            self.narrator.panel(
                f"Slack {self.sidecar.settings.slack_channel}",
                _spoken(self.sidecar.slack.messages[0]),
            )

    def _confirmation(self) -> None:
        with self.narrator.streaming("Waiting for judge and outcomes"):
            self._until(
                lambda: bool(self._open_incident().details.confirmations),
                self.pace.cure_step,
                "nothing confirmed it",
            )
        for one in self._open_incident().details.confirmations:
            self.narrator.stage(
                "Confirmed",
                f"{one.source} {one.name}: {100 * one.baseline:.1f} % before, {100 * one.rate:.1f} % since "
                f"({100 * one.low:.1f} to {100 * one.high:.1f} %, n = {one.n})",
            )

    def _retrain(self) -> Retrain:
        with self.narrator.streaming("Retrain"):
            self._until(self._asked, self.pace.cure_step, "no retrain was asked for")
            self._wait_trained()
            self._until(self._decidable, self.pace.cure_step, "no candidate could be compared")
        cure = retrains(self.store)[0]
        self.narrator.stage(
            "Retrain webhook",
            f"{cure.retrain_id}: dataset {cure.dataset_version}, signed and verified by the fine-tune job",
        )
        told = cure.details["comparison"]
        self.narrator.stage(
            "Candidate compared",
            f"{cure.candidate_release} against {cure.base_release} on {told['n']} reserved calls: "
            f"{100 * told['difference']:+.1f} points of wrong answers "
            f"({100 * told['low']:+.1f} to {100 * told['high']:+.1f}); {told['sentence']}",
        )
        return cure

    def _approval(self, cure: Retrain) -> Retrain:
        yes, who, via = self.approver(f"Promote {cure.candidate_release}?")
        if not yes:
            raise SystemExit("not approved; the incident stays open and the data is kept")
        approve(
            self.store,
            cure.retrain_id,
            actor=who,
            via=via,
            note="compared on the reserved set",
            now=self.now,
        )
        cure = promote(
            self.store,
            self.sidecar.settings,
            cure.retrain_id,
            actor=who,
            via=via,
            note="",
            now=self.now,
        )
        self.extractor.follow_pointer()
        self.narrator.stage(
            "Approved and promoted",
            f"by {who} ({via}); the app now uses {self.extractor.release}",
            style="bold green",
        )
        return cure

    def _recovery(self) -> None:
        with self.narrator.streaming("Watching the new release"):
            self._until(
                lambda: self._open_incident().state == "resolved",
                self.pace.cure_step,
                "it did not recover",
            )
        one = self._open_incident()
        self.narrator.stage(
            "Recovered",
            f"incident {one.incident_id} closed by itself at {one.resolved_at:%Y-%m-%d %H:%M} UTC",
            style="bold green",
        )

    @property
    def incident(self) -> Incident | None:
        """The first incident after the turn."""
        after = [one for one in incidents(self.store) if one.opened_at >= TURN]
        return after[-1] if after else None

    def _open_incident(self) -> Incident:
        one = self.incident
        assert one is not None
        return one

    def _asked(self) -> bool:
        """Whether the fine-tune job has its order."""
        found = retrains(self.store)
        return bool(found) and found[0].delivered

    def _wait_trained(self) -> None:
        """Until the job has ended: the training takes seconds, and on the machine that answers the calls."""
        deadline = time.monotonic() + TRAINED_TIMEOUT_S
        while (found := retrains(self.store)[0]).state in ("requested", "started"):
            if time.monotonic() > deadline:
                raise DeliveryError(
                    f"the fine-tune job took more than {TRAINED_TIMEOUT_S} s; see {self.sidecar.data_dir}"
                )
            time.sleep(0.2)
        if found.state == "failed":
            raise DeliveryError(f"the retrain failed: {found.trouble}")

    def _decidable(self) -> bool:
        """Whether a candidate was compared with production, so that a person can decide."""
        found = retrains(self.store)
        if found and found[0].state == "failed":
            raise DeliveryError(f"the retrain failed: {found[0].trouble}")
        return bool(found) and found[0].state == "compared"

    def _until(self, done: Callable[[], bool], step: timedelta, otherwise: str) -> None:
        while not done():
            if self.now >= self.pace.last:
                raise DeliveryError(
                    f"by {self.now:%Y-%m-%d} {otherwise}; the sidecar's log is in {self.sidecar.data_dir}"
                )
            self.advance(step)

    def advance(self, step: timedelta) -> None:
        """Live through `step`: the calls and outcomes that fall into it, then a look by the jobs."""
        until = self.now + step
        logs = self._calls_before(until)
        for log, answer in zip(logs, self.extractor.answers(logs), strict=True):
            self._remember(log, answer.trace_id, right=answer.fields == log.truth)
        self._tell_outcomes(until)
        self._wait_stored()
        self.now = until
        self.sidecar.tell_time(until)
        self.sidecar.run_jobs(until)
        self.narrator.at(until, len(self.truth))

    def _calls_before(self, until: datetime) -> list[CallLog]:
        taken: list[CallLog] = []
        while True:
            log = self.ahead or next(self.logs, None)
            self.ahead = None
            if log is None or log.at >= until:
                self.ahead = log
                return taken
            taken.append(log)

    def _remember(self, log: CallLog, trace_id: str, *, right: bool) -> None:
        self.truth[trace_id] = log
        if self.rng.random() < OUTCOME_SHARE:
            at = log.at + timedelta(days=float(self.rng.exponential(OUTCOME_DELAY_DAYS)) + 0.1)
            heapq.heappush(self.outcomes, Outcome(at, trace_id, right, right_answer(log)))
        if not right and self.rng.random() < THUMBS_DOWN_SHARE:
            self.clock.set(log.at)
            monitor.feedback("thumbs", -1, trace_id=trace_id, comment="a field is wrong")
            self.told += 1

    def _tell_outcomes(self, until: datetime) -> None:
        while self.outcomes and self.outcomes[0].at <= until:
            one = heapq.heappop(self.outcomes)
            self.clock.set(one.at)
            monitor.outcome(
                "servicing_match",
                one.right,
                trace_id=one.trace_id,
                at=one.at,
                expected=json.loads(one.expected),
            )
            self.told += 1

    def _wait_stored(self) -> None:
        """Until the store holds everything that was sent: the collector's word, then the store's own."""
        monitor.flush(timeout=30)
        wanted = len(self.truth) + self.told
        deadline = time.monotonic() + STORED_TIMEOUT_S
        while int(self.store.value("rows_stored")) < wanted:
            if time.monotonic() > deadline:
                stored = int(self.store.value("rows_stored"))
                raise DeliveryError(
                    f"{wanted:,} calls and scores were sent and {stored:,} are stored; see {self.sidecar.data_dir}"
                )
            time.sleep(0.01)


def _spoken(message: dict[str, object]) -> str:
    """The words of a Slack message, without its layout and links."""
    blocks = message.get("blocks") or []
    words = [_words(block) for block in blocks] if isinstance(blocks, list) else []
    text = "\n".join(word for word in words if word) or str(message.get("text", ""))
    return re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text).replace("*", "").replace("`", "")


def _words(node: object) -> str:
    """A block's text; the pairs of a field on one line, buttons in brackets."""
    if isinstance(node, dict):
        if node.get("type") == "actions":
            return "  ".join(f"[{_words(one)}]" for one in node["elements"])
        if "fields" in node:
            return "\n".join(_words(one).replace("\n", ": ", 1) for one in node["fields"])
        if isinstance(node.get("text"), str):
            return str(node["text"])
        return "\n".join(_words(node[key]) for key in ("text", "elements") if key in node)
    return "\n".join(map(_words, node)) if isinstance(node, list) else ""
