"""The retrain webhook on the wire: signed for old and new secrets, told until it is taken, the same words each time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from conftest import free_port
from retrain_seed import (
    BY,
    NOW,
    OLD_SECRET,
    SECRET,
    compared,
    opened,
    receiving,
    requested,
    sidecar,
)

from monitor.clock import wall_now
from monitor.deliveries import GIVE_UP, LONGEST_PAUSE, Delivery, Journal
from monitor.examination.retraining import retrains as look_at_retrains
from monitor.exceptions import ConfigurationError, TransitionError
from monitor.incidents import incidents, tell
from monitor.jobs import alert, deliver
from monitor.jobs.job import Window
from monitor.retrain.delivery import RELEASES, REQUESTS, owed, redeliver
from monitor.retrain.lifecycle import approve, request
from monitor.retrain.promotion import promote, rollback
from monitor.retrain.state import Retrain, retrain
from monitor.settings import Settings
from monitor.store import Store

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


def run(store: Store, settings: Settings, at: datetime) -> dict[str, int]:
    """One run of the deliver job."""
    return dict(deliver.run(store, settings, Window(at - MINUTE, at)))


def hooked(store_url: str, folder: Path, url: str, secret: str = SECRET) -> Settings:
    """A sidecar whose fine-tune job is at `url`."""
    return sidecar(store_url, folder, retrain_webhook_url=url, retrain_webhook_secret=secret)


def test_the_request_is_what_the_contract_says_and_told_once(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """The standardwebhooks package verifies it; it names id, files, callback and token; taken, it is not told again."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        one, token = requested(store, settings)
        assert run(store, settings, NOW)["delivered"] == 1
        assert "delivered" not in run(store, settings, NOW + MINUTE)
    [(name, body)] = receiver.taken
    told = json.loads(body)
    assert (name, told["type"]) == (one.retrain_id, "retrain.requested")
    assert told["data"]["callback"]["token"] == token
    assert told["data"]["fetch"]["headers"] == {"authorization": f"Bearer {token}"}
    assert "reserved" not in body.decode()
    after = retrain(store, one.retrain_id)
    assert (after.state, after.delivered, after.trouble) == ("requested", True, "")
    kept = store.client.query("SELECT details, note FROM retrains").result_rows
    assert token not in str(kept)  # its hash alone


@pytest.mark.parametrize("known", [OLD_SECRET, SECRET])
def test_a_secret_is_rotated_without_a_lost_message(
    store: Store, store_url: str, tmp_path: Path, known: str
) -> None:
    """With both secrets set, a receiver that knows the old one and one that knows the new one are both content."""
    with receiving(known) as (receiver, url):
        settings = hooked(store_url, tmp_path, url, f"{SECRET}, {OLD_SECRET}")
        one, _ = requested(store, settings)
        run(store, settings, NOW)
        assert [name for name, _ in receiver.taken] == [one.retrain_id]
        assert receiver.refused == 0


