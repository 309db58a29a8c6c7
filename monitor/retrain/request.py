"""The message that asks a fine-tune job to retrain, and the token that lets it answer.

The order is kept with the retrain as it was first given, so that a message told again is the same message, byte for
byte, whatever became of the incident meanwhile. The token is not kept: it is derived from the installation's key and
put in at every telling; the store has its hash alone.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from monitor.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.curation.export import Manifest
    from monitor.incidents import Incident
    from monitor.retrain.state import Retrain

__all__ = ["callback_token", "hash_token", "order", "request_body", "token_matches"]

SUGGESTED = {"method": "lora", "epochs": 3, "learning_rate": 2e-4, "seed": 7}
"""A sane start for a small correction; the job may know better."""


def callback_token(key: bytes, retrain_id: str) -> str:
    """The bearer token of one retrain."""
    return "olr_" + hmac.new(key, f"retrain:{retrain_id}".encode(), sha256).hexdigest()


def hash_token(token: str) -> str:
    """What the store keeps of a token."""
    return sha256(token.encode()).hexdigest()


def token_matches(one: Retrain, token: str) -> bool:
    """Whether `token` is this retrain's own."""
    kept = str(one.details.get("token_sha256", ""))
    return bool(kept) and hmac.compare_digest(kept, hash_token(token))


def order(
    one: Retrain, incident: Incident | None, manifest: Manifest, *, base: str
) -> dict[str, Any]:
    """`data` of `retrain.requested` without its token; `base` is where the job reaches us."""
    files = [
        {**file.model_dump(), "url": f"{base}/v1/datasets/{manifest.version}/{file.name}"}
        for file in manifest.files
    ]
    return {
        "retrain_id": one.retrain_id,
        "service": one.service,
        "incident": _incident(one, incident),
        "reason": one.details.get("reason", ""),
        "base_release": one.base_release,
        "dataset": {"version": manifest.version, "format": manifest.format, "files": files},
        "suggested_settings": SUGGESTED,
        "callback": {"url": f"{base}/v1/retrains/{one.retrain_id}/events"},
    }


def request_body(given: Mapping[str, Any], *, at: str, token: str) -> dict[str, Any]:
    """`retrain.requested` as `CONTRACT` lays it down.

    Args:
        given: the order, as it is kept.
        at: when it was first given, RFC 3339.
        token: the retrain's own.

    >>> body = request_body({"callback": {"url": "u"}}, at="2024-01-01T00:00:00Z", token="t")
    >>> body["data"]["callback"], body["data"]["fetch"]["headers"]
    ({'url': 'u', 'token': 't'}, {'authorization': 'Bearer t'})
    """
    return {
        "type": "retrain.requested",
        "timestamp": at,
        "data": {
            **given,
            "fetch": {"method": "GET", "headers": {"authorization": f"Bearer {token}"}},
            "callback": {**given["callback"], "token": token},
        },
    }


def _incident(one: Retrain, incident: Incident | None) -> dict[str, Any]:
    if incident is None:
        return {"id": one.incident_id}
    return {
        "id": incident.incident_id,
        "title": incident.title,
        "field": incident.field,
        "cause": incident.cause,
        "started_at": rfc3339(incident.started_at),
    }
