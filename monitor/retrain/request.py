"""The message that asks a fine-tune job to retrain, and the token that lets it answer.

The token is derived from the installation's key, so that a message told again is the same message;
the store keeps only its hash.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from monitor.clock import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.incidents import Incident
    from monitor.retrain.export import Manifest
    from monitor.retrain.state import Retrain

__all__ = ["callback_token", "hash_token", "request_body", "token_matches"]

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


def request_body(
    one: Retrain,
    incident: Incident | None,
    manifest: Manifest,
    *,
    base: str,
    token: str,
    at: datetime,
) -> dict[str, Any]:
    """`retrain.requested` as `CONTRACT` lays it down; `at` is when it was first asked."""
    files = [
        {**file.model_dump(), "url": f"{base}/v1/datasets/{manifest.version}/{file.name}"}
        for file in manifest.files
    ]
    return {
        "type": "retrain.requested",
        "timestamp": rfc3339(at),
        "data": {
            "retrain_id": one.retrain_id,
            "service": one.service,
            "incident": _incident(one, incident),
            "reason": one.details.get("reason", ""),
            "base_release": one.base_release,
            "dataset": {"version": manifest.version, "format": manifest.format, "files": files},
            "fetch": {"method": "GET", "headers": {"authorization": f"Bearer {token}"}},
            "suggested_settings": SUGGESTED,
            "callback": {"url": f"{base}/v1/retrains/{one.retrain_id}/events", "token": token},
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
