"""A whole OTLP request is masked in place, wherever in it a value is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from collector.masking import Masking
from monitor.settings import load_settings

MAIL, CARD = "alice@example.com", "4111 1111 1111 1111"


def masking(**settings: object) -> Masking:
    """The masking of these settings."""
    made = Masking.from_settings(load_settings(**{"mask": "on", "mask_secret": "s", **settings}))
    assert made is not None
    return made


def text(value: str) -> AnyValue:
    """A text as an attribute's value."""
    return AnyValue(string_value=value)


def traces(*, service: str = "shop", **attributes: Any) -> tuple[ExportTraceServiceRequest, Any]:
    """A request with one span, and the span."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name", value=text(service))
    span = group.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="chat")
    for key, value in attributes.items():
        span.attributes.add(
            key=key.replace("__", "."), value=value if isinstance(value, AnyValue) else text(value)
        )
    return request, span


def attributes(holder: Any) -> dict[str, str]:
    """Attributes whose values are texts."""
    return {pair.key: pair.value.string_value for pair in holder.attributes}


def nested(**kind: Any) -> KeyValue:
    """An attribute whose value is a list or a map."""
    return KeyValue(key="a", value=AnyValue(**kind))


A = KeyValue(key="a", value=text(MAIL))
NAMED = KeyValue(key=MAIL, value=text("x"))
PLACES: dict[str, Callable[[Any, Any], None]] = {
    "attribute": lambda _, span: span.attributes.append(A),
    "attribute's name": lambda _, span: span.attributes.append(NAMED),
    "resource": lambda group, _: group.resource.attributes.append(A),
    "scope": lambda group, _: group.scope_spans[0].scope.attributes.append(A),
    "span name": lambda _, span: setattr(span, "name", f"GET /users/{MAIL}"),
    "status message": lambda _, span: setattr(span.status, "message", f"no such user {MAIL}"),
    "event": lambda _, span: span.events.add(name="e").attributes.append(A),
    "event name": lambda _, span: span.events.add(name=MAIL),
    "link": lambda _, span: span.links.add().attributes.append(A),
    "list": lambda _, span: span.attributes.append(nested(array_value={"values": [text(MAIL)]})),
    "map": lambda _, span: span.attributes.append(nested(kvlist_value={"values": [A]})),
    "map's name": lambda _, span: span.attributes.append(nested(kvlist_value={"values": [NAMED]})),
    "bytes": lambda _, span: span.attributes.append(nested(bytes_value=MAIL.encode())),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_value_is_found_wherever_it_is(place: str) -> None:
    """In every text of a span and of what surrounds it; it is counted once, for its service."""
    request, span = traces()
    PLACES[place](request.resource_spans[0], span)
    counts = masking().apply("traces", request)
    assert MAIL.encode() not in request.SerializeToString()
    assert b"[email]" in request.SerializeToString()
    assert counts == {("shop", "email"): 1}


@pytest.mark.parametrize("body", [
    text(f"asked {MAIL}"),
    AnyValue(kvlist_value={"values": [KeyValue(key="content", value=text(MAIL))]}),
])  # fmt: skip
def test_log_bodies_are_masked(body: AnyValue) -> None:
    """As texts and as maps."""
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(body=body)
    assert masking().apply("logs", request) == {("", "email"): 1}
    assert MAIL.encode() not in request.SerializeToString()


def test_a_card_that_was_sent_as_a_number_is_masked() -> None:
    """A number of 13 to 19 digits is a text afterwards when it is a card; others stay numbers."""
    request, span = traces(
        card=AnyValue(int_value=4111111111111111), at=AnyValue(int_value=1_700_000_000_123_456_789)
    )
    assert masking().apply("traces", request) == {("shop", "card"): 1}
    assert span.attributes[0].value.string_value == "[card]"
    assert span.attributes[1].value.int_value == 1_700_000_000_123_456_789


def test_off_is_no_masking_at_all() -> None:
    """Without the setting there is no object, so that the fast path asks nothing."""
    assert Masking.from_settings(load_settings()) is None


def test_a_clean_request_stays_as_it_was() -> None:
    """Byte for byte, and nothing is counted."""
    request, _ = traces(
        input__value="The weather is fine.", gen_ai__response__id="chatcmpl-123456789012"
    )
    before = request.SerializeToString(deterministic=True)
    assert not masking().apply("traces", request)
    assert request.SerializeToString(deterministic=True) == before


def test_allowed_attributes_stay_and_denied_ones_go() -> None:
    """By name, or by what a name begins with; deny wins."""
    request, span = traces(
        order__contact=MAIL, note=MAIL, http__header__cookie="x", user__email="y"
    )
    counts = masking(mask_allow=["order.*"], mask_deny=["http.header.*", "user.email"]).apply(
        "traces", request
    )
    assert attributes(span) == {"order.contact": MAIL, "note": "[email]"}
    assert counts == {("shop", "email"): 1, ("shop", "denied"): 2}


def test_a_service_can_have_its_own_policy() -> None:
    """Off, on, its own recognisers, its own lists, beside those of all others."""
    made = masking(mask_services={
        "lab": {"mask": "off"}, "pay": {"recognisers": ["card"]}, "crm": {"deny": ["note"]},
    })  # fmt: skip
    seen = {}
    for service in ("shop", "lab", "pay", "crm"):
        request, span = traces(service=service, note=f"{MAIL} {CARD}")
        made.apply("traces", request)
        seen[service] = attributes(span)
    assert seen == {
        "shop": {"note": "[email] [card]"},
        "lab": {"note": f"{MAIL} {CARD}"},
        "pay": {"note": f"{MAIL} [card]"},
        "crm": {},
    }


def test_only_one_service_can_be_masked() -> None:
    """The mode of all others is off then, and theirs stays."""
    made = masking(mask="off", mask_services={"pay": {"mask": "on"}})
    for service, left in (("pay", "[email]"), ("shop", MAIL)):
        request, span = traces(service=service, note=MAIL)
        made.apply("traces", request)
        assert attributes(span) == {"note": left}


def test_ids_stay_apart_without_being_told() -> None:
    """People and sessions that are e-mail addresses still group, in any spelling, by a keyed placeholder."""
    made, users = masking(), []
    for user in ("alice@example.com", "Alice@Example.com", "bob@example.com", "user-17"):
        request, span = traces(user__id=user, note="alice@example.com")
        made.apply("traces", request)
        users.append(attributes(span)["user.id"])
        assert attributes(span)["note"] == "[email]"
    assert users[0] == users[1] != users[2]
    assert users[0].startswith("[email:")
    assert users[3] == "user-17"
    assert made.identity("alice@example.com", service="shop") == users[0]
    assert made.identity("user-17") == "user-17"


def test_keyed_placeholders_depend_on_the_secret_and_the_tenant() -> None:
    """Equal values are equal within a tenant only, and another secret gives other placeholders."""

    def placeholder(tenant: str, **settings: object) -> str:
        request, span = traces(outerloop__tag__tenant=tenant, note=MAIL)
        masking(mask_keyed=True, mask_tenant_attribute="outerloop.tag.tenant", **settings).apply(
            "traces", request
        )
        return attributes(span)["note"]

    assert placeholder("acme") == placeholder("acme")
    assert placeholder("acme") != placeholder("globex")
    assert placeholder("acme") != placeholder("acme", mask_secret="other")


def test_without_a_secret_one_is_made_and_kept(tmp_path: Any) -> None:
    """The next start has the same placeholders; only the owner can read the key."""
    made = [masking(mask_secret=None, data_dir=tmp_path).identity(MAIL) for _ in range(2)]
    assert made[0] == made[1] != masking().identity(MAIL)
    assert (tmp_path / "mask.key").stat().st_mode & 0o777 == 0o600


def test_own_patterns_are_masked_also_when_they_are_anchored() -> None:
    """By their names; a group is the part that goes."""
    made = masking(
        mask_patterns={"employee": r"E-\d{6}", "badge": r"^B(\d+)$"}, mask_recognisers=[]
    )
    request, span = traces(a="is E-123456 in?", b="B77", c="xB77x")
    assert made.apply("traces", request) == {("shop", "employee"): 1, ("shop", "badge"): 1}
    assert attributes(span) == {"a": "is [employee] in?", "b": "B[badge]", "c": "xB77x"}


def test_metrics_are_left_alone() -> None:
    """They are counted and not kept."""
    assert not masking().apply("metrics", object())
