"""The retrain loop: what is owed to the outside, what waits for a person, and whether it may go on without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.deliveries import Journal
from monitor.examination.finding import fine, problem, warning
from monitor.exceptions import ConfigurationError
from monitor.retrain.delivery import owed
from monitor.retrain.state import retrains as all_retrains
from monitor.store import Store
from monitor.webhooks import keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pydantic import SecretStr

    from monitor.examination.finding import Finding
    from monitor.settings import Settings

__all__ = ["approval", "retrains", "secrets"]

SHORT_BYTES = 24
"""Standard Webhooks asks for 24 to 64 random bytes."""


def approval(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Whether anything is promoted without a person."""
    del now
    if settings.auto_approve:
        yield warning(
            "approval",
            "OUTERLOOP_AUTO_APPROVE is on: a candidate that the comparison calls better is promoted without a person",
            "unset it to have people decide",
        )
    else:
        yield fine("approval", "people decide; nothing promotes itself")


def secrets(settings: Settings, now: datetime) -> Iterator[Finding]:
    """The secrets of the webhooks can be used, and none is left over from a rotation unnoticed."""
    del now
    for name in ("retrain", "alert"):
        secret: SecretStr | None = getattr(settings, f"{name}_webhook_secret")
        setting = f"OUTERLOOP_{name.upper()}_WEBHOOK_SECRET"
        if getattr(settings, f"{name}_webhook_url") is None:
            continue
        if secret is None:
            told = "there is an address and no secret, so nothing can be signed"
            yield problem(
                f"{name} secret", told, f'set {setting}="whsec_$(openssl rand -base64 24)"'
            )
            continue
        try:
            found = keys(secret.get_secret_value())
        except ConfigurationError as error:
            yield problem(f"{name} secret", str(error), f"set {setting}")
            continue
        short = min(map(len, found)) < SHORT_BYTES
        told = f"{len(found)} in use" + (f", one shorter than {SHORT_BYTES} bytes" if short else "")
        if short:
            yield warning(f"{name} secret", told, f'{setting}="whsec_$(openssl rand -base64 24)"')
        elif len(found) > 1:
            told += "; every message is signed with each"
            yield warning(
                f"{name} secret", told, "take the old one away once the receiver has the new"
            )
        else:
            yield fine(f"{name} secret", told)


def retrains(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Nothing is stuck, and what waits for people."""
    store = Store(settings.store)
    known = all_retrains(store)
    journal = Journal(store, now)
    for one in known:
        if one.standing == "lapsed":
            yield problem(
                "retrains",
                f"{one.retrain_id}: {one.trouble}",
                f"outerloop retrain redeliver {one.retrain_id}",
            )
        for sink, key, _ in owed(one, now):
            series = journal.series(sink, key)
            if series is not None and series.attempts:
                told = f"{one.retrain_id}: {key} was not taken in {series.attempts} attempts; {series.error}"
                yield warning(
                    "retrains",
                    told,
                    f"see to the receiver; outerloop retrain redeliver {one.retrain_id}",
                )
    waiting = [one.retrain_id for one in known if one.state in ("compared", "approved")]
    if waiting:
        yield fine(
            "retrains", f"{', '.join(waiting[:5])} wait for a person; `outerloop retrain list`"
        )
    else:
        yield fine("retrains", "none waits for a person")
