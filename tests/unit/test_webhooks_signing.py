"""Standard Webhooks: ours and the reference library's say the same, and what is off is refused."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.clock import wall_now
from monitor.exceptions import ConfigurationError, DeliveryError, SignatureError
from monitor.webhooks import deliver, encode, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_specifications_own_example_has_this_signature():
    """Id, time, body and secret of the published example give the published signature."""
    body = b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", body, at=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_accepts_what_we_sign():
    """A receiver that uses the standardwebhooks package verifies our request."""
    body = encode({"type": "retrain.requested", "note": "später"})
    assert Webhook(SECRET).verify(body, sign(SECRET, "msg_1", body, at=wall_now())) == {
        "type": "retrain.requested",
        "note": "später",
    }


def test_we_accept_what_the_library_signs():
    """A sender that uses the standardwebhooks package is verified, and its id comes back."""
    signature = Webhook(SECRET).sign("msg_2", AT, "{}")
    headers = {
        "Webhook-Id": "msg_2",
        "Webhook-Timestamp": str(int(AT.timestamp())),
        "Webhook-Signature": signature,
    }
    assert verify(SECRET, headers, b"{}", now=AT) == "msg_2"


@given(body=st.binary(max_size=200), flip=st.integers(min_value=0))
def test_no_changed_body_passes(body: bytes, flip: int):
    """One changed byte anywhere, or one too many, is refused."""
    text = body.decode("latin-1").encode()
    headers = sign(SECRET, "msg_1", text, at=AT)
    assert verify(SECRET, headers, text, now=AT) == "msg_1"
    forged = bytearray(text or b" ")
    forged[flip % len(forged)] ^= 1
    for other in (bytes(forged), text + b" "):
        with pytest.raises(SignatureError):
            verify(SECRET, headers, other, now=AT)


def test_several_signatures_allow_a_rotation():
    """While a secret is changed, one good signature among several is enough."""
    old, new = (sign(one, "msg_1", b"{}", at=AT) for one in (OTHER, SECRET))
    both = old | {
        "webhook-signature": f"v1a,abc {old['webhook-signature']} {new['webhook-signature']}"
    }
    assert verify(SECRET, both, b"{}", now=AT) == "msg_1"
    with pytest.raises(SignatureError, match="no v1 signature matches"):
        verify(SECRET, old, b"{}", now=AT)


@pytest.mark.parametrize("known", [SECRET, OTHER])
def test_while_a_secret_is_replaced_receivers_of_either_are_content(known: str):
    """Signed with two secrets, the package verifies with each alone; a third one is refused."""
    headers = sign(f"{OTHER}, {SECRET}", "msg_1", b"{}", at=wall_now())
    assert len(headers["webhook-signature"].split()) == 2
    assert Webhook(known).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(b"{}", headers)


@pytest.mark.parametrize(("secret", "right"), [(SECRET, True), (OTHER, True), ("foreign", False)])
def test_we_accept_what_either_of_several_secrets_signed(secret: str, right: bool):
    """What the package signs with the old or the new secret is verified while both are known."""
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(AT.timestamp())),
        "webhook-signature": Webhook(secret if right else secret.encode()).sign("msg_1", AT, "{}"),
    }
    if right:
        assert verify(f"{SECRET}\n{OTHER}", headers, b"{}", now=AT) == "msg_1"
    else:
        with pytest.raises(SignatureError, match="no v1 signature matches"):
            verify(f"{SECRET}\n{OTHER}", headers, b"{}", now=AT)


@pytest.mark.parametrize("signature", ["v1,!!!", "v1", "v1,", ",", "v2,aaaa", "ünï", "v1 v1 v1"])
def test_a_mangled_signature_is_a_refusal_and_no_crash(signature: str):
    """Whatever stands in the header, the answer is a SignatureError."""
    headers = sign(SECRET, "msg_1", b"{}", at=AT) | {"webhook-signature": signature}
    with pytest.raises(SignatureError):
        verify(SECRET, headers, b"{}", now=AT)


@pytest.mark.parametrize("stamp", ["", "soon", "1e400", "9" * 30, "-1", "12.5"])
def test_a_mangled_timestamp_is_a_refusal_and_no_crash(stamp: str):
    """Whatever stands in the header, the answer is a SignatureError."""
    headers = sign(SECRET, "msg_1", b"{}", at=AT) | {"webhook-timestamp": stamp}
    with pytest.raises(SignatureError):
        verify(SECRET, headers, b"{}", now=AT)


@pytest.mark.parametrize("late_s", [301, -301])
def test_an_old_message_and_one_from_the_future_are_refused(late_s: int):
    """Five minutes either way are allowed, no more; the error says which and by how much."""
    headers = sign(SECRET, "msg_1", b"{}", at=AT)
    assert verify(SECRET, headers, b"{}", now=AT + timedelta(seconds=300)) == "msg_1"
    with pytest.raises(SignatureError, match="old" if late_s > 0 else "future"):
        verify(SECRET, headers, b"{}", now=AT + timedelta(seconds=late_s))


def test_a_body_that_is_no_text_is_refused():
    """Bytes that are not UTF-8 cannot have been signed as JSON."""
    with pytest.raises(SignatureError, match="UTF-8"):
        verify(SECRET, sign(SECRET, "msg_1", b"{}", at=AT), b"\xff", now=AT)


def test_a_plain_secret_is_the_key_itself():
    """A secret without whsec_ is used as it stands, byte for byte."""
    headers = sign("open-sesame", "msg_1", b"{}", at=AT)
    assert headers["webhook-signature"] == Webhook(b"open-sesame").sign("msg_1", AT, "{}")


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_no-base64!"])
def test_an_unusable_secret_says_how_to_make_one(secret: str):
    """An empty or broken secret is a configuration error with a remedy."""
    with pytest.raises(ConfigurationError, match="openssl rand"):
        sign(secret, "msg_1", b"{}", at=AT)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what arrives and answers what the path says."""

    seen: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        """Keep the request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((dict(self.headers), body))
        status = int(self.path.strip("/"))
        self.send_response(status)
        if status == 302:
            self.send_header("location", "/200")
        self.end_headers()
        self.wfile.write(b"busy, come back later" if status == 503 else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """Base URL of a receiver on loopback."""
    Receiver.seen = []
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_delivery_arrives_signed_and_whole(receiver: str):
    """The receiver's body verifies against its headers, and the caller learns the status."""
    now = wall_now()
    delivered = deliver(f"{receiver}/202", SECRET, "msg_7", {"type": "incident.opened"}, now=now)
    headers, body = Receiver.seen[0]
    assert (delivered.status, delivered.message_id) == (202, "msg_7")
    assert verify(SECRET, headers, body, now=now) == "msg_7"
    assert body == b'{"type":"incident.opened"}'


@pytest.mark.parametrize(
    ("status", "said"), [(503, "busy, come back later"), (401, "401"), (302, "302")]
)
def test_anything_but_2xx_is_undelivered(receiver: str, status: int, said: str):
    """The error carries the status and the answer; a redirect is not followed."""
    with pytest.raises(DeliveryError, match=said):
        deliver(f"{receiver}/{status}", SECRET, "msg_7", {}, now=wall_now())
    assert len(Receiver.seen) == 1


def test_nobody_there_is_undelivered():
    """A refused connection names the address and asks whether it runs."""
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1:9/.* is it running"):
        deliver("http://127.0.0.1:9/", SECRET, "msg_7", {}, now=wall_now(), timeout_s=2)
