"""People decide about a retrain, by command line, Slack or dashboard: one decision counts, on record and evidence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from click.testing import CliRunner, Result
from retrain_seed import BETTER, BY, NOW, compared, opened, requested, sidecar
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette

from monitor.alerts.decision import decisions
from monitor.alerts.interactions import routes
from monitor.cli.commands import cli
from monitor.examination.retraining import approval as look_at_approval
from monitor.exceptions import ConfigurationError, OuterloopError, TransitionError
from monitor.jobs import alert, deliver
from monitor.jobs import retrain as retrain_job
from monitor.jobs.job import Window
from monitor.retrain.lifecycle import approve, evidence_of, reject
from monitor.retrain.pointer import read_pointer, write_pointer
from monitor.retrain.promotion import promote, rollback
from monitor.retrain.state import Retrain, append, retrain
from monitor.settings import Settings
from monitor.standins.loopback import LoopbackServer
from monitor.standins.slack import SlackStandin
from monitor.store import Store

pytestmark = pytest.mark.integration
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def settings(store_url: str, tmp_path: Path) -> Settings:
    """A sidecar that tells nobody."""
    return sidecar(store_url, tmp_path)


def test_of_people_who_decide_at_once_one_decides(
    store: Store, store_url: str, settings: Settings
) -> None:
    """Eight look at one message, some for and some against: one event, and the others learn who was first."""

    def decide(number: int) -> str:
        act: Callable[..., Retrain] = reject if number % 2 else approve
        mine = Store(store_url)
        try:
            act(mine, one.retrain_id, now=NOW, actor=f"p{number}", via="slack", evidence=shown)
        except TransitionError as error:
            return str(error)
        finally:
            mine.close()
        return ""

    for name in ("inc-1", "inc-2", "inc-3"):
        one = compared(store, settings, name, f"svc-{name}")
        shown = evidence_of(one)
        with ThreadPoolExecutor(8) as pool:
            said = list(pool.map(decide, range(8)))
        [decided] = [
            step
            for step in retrain(store, one.retrain_id).history
            if step.event in ("approved", "rejected")
        ]
        assert said.count("") == 1
        for words in filter(None, said):
            assert f"by {decided.actor} (slack)" in words


def test_a_decision_says_who_when_how_and_on_what(store: Store, settings: Settings) -> None:
    """Name, time, way, reason and the comparison's figures are kept; nobody decides nameless or as the machine."""
    one = compared(store, settings)
    for actor in ("", "auto_approve"):
        with pytest.raises(TransitionError, match="name of the person"):
            approve(store, one.retrain_id, now=NOW, actor=actor, via="dashboard")
    seen = evidence_of(one)
    one = approve(store, one.retrain_id, now=NOW, note="looked at ten", **BY)
    step = one.approval
    assert step is not None
    assert (step.actor, step.via, step.note) == ("ann", "cli", "looked at ten")
    assert step.timestamp >= NOW
    kept = step.details["approved_on"]
    assert (kept["advice"], kept["n"], kept["difference"]) == ("better", 120, -0.05)
    assert kept["evidence"] == seen
    with pytest.raises(
        TransitionError, match=r"is approved, approved by ann \(cli\) at 2024-01-06"
    ):
        approve(store, one.retrain_id, now=NOW, actor="bob", via="slack")


def test_nobody_decides_on_a_comparison_that_was_made_anew(
    store: Store, settings: Settings
) -> None:
    """A button of an old message is refused once the candidate was compared again; the new one's works."""
    one = compared(store, settings)
    old = evidence_of(one)
    again = {"comparison": {**BETTER, "advice": "worse", "difference": 0.1}}
    one = append(store, one, "compared", now=NOW, actor="job", via="job", details=again)
    with pytest.raises(TransitionError, match="has changed since you were shown it"):
        approve(store, one.retrain_id, now=NOW, evidence=old, **BY)
    assert retrain(store, one.retrain_id).state == "compared"
    assert (
        reject(store, one.retrain_id, now=NOW, evidence=evidence_of(one), **BY).state == "rejected"
    )


