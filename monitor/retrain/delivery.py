"""What a retrain owes the outside: its request to the fine-tune job, and the word that a release was promoted.

Both are signed webhooks, told at once and then by the `deliver` job until they are taken: after 30 s, 1 min, 2 min …
4 h, each half at random, for 72 hours, or when `Retry-After` says. The id and the body are the same every time. What
nobody takes in that time is a dead letter: a page, and for a request the retrain has failed.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from monitor.clock import rfc3339, wall_now
from monitor.curation.export import dataset_file, export_dataset
from monitor.curation.reserve import load_key
from monitor.deliveries import REMEMBERED, Delivery, Journal
from monitor.exceptions import ConfigurationError, DeliveryError, NotFoundError, TransitionError
from monitor.incidents import Announcement
from monitor.retrain.request import callback_token, request_body
from monitor.retrain.state import append, retrain, retrains
from monitor.webhooks import deliver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from monitor.retrain.state import Retrain, Step
    from monitor.settings import Settings
    from monitor.store import Store

__all__ = [
    "RELEASES",
    "REQUESTS",
    "address",
    "announce",
    "ask",
    "deliver_due",
    "give_up",
    "owed",
    "redeliver",
]

ACTOR = "deliver job"

REQUESTS = "retrain_webhook"
"""The sink of requests, in `deliveries`."""
RELEASES = "release_webhook"
"""The sink of `release.promoted` and `release.rolled_back`: the alert webhook's address."""
ANNOUNCED = {"promoted": "release.promoted", "rolled_back": "release.rolled_back"}


def owed(one: Retrain, now: datetime) -> Iterator[tuple[str, str, Step]]:
    """Sink, key and event of every message of a retrain that is not told and not given up."""
    if one.state == "requested" and not one.delivered:
        asked = one.last("requested")
        if asked is not None:
            yield REQUESTS, one.retrain_id, asked
    settled = {step.details.get(word) for step in one.history for word in ("announced", "dead")}
    for step in one.history:
        kind = ANNOUNCED.get(step.event)
        if kind and kind not in settled and now - step.timestamp < REMEMBERED:
            yield RELEASES, f"{one.retrain_id}:{kind}", step


def give_up(store: Store, one: Retrain, journal: Journal, sink: str, key: str) -> Retrain:
    """Make a message that was tried for long enough a dead letter."""
    series = journal.series(sink, key)
    if series is None:
        return one
    hours = (journal.now - series.first_at).total_seconds() / 3600
    said = (
        f"given up after {series.attempts} attempts in {hours:.0f} h; the last one: {series.error}"
    )
    kind = "retrain.requested" if sink == REQUESTS else key.rpartition(":")[2]
    if series.state != "dead":
        row = Delivery(journal.now, sink, key, one.incident_id, kind, "dead")
        journal.keep(row, "dead", error=said[:500])
    event, note = "announcement_failed", f"{kind} was {said}"
    if sink == REQUESTS:
        event, note = "lapsed", f"the fine-tune job was not reached: {said}"
    return append(
        store,
        one,
        event,
        now=journal.now,
        actor=ACTOR,
        via="job",
        note=note,
        details={"dead": kind},
    )


def address(settings: Settings) -> tuple[str, str]:
    """Where the fine-tune job is, and the secret shared with it.

    Raises:
        ConfigurationError: one of them is not set.
    """
    url, secret = settings.retrain_webhook_url, settings.retrain_webhook_secret
    if url is None or secret is None:
        raise ConfigurationError(
            "there is no fine-tune job to ask; set OUTERLOOP_RETRAIN_WEBHOOK_URL=https://gpu.example/retrain"
            " and OUTERLOOP_RETRAIN_WEBHOOK_SECRET=whsec_…"
        )
    return url, secret.get_secret_value()


def ask(
    store: Store,
    settings: Settings,
    one: Retrain,
    journal: Journal,
    *,
    actor: str,
    via: str,
) -> Retrain:
    """Tell the fine-tune job what was requested, once; a failure is an event, not an exception.

    Raises:
        ConfigurationError: there is no retrain webhook.
    """
    url, secret = address(settings)
    _see_to_files(store, settings, one)
    token = callback_token(load_key(settings.data_dir), one.retrain_id)
    body = request_body(one.details["order"], at=str(one.details["requested_at"]), token=token)
    row = Delivery(
        journal.now, REQUESTS, one.retrain_id, one.incident_id, "retrain.requested", "sending"
    )
    try:
        journal.attempt(row, _send(url, secret, one.retrain_id, body, REQUESTS), patient=True)
    except DeliveryError as error:
        return _noted(store, one, "undelivered", str(error), journal.now, actor=actor, via=via)
    return append(
        store,
        retrain(store, one.retrain_id),
        "delivered",
        now=journal.now,
        actor=actor,
        via=via,
        note=f"{url} took it",
        details={"heard_at": rfc3339(wall_now())},
    )


