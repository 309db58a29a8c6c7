"""What a sender is told: `google.rpc.Status` in its own encoding, and which codes say what."""

from __future__ import annotations

import orjson
from google.rpc.status_pb2 import Status

__all__ = ["GRPC_CODES", "RETRY_AFTER_S", "Refusal", "status_body"]

RETRY_AFTER_S = 2
"""Exporters give a batch 10 s: with this hint they try for 8 of them, without one for 7.5, with 1 s
for 5; a long one makes them drop the batch at once."""
GRPC_CODES = {400: 3, 401: 16, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 503: 14}
"""`google.rpc.Code` by HTTP status."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is answered with a status other than 200."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        """A few fixed words, for the ledger."""


def status_body(status: int, message: str, *, json: bool) -> bytes:
    r"""A `google.rpc.Status`.

    >>> status_body(400, "no", json=False)
    b'\x08\x03\x12\x02no'
    >>> status_body(400, "no", json=True)
    b'{"code":3,"message":"no"}'
    """
    code = GRPC_CODES[status]
    if json:
        return orjson.dumps({"code": code, "message": message})
    return bytes(Status(code=code, message=message).SerializeToString())