def test_nobody_promotes_or_rolls_back_what_they_were_not_shown(
    store: Store, settings: Settings
) -> None:
    """A verdict on live traffic, or somebody else's decision, makes what was shown out of date; its figures do not."""
    one = compared(store, settings)
    one = approve(store, one.retrain_id, now=NOW, evidence=evidence_of(one), **BY)
    quiet = {"canary": {"verdict": "undecided", "n": 40}}
    one = append(store, one, "canaried", now=NOW, actor="canary job", via="job", details=quiet)
    old = evidence_of(one)
    more = {"canary": {"verdict": "undecided", "n": 90}}
    one = append(store, one, "canaried", now=NOW, actor="canary job", via="job", details=more)
    assert evidence_of(one) == old
    worse = {"canary": {"verdict": "worse", "n": 140}}
    one = append(store, one, "canaried", now=NOW, actor="canary job", via="job", details=worse)
    with pytest.raises(TransitionError, match=r"shown it: it is approved, canaried by canary job"):
        promote(store, settings, one.retrain_id, now=NOW, evidence=old, **BY)
    shown = evidence_of(one)
    one = promote(store, settings, one.retrain_id, now=NOW, evidence=shown, **BY)
    with pytest.raises(TransitionError, match=r"it is promoted, promoted by ann \(cli\)"):
        rollback(store, settings, one.retrain_id, now=NOW, evidence=shown, **BY)
    seen = evidence_of(one)
    assert (
        rollback(store, settings, one.retrain_id, now=NOW, evidence=seen, **BY).state
        == "rolled_back"
    )


def test_the_command_line_names_what_it_shows_and_decides_on_nothing_else(
    store: Store, settings: Settings
) -> None:
    """`retrain show` ends with the command for what it showed; with an older name the command changes nothing."""
    one = compared(store, settings)
    env = {
        "OUTERLOOP_STORE_URL": settings.store_url or "",
        "OUTERLOOP_DATA_DIR": str(settings.data_dir),
    }

    def told(*words: str) -> Result:
        return CliRunner().invoke(cli, ["retrain", *words], env=env)

    page = told("show", one.retrain_id)
    assert f"approve or reject {one.retrain_id} --evidence {evidence_of(one)}" in page.stdout
    shown = json.loads(told("show", one.retrain_id, "--json").stdout)
    assert (shown["standing"], shown["evidence"]) == ("compared", evidence_of(one))
    refused = told("approve", one.retrain_id, "--evidence", "00000000")
    assert refused.exit_code == 2
    assert "has changed since you were shown it" in refused.stderr
    assert told("approve", one.retrain_id, "--evidence", shown["evidence"]).exit_code == 0
    after = retrain(store, one.retrain_id)
    assert after.state == "approved"
    assert told("promote", one.retrain_id, "--evidence", evidence_of(after)).exit_code == 0


@pytest.fixture
def slack() -> Iterator[SlackStandin]:
    """A Slack stand-in on a free port."""
    with SlackStandin() as standin:
        yield standin


class Presser:
    """Presses buttons by the signed endpoint, as Slack does."""

    def __init__(self, address: str, answers: str) -> None:
        self.address, self.answers = address, answers

    def __call__(self, action: str, value: str, user: str = "ada") -> int:
        """The status that Slack gets."""
        payload = {
            "type": "block_actions", "user": {"id": "U1", "username": user}, "response_url": self.answers,
            "actions": [{"action_id": action, "value": value, "type": "button"}],
        }  # fmt: skip
        body, stamp = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": SignatureVerifier(SIGNING).generate_signature(
                timestamp=stamp, body=body
            )
            or "",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return httpx.post(self.address, content=body, headers=headers, timeout=30).status_code


def told(slack: SlackStandin) -> tuple[str, dict[str, str]]:
    """What the one message says now, and its buttons with what they carry."""
    [message] = slack.messages
    text = json.dumps(message["blocks"], ensure_ascii=False)
    buttons = next(block for block in message["blocks"] if block["type"] == "actions")["elements"]
    return text, {one["action_id"]: one["value"] for one in buttons}


