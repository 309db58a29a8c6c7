"""`python -m collector.masking`: every form that an id may be stored in, and never one that others share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from collector.masking.__main__ import placeholders
from monitor.settings import load_settings

MAIL = "alice@example.org"


def forms(kind: str = "user", identity: str = MAIL, **settings: Any) -> list[str]:
    """The placeholders of an id under settings."""
    return placeholders(
        load_settings(mask_secret="s", **{"mask": "on", **settings}), kind, identity
    )


def test_a_policy_that_leaves_one_attribute_alone_masks_the_others() -> None:
    """An id may be plain in `user.id` and a placeholder in another dialect's attribute."""
    [form] = forms(mask_allow=["user.id"])
    assert form.startswith("[email:")


def test_an_id_that_no_recogniser_takes_has_no_other_form() -> None:
    """Nor has one whose recogniser is switched off."""
    assert forms(identity="user-17") == []
    assert forms(mask_recognisers=["card"]) == []


def test_each_service_may_have_its_own_form() -> None:
    """What another recogniser takes there is another placeholder."""
    made = forms(
        mask_patterns={"name": "alice"},
        mask_recognisers=["email"],
        mask_services={"pay": {"recognisers": []}},
    )
    assert len(made) == 2
    assert all(":" in form for form in made)


def test_a_mode_that_is_off_now_may_have_been_on() -> None:
    """The key is what is needed."""
    assert forms(mask="off") == forms(mask="on") != []


def test_the_process_answers_one_list_or_says_what_to_do(tmp_path: Path) -> None:
    """Wrong settings exit with 2 and one line."""

    def ask(**settings: Any) -> subprocess.CompletedProcess[str]:
        asked = {"settings": settings, "kind": "session", "id": MAIL, "tenants": ["acme"]}
        return subprocess.run(
            [sys.executable, "-m", "collector.masking"],
            input=json.dumps(asked), capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = ask(mask="on", mask_secret="s", data_dir=str(tmp_path))
    assert (done.returncode, len(json.loads(done.stdout))) == (0, 2)
    wrong = ask(mask="on", mask_secret="s", mask_recognisers=["emails"])
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