def _see_to_files(store: Store, settings: Settings, one: Retrain) -> None:
    """Have the files there that the order names, also after a lost disk: the same version makes the same bytes."""
    try:
        for file in one.details["order"]["dataset"]["files"]:
            dataset_file(settings.data_dir, one.dataset_version, file["name"])
    except NotFoundError:
        export_dataset(store, one.dataset_version, settings.data_dir)


def announce(
    store: Store,
    settings: Settings,
    one: Retrain,
    journal: Journal,
    *,
    steps: Iterable[Step],
) -> Retrain:
    """Tell the alert webhook, if there is one, of these promotions and rollbacks.

    The pointer is what counts, so a failure is an event and stops nothing.
    """
    url, secret = settings.alert_webhook_url, settings.alert_webhook_secret
    if url is None or secret is None:
        return one
    for step in steps:
        kind = ANNOUNCED[step.event]
        key = f"{one.retrain_id}:{kind}"
        body = {"type": kind, "timestamp": rfc3339(step.timestamp), "data": _release(one, step)}
        row = Delivery(journal.now, RELEASES, key, one.incident_id, kind, "sending")
        actor, via = step.actor, "webhook"
        try:
            journal.attempt(
                row, _send(url, secret.get_secret_value(), key, body, RELEASES), patient=True
            )
        except DeliveryError as error:
            one = _noted(
                store, one, "announcement_failed", str(error), journal.now, actor=actor, via=via
            )
        else:
            one = append(
                store, one, "announced", now=journal.now, actor=actor, via=via,
                note=f"{kind} told", details={"announced": kind},
            )  # fmt: skip
    return one


def _release(one: Retrain, step: Step) -> dict[str, Any]:
    return {
        **step.details["pointer"],
        "by": step.actor,
        "incident_id": one.incident_id,
        "retrain_id": one.retrain_id,
    }


def _send(url: str, secret: str, key: str, body: dict[str, Any], sink: str) -> Any:
    def send(unsure: bool) -> Announcement:  # noqa: FBT001 - as the journal calls it
        del unsure  # told again it is the same message under the same id
        deliver(url, secret, key, body, now=wall_now())
        return Announcement(sink=sink, message_id=key)

    return send


def _noted(
    store: Store, one: Retrain, event: str, said: str, now: datetime, *, actor: str, via: str
) -> Retrain:
    """Keep what went wrong with the retrain, once for each new sentence; every attempt is in `deliveries`."""
    if one.trouble == said:
        return one
    return append(store, one, event, now=now, actor=actor, via=via, note=said)


def deliver_due(store: Store, settings: Settings, now: datetime) -> Counter[str]:
    """Tell again what is due, and give up what was tried for long enough; says how many of each."""
    counts: Counter[str] = Counter()
    journal = Journal(store, now)
    for one in retrains(store):
        for sink, key, step in owed(one, now):
            series = journal.series(sink, key)
            if _deaf(settings, sink):
                counts["no address"] += 1
            elif series is not None and series.dead(now):
                give_up(store, retrain(store, one.retrain_id), journal, sink, key)
                counts["dead"] += 1
            elif series is not None and series.due_at > now:
                counts["waiting"] += 1
            elif sink == REQUESTS:
                after = ask(store, settings, one, journal, actor=ACTOR, via="job")
                counts["delivered" if after.delivered else "failed"] += 1
            else:
                fresh = retrain(store, one.retrain_id)
                announce(store, settings, fresh, journal, steps=[step])
                counts["delivered" if journal.delivered(sink, key) else "failed"] += 1
    return counts


def _deaf(settings: Settings, sink: str) -> bool:
    return (
        settings.retrain_webhook_url if sink == REQUESTS else settings.alert_webhook_url
    ) is None


def redeliver(
    store: Store, settings: Settings, retrain_id: str, *, now: datetime, actor: str, via: str
) -> Retrain:
    """Tell at once whatever of a retrain was not taken, also what was given up, because a person asks for it.

    Raises:
        ConfigurationError: there is nobody to tell.
        TransitionError: nothing of it is owed.
    """
    one, journal = retrain(store, retrain_id), Journal(store, now)
    if one.standing == "lapsed" and "order" in one.details:
        again = {"heard_at": rfc3339(wall_now())}
        one = append(
            store,
            one,
            "requested",
            now=now,
            actor=actor,
            via=via,
            note="asked again",
            details=again,
        )
    if one.state == "requested" and not one.delivered:
        return ask(store, settings, one, journal, actor=actor, via=via)
    told = {step.details.get("announced") for step in one.history}
    steps = [step for step in one.history if ANNOUNCED.get(step.event) not in {None, *told}]
    if not steps:
        raise TransitionError(f"everything about retrain {retrain_id} was told and taken")
    if _deaf(settings, RELEASES):
        raise ConfigurationError(
            "there is nobody to tell; set OUTERLOOP_ALERT_WEBHOOK_URL and OUTERLOOP_ALERT_WEBHOOK_SECRET"
        )
    return announce(store, settings, one, journal, steps=steps)