def test_the_whole_decision_by_slack_in_one_message(
    slack: SlackStandin, store: Store, store_url: str, tmp_path: Path
) -> None:
    """Approve, promote and roll back are buttons that follow each other; the message says who did what, in place."""
    settings = sidecar(
        store_url, tmp_path, slack_token="xoxb-standin", slack_channel="#llm-alerts", slack_base_url=slack.base_url,
        slack_signing_secret=SIGNING,
    )  # fmt: skip
    one = compared(store, settings)
    alert.run(store, settings, Window(NOW, NOW))
    text, buttons = told(slack)
    assert "The candidate is better." in text
    assert {"approve", "reject"} <= set(buttons)
    assert not {"promote", "rollback"} & set(buttons)
    answers = f"{slack.base_url.removesuffix('/api')}/actions/T0/standin"
    with LoopbackServer(Starlette(routes=routes(settings))) as server:
        press = Presser(f"{server.url}/slack/interactions", answers)
        assert press("approve", buttons["approve"]) == 200
        assert press("approve", buttons["approve"]) == 200  # Slack tells a press twice now and then
        assert not slack.workspace.answers
        assert press("reject", f"{one.retrain_id}@00000000", "bob") == 200
        assert press("approve", buttons["approve"], "bob") == 200
        said = [str(each["text"]) for each in slack.workspace.answers]
        assert len(said) == 2
        assert "it is approved, approved by ada (slack)" in said[0]
        assert "by ada (slack)" in said[1]
        text, buttons = told(slack)
        assert "Approved by ada (slack)" in text
        assert {"promote", "reject"} <= set(buttons)
        assert press("promote", buttons["promote"], "cy") == 200
        text, buttons = told(slack)
        assert "Promoted by cy (slack)" in text
        assert "rollback" in buttons
        pointer = read_pointer(settings.data_dir, "svc")
        assert pointer is not None
        assert pointer.release == "r2-inc-1"
        assert press("rollback", buttons["rollback"], "dee") == 200
    text, buttons = told(slack)
    assert "Rolled back by dee (slack)" in text
    assert not {"approve", "promote", "rollback", "reject"} & set(buttons)
    assert (len(slack.messages), len(slack.updates)) == (1, 3)
    assert [step.actor for step in retrain(store, one.retrain_id).history[-3:]] == [
        "ada",
        "cy",
        "dee",
    ]


def outerloop(settings: Settings, *words: str, **more: str) -> Result:
    """The command line."""
    environment = {
        "OUTERLOOP_STORE_URL": str(settings.store_url), "OUTERLOOP_DATA_DIR": str(settings.data_dir), **more,
    }  # fmt: skip
    return CliRunner().invoke(cli, words, env=environment)


def test_the_whole_decision_by_command_line(store: Store, settings: Settings) -> None:
    """Approve, promote, roll back; what does not follow exits 2 with a line that says what is possible."""
    one = compared(store, settings)
    early = outerloop(settings, "retrain", "promote", one.retrain_id)
    assert (early.exit_code, early.stdout) == (2, "")
    assert "possible: compared, approved, rejected" in early.stderr
    for word, state in (
        ("approve", "approved"),
        ("promote", "promoted"),
        ("rollback", "rolled_back"),
    ):
        done = outerloop(settings, "retrain", word, one.retrain_id, "--note", "by hand", "--json")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["state"] == state
    nothing = outerloop(settings, "retrain", "redeliver", one.retrain_id)
    assert nothing.exit_code == 2
    listed = outerloop(settings, "retrain", "list", OUTERLOOP_AUTO_APPROVE="true")
    assert f"{one.retrain_id}  rolled_back" in listed.stdout
    assert "OUTERLOOP_AUTO_APPROVE is on" in listed.stderr


