"""Which alarms are one incident: overlapping slices, related series, and the tiers they come in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from monitor.incidents import Alarm, Incident, IncidentDetails
from monitor.jobs.merging import Group, confirmable, group, severity, signals
from monitor.records import CheckRow

AT = datetime(2024, 3, 13, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def row(
    series: str,
    *,
    detector: str = "rate",
    field: str = "",
    status: str = "drift",
    started: datetime = AT,
    e_value: float = 1e6,
    **evidence: object,
) -> CheckRow:
    """The latest row of a series; without a tier it is of the time before there were any."""
    return CheckRow(
        timestamp=AT, check_id=series, detector=detector, detector_version=1, series=series, service="svc",
        release="", field=field, window_start=AT - DAY, window_end=AT, status=status, count=9, n=90, effect=0.1,
        low=0.0, high=1.0, baseline=0.01, baseline_n=900, e_value=e_value, threshold=1e5, state="{}",
        evidence=json.dumps({"started_at": started.isoformat(), **evidence}),
    )  # fmt: skip


def grouped(*rows: CheckRow, active: list[Incident] | None = None) -> list[Group]:
    """The groups that these rows make."""
    return group(signals(rows), active or [])


def names(found: list[Group]) -> list[list[str]]:
    """Series by group, sorted."""
    return sorted(sorted(one.row.series for one in each.signals) for each in found)


def opened(
    series: str,
    *,
    name: str = "inc-1",
    detector: str = "rate",
    at: datetime = AT,
    root: tuple[tuple[str, str], ...] = (),
) -> Incident:
    """An open incident about a series."""
    alarm = Alarm(detector=detector, series=series, detected_at=at, e_value=1e6, threshold=1e5)
    return Incident(
        name, "svc", "t", "page", "unknown", "", detector, series, at, at, at, None, "open", "job",
        IncidentDetails(alarms=[alarm], root=root),
    )  # fmt: skip


def test_slices_that_overlap_are_one_and_slices_apart_are_two() -> None:
    """Tenant a and release 2 may share calls; tenants a and b never do."""
    assert names(grouped(row("check/x [tag tenant=a]"), row("check/x [release=2]"))) == [
        ["check/x [release=2]", "check/x [tag tenant=a]"]
    ]
    assert len(grouped(row("check/x [tag tenant=a]"), row("check/x [tag tenant=b]"))) == 2


def test_a_parent_takes_its_slices_in_and_leads() -> None:
    """With the whole service alarming too, two tenants are one incident about the service."""
    [one] = grouped(
        row("check/x [tag tenant=a]", e_value=1e9), row("check/x [tag tenant=b]"), row("check/x")
    )
    assert one.lead.row.series == "check/x"


def test_witnesses_of_quality_are_one_however_late_they_come() -> None:
    """A field, a judge and an outcome that was told days later are about the same answers."""
    found = grouped(
        row("svc/due", detector="rollover", field="due"),
        row("judge/right", started=AT + 3 * DAY),
        row("outcome/paid", started=AT + 6 * DAY),
    )
    assert len(found) == 1
    assert found[0].lead.field == "due"


def test_other_measures_join_when_they_began_together() -> None:
    """Slowness that began with the wrong answers is one incident with them, slowness of next week another."""
    assert len(grouped(row("check/x"), row("latency/q99", started=AT + timedelta(hours=5)))) == 1
    assert len(grouped(row("check/x"), row("latency/q99", started=AT + 7 * DAY))) == 2


def test_two_fields_are_one_only_when_they_began_together() -> None:
    """An upstream change breaks several fields at once; faults of two fields months apart are two."""
    first = row("svc/a", detector="values", field="a")
    assert len(grouped(first, row("svc/b", detector="values", field="b"))) == 1
    assert (
        len(grouped(first, row("svc/b", detector="values", field="b", started=AT + 9 * DAY))) == 2
    )


def test_an_alarm_of_a_sub_slice_grows_the_open_incident() -> None:
    """The parent's incident is the home of what alarms within it, and of nothing outside its slice."""
    home = opened("check/x")
    [one] = grouped(row("check/x [release=2]", started=AT + 5 * DAY), active=[home])
    assert one.home == home
    apart = opened("check/x [tag tenant=b]", root=(("tag tenant", "b"),))
    [one] = grouped(row("check/x [tag tenant=a]"), active=[apart])
    assert one.home is None


def test_a_new_fault_is_not_swallowed_by_an_old_incident() -> None:
    """Two weeks later its series begins anew with a fault of something else: that one is an incident of its own."""
    old = opened("call/error [tag tenant=b]", at=AT - 14 * DAY, root=(("tag tenant", "b"),))
    again = row("call/error [tag tenant=b]")
    found = grouped(again, row("check/x"), row("check/x [tag tenant=a]"), active=[old])
    assert names(found) == [["call/error [tag tenant=b]"], ["check/x", "check/x [tag tenant=a]"]]
    assert [one.home is None for one in found] == [False, True]
    found = grouped(again, row("call/error"), active=[old])
    assert [one.home for one in found] == [old]
    found = grouped(again, row("check/x"), active=[opened("call/error [tag tenant=b]")])
    assert len(found) == 1


def test_incidents_that_turn_out_to_be_one_go_on_as_the_oldest() -> None:
    """A parent's alarm that covers two open incidents joins them."""
    a = opened("check/x [tag tenant=a]", root=(("tag tenant", "a"),), name="inc-a")
    b = opened("check/x [tag tenant=b]", root=(("tag tenant", "b"),), name="inc-b", at=AT + DAY)
    [one] = grouped(
        row("check/x [tag tenant=a]"), row("check/x [tag tenant=b]"), row("check/x"), active=[b, a]
    )
    assert one.home == a
    assert one.others == [b]


def test_tiers() -> None:
    """Rows without a tier page as ever; a year slip is a ticket; texts are watched whatever they say."""

    def tier(*rows: CheckRow) -> str:
        return severity(signals(rows))

    slip = row("svc/due", detector="year_slip", field="due")
    texts = row("input", detector="embedding", tier="page")
    assert tier(row("check/x")) == "page"
    assert tier(slip) == "ticket"
    assert tier(row("f", field="f", detector="values", tier="watch")) == "ticket"
    assert tier(row("check/x", tier="watch", status="watch")) == "watch"
    assert tier(texts) == tier(row("input", detector="terms", status="watch")) == "watch"
    assert tier(row("output", detector="terms", tier="page")) == "page"
    assert not confirmable(signals([texts, row("output", detector="terms", tier="page")]))
    assert confirmable(signals([texts, row("check/x")]))
    assert tier(texts, slip, row("check/x")) == "page"


def test_what_improved_or_is_a_mere_hint_opens_nothing() -> None:
    """Better is no incident, and a field's looser tier is a hint for its own watch."""
    assert signals([
        row("check/x", status="watch", direction="better", tier="watch"),
        row("check/x", status="stable"),
        row("svc/due", field="due", status="watch", tier="watch"),
        row("check/y", status="watch", tier="page"),
    ]) == []  # fmt: skip