def test_a_foreign_secret_is_refused_and_stays_owed(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """A receiver with another secret answers 401; the retrain says so, and the right secret mends it."""
    with receiving() as (receiver, url):
        wrong = hooked(store_url, tmp_path, url, OLD_SECRET)
        one, _ = requested(store, wrong)
        assert run(store, wrong, NOW)["failed"] == 1
        assert "answered 401" in retrain(store, one.retrain_id).trouble
        right = hooked(store_url, tmp_path, url)
        assert run(store, right, NOW + MINUTE)["delivered"] == 1
        assert receiver.refused == 1


def test_it_is_tried_for_three_days_in_growing_pauses_and_then_a_dead_letter(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """Every pause is in its bounds, nothing is sent before it is due, the end is an incident, and a person mends it."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        receiver.answers = [(500, {})] * 200
        one, _ = requested(store, settings)
        opened(store, "inc-other")  # whatever becomes of incidents, the words stay
        now, pauses = NOW, []
        while retrain(store, one.retrain_id).standing == "requested":
            run(store, settings, now)
            series = Journal(store, now).series(REQUESTS, one.retrain_id)
            assert series is not None
            if series.state == "failed":
                pauses.append(series.due_at - now)
                assert "failed" not in run(store, settings, series.due_at - timedelta(seconds=1))
                now = series.due_at
        for number, pause in enumerate(pauses):
            whole = min(timedelta(seconds=30) * 2**number, LONGEST_PAUSE)
            assert whole / 2 <= pause <= whole + timedelta(milliseconds=1)
        assert len(set(pauses[-10:])) > 1  # jitter
        assert now - NOW >= GIVE_UP >= timedelta(hours=24)
        assert len(receiver.taken) == len(pauses) > 20
        assert len(set(receiver.taken)) == 1  # one id, the same bytes
        [told] = [each for each in incidents(store) if each.detector == deliver.DETECTOR]
        assert (told.state, told.cause) == ("open", "delivery")
        assert f"given up after {len(pauses)} attempts" in told.details.summary
        [finding] = [each for each in look_at_retrains(settings, now) if each.state == "problem"]
        assert f"outerloop retrain redeliver {one.retrain_id}" in finding.mend
        assert run(store, settings, now + MINUTE) == {"incidents unchanged": 1}
        receiver.answers = []
        after = redeliver(store, settings, one.retrain_id, now=now + 2 * MINUTE, **BY)
        assert (after.state, after.delivered) == ("requested", True)
        assert receiver.taken[-1] == receiver.taken[0]
        run(store, settings, now + 3 * MINUTE)
        [told] = [each for each in incidents(store) if each.detector == deliver.DETECTOR]
        assert told.state == "resolved"


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(
    store: Store, store_url: str, tmp_path: Path, as_date: bool
) -> None:
    """A receiver that asks for two hours of rest gets them, whether it says seconds or a date."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        wish = format_datetime(wall_now() + timedelta(hours=2), usegmt=True) if as_date else "7200"
        receiver.answers = [(429, {"retry-after": wish})]
        requested(store, settings)
        run(store, settings, NOW)
        assert run(store, settings, NOW + timedelta(minutes=118)) == {"waiting": 1}
        assert run(store, settings, NOW + timedelta(minutes=121))["delivered"] == 1


def test_who_is_gone_for_good_is_not_asked_again(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """410 Gone is a dead letter at once."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        receiver.answers = [(410, {})]
        one, _ = requested(store, settings)
        run(store, settings, NOW)
        run(store, settings, NOW + MINUTE)
        assert retrain(store, one.retrain_id).standing == "lapsed"
        assert len(receiver.taken) == 1


def test_the_words_stay_whatever_becomes_of_the_incident(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """A message told again after the incident has grown, from another address of ours, is byte for byte the first."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        receiver.answers = [(503, {})]
        requested(store, settings)
        run(store, settings, NOW)
        one = incidents(store)[0]
        tell(store, one, "grown", now=NOW + MINUTE, actor="job", via="job")
        moved = settings.model_copy(update={"otlp_http_port": free_port()})
        run(store, moved, NOW + 10 * MINUTE)
        first, second = receiver.taken
        assert first == second


def test_without_an_address_nothing_is_lost(store: Store, store_url: str, tmp_path: Path) -> None:
    """What is owed waits for an address; a person who asks is told what is missing."""
    settings = sidecar(store_url, tmp_path)
    one, _ = requested(store, settings)
    assert run(store, settings, NOW) == {"no address": 1}
    with pytest.raises(ConfigurationError, match="OUTERLOOP_RETRAIN_WEBHOOK_URL"):
        request(store, settings, one.retrain_id, now=NOW, **BY)
    with receiving() as (receiver, url):
        run(store, hooked(store_url, tmp_path, url), NOW + MINUTE)
        assert len(receiver.taken) == 1


def promoted(store: Store, settings: Settings) -> Retrain:
    """A retrain that a person has promoted."""
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    return promote(store, settings, one.retrain_id, now=NOW, **BY)


def test_a_promotion_is_told_until_it_is_taken(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """`release.promoted` survives a receiver that is down, is taken once, and so is `release.rolled_back`."""
    with receiving() as (receiver, url):
        settings = sidecar(store_url, tmp_path, alert_webhook_url=url, alert_webhook_secret=SECRET)
        receiver.answers = [(503, {}), (503, {})]
        one = promoted(store, settings)
        assert "answered 503" in one.trouble
        assert one.state == "promoted"
        for minutes in range(1, 9):
            run(store, settings, NOW + minutes * MINUTE)
        one = retrain(store, one.retrain_id)
        assert one.trouble == ""
        assert list(owed(one, NOW + 9 * MINUTE)) == []
        rollback(store, settings, one.retrain_id, now=NOW + 9 * MINUTE, **BY)
        run(store, settings, NOW + 10 * MINUTE)
    told = [(name, json.loads(body)) for name, body in receiver.taken]
    assert [name.rpartition(":")[2] for name, _ in told] == ["release.promoted"] * 3 + [
        "release.rolled_back"
    ]
    assert (told[0][1]["data"]["release"], told[0][1]["data"]["by"]) == ("r2-inc-1", "ann")
    assert told[3][1]["data"]["release"] == "r1"
    assert receiver.taken[0] == receiver.taken[2]


def test_a_promotion_that_nobody_takes_is_an_incident(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """After three days of a dead alert webhook the promotion stands, and the dead letter is told."""
    settings = sidecar(
        store_url, tmp_path, alert_webhook_url=f"http://127.0.0.1:{free_port()}/x", alert_webhook_secret=SECRET
    )  # fmt: skip
    one = promoted(store, settings)
    now = NOW
    for _ in range(100):
        series = Journal(store, now).series(RELEASES, f"{one.retrain_id}:release.promoted")
        assert series is not None
        if series.state == "dead":
            break
        now = max(series.due_at, now + MINUTE)
        run(store, settings, now)
    [told] = [each for each in incidents(store) if each.detector == deliver.DETECTOR]
    assert "release.promoted of svc was not told" in told.title
    assert retrain(store, one.retrain_id).state == "promoted"
    assert "failed" not in run(store, settings, now + timedelta(hours=5))
    with receiving() as (receiver, url):
        up = settings.model_copy(update={"alert_webhook_url": url})
        redeliver(store, up, one.retrain_id, now=now + timedelta(hours=6), **BY)
        assert len(receiver.taken) == 1
        run(store, up, now + timedelta(hours=6))
        with pytest.raises(TransitionError, match="told and taken"):
            redeliver(store, up, one.retrain_id, now=now + timedelta(hours=7), **BY)
    assert [each.state for each in incidents(store) if each.detector == deliver.DETECTOR] == [
        "resolved"
    ]


def test_an_alert_receiver_that_asks_for_rest_gets_it(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    """The alert webhook's Retry-After holds the alert job back, and afterwards the alert is told once."""
    with receiving() as (receiver, url):
        settings = sidecar(
            store_url,
            tmp_path,
            alert_webhook_url=url,
            alert_webhook_secret=f"{SECRET} {OLD_SECRET}",
        )
        receiver.answers = [(429, {"retry-after": "3000"})]
        opened(store)
        with pytest.raises(Exception, match="answered 429"):
            alert.run(store, settings, Window(NOW - MINUTE, NOW))
        counts = alert.run(store, settings, Window(NOW, NOW + 40 * MINUTE))
        assert counts["waiting"] >= 1
        assert len(receiver.taken) == 1
        alert.run(store, settings, Window(NOW, NOW + 51 * MINUTE))
        assert len(receiver.taken) == 2


def test_every_attempt_is_a_row(store: Store, store_url: str, tmp_path: Path) -> None:
    """A row before and one after each attempt, with the reason and when it is tried next."""
    with receiving() as (receiver, url):
        settings = hooked(store_url, tmp_path, url)
        receiver.answers = [(500, {})]
        requested(store, settings)
        run(store, settings, NOW)
        run(store, settings, NOW + MINUTE)
    rows = store.read("deliveries_lately", Delivery, since=NOW - MINUTE)
    assert [row.state for row in rows] == ["sending", "failed", "sending", "delivered"]
    assert "answered 500" in rows[1].error
    assert rows[1].due_at > NOW