def test_nothing_is_approved_by_itself_unless_it_is_set(store: Store, settings: Settings) -> None:
    """With the setting off a better candidate waits; with it on only what is better goes, and everything says so."""
    window = Window(NOW, NOW)
    better = compared(store, settings, "inc-1", "svc-1")
    unsure = compared(store, settings, "inc-2", "svc-2", advice="not_worse")
    retrain_job.run(store, settings, window)
    assert retrain(store, better.retrain_id).state == "compared"
    [calm] = look_at_approval(settings, NOW)
    assert calm.state == "ok"
    automatic = settings.model_copy(update={"auto_approve": True})
    assert "OUTERLOOP_AUTO_APPROVE is on" in " ".join(decisions(store, automatic)["inc-2"].said)
    assert retrain_job.run(store, automatic, window)["auto-approved"] == 1
    one = retrain(store, better.retrain_id)
    assert one.state == "promoted"
    assert one.approval is not None
    assert (one.approval.actor, one.approval.via) == ("auto_approve", "job")
    assert retrain(store, unsure.retrain_id).state == "compared"
    said = " ".join(decisions(store, automatic)["inc-1"].said)
    assert "Approved by OUTERLOOP_AUTO_APPROVE, no person" in said
    [finding] = look_at_approval(automatic, NOW)
    assert (finding.state, "without a person" in finding.told) == ("warning", True)
    assert "approved by OUTERLOOP_AUTO_APPROVE" in outerloop(settings, "retrain", "list").stdout


def test_what_a_person_approved_is_not_promoted_by_the_setting(
    store: Store, settings: Settings
) -> None:
    """A person who approved decides on the promotion too."""
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    automatic = settings.model_copy(update={"auto_approve": True})
    retrain_job.run(store, automatic, Window(NOW, NOW))
    assert retrain(store, one.retrain_id).state == "approved"


def test_a_pointer_that_cannot_be_written_is_said_and_written_later(
    store: Store, settings: Settings
) -> None:
    """The promotion stands in the store; the retrain says that the file is behind, until a minute job writes it."""
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    blocked = settings.data_dir / "releases"
    blocked.write_text("a file where the folder should be")
    one = promote(store, settings, one.retrain_id, now=NOW, **BY)
    assert (one.state, "could not be written" in one.trouble) == ("promoted", True)
    blocked.unlink()
    assert deliver.run(store, settings, Window(NOW, NOW))["pointers"] == 1
    assert retrain(store, one.retrain_id).trouble == ""
    pointer = read_pointer(settings.data_dir, "svc")
    assert pointer is not None
    assert pointer.retrain_id == one.retrain_id


def test_a_pointer_changed_by_hand_stays_and_a_broken_one_is_said(
    store: Store, settings: Settings
) -> None:
    """Somebody who points elsewhere in an emergency is not overruled; a file that is no pointer is an error."""
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    promote(store, settings, one.retrain_id, now=NOW, **BY)
    pointer = read_pointer(settings.data_dir, "svc")
    assert pointer is not None
    path = write_pointer(settings.data_dir, pointer.model_copy(update={"release": "by-hand"}))
    assert "pointers" not in deliver.run(store, settings, Window(NOW, NOW))
    assert json.loads(path.read_text())["release"] == "by-hand"
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="is no release pointer"):
        deliver.run(store, settings, Window(NOW, NOW))
    path.unlink()
    assert deliver.run(store, settings, Window(NOW, NOW))["pointers"] == 1


def test_rolled_back_twice_at_once_is_once(
    store: Store, store_url: str, settings: Settings
) -> None:
    """Two people roll back together: the release before is in use, one of them is told that it was done."""
    one = compared(store, settings)
    approve(store, one.retrain_id, now=NOW, **BY)
    promote(store, settings, one.retrain_id, now=NOW, **BY)

    def back(name: str) -> str:
        try:
            rollback(Store(store_url), settings, one.retrain_id, now=NOW, actor=name, via="cli")
        except OuterloopError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(back, ["a", "b", "c", "d"]))
    assert said.count("") == 1
    pointer = read_pointer(settings.data_dir, "svc")
    assert pointer is not None
    assert pointer.release == "r1"


def test_one_retrain_of_a_service_at_a_time(store: Store, settings: Settings) -> None:
    """While one is under way no job proposes another for the same service; its own incident keeps its own."""
    one, _ = requested(store, settings)

    opened(store, "inc-2", "svc")
    counts = retrain_job.run(store, settings, Window(NOW, NOW))
    assert counts["held: another is under way"] == 1
    assert retrain(store, one.retrain_id).state == "requested"
