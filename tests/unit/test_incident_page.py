"""The incident page's pure parts: how looks are summed up, what a timeline is made of, and where two calls differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from dashboards import charts
from dashboards.incident.comparing import compared_fields, differing_words, pinned_tags
from dashboards.incident.course import pieces, width
from dashboards.incident.reads import Told, stretch
from dashboards.incident.timeline import happenings
from monitor.incidents import ChangePoint, Confirmation, Incident, IncidentDetails, SliceShare, fold
from monitor.records import IncidentEvent

NOW = datetime(2024, 1, 9, 8, tzinfo=UTC)
TURN = datetime(2024, 1, 1, 4, tzinfo=UTC)
NEVER = datetime.fromtimestamp(0, UTC)
WITNESS = Confirmation(
    source="judge", name="right", rate=0.06, low=0.04, high=0.09, n=351, baseline=0.0
)


def event(
    name: str, at: datetime, *, details: IncidentDetails | None = None, **said: str
) -> IncidentEvent:
    """One event of one incident."""
    told = {"actor": "incident job", "via": "job", "note": "", **said}
    return IncidentEvent(
        timestamp=at, incident_id="inc-1", event=name, service="s", title="t", severity="page", cause="calendar",
        field="due_date", detector="rollover", series="s/due_date", started_at=TURN,
        details=(details or IncidentDetails()).model_dump_json(), **told,
    )  # fmt: skip


def standing(**details: object) -> Incident:
    """An incident with such evidence."""
    [one] = fold([event("opened", TURN, details=IncidentDetails(**details))])  # type: ignore[arg-type]
    return one


def told(state: str, *, kind: str = "opened", failures: int = 0, due_at: datetime = NEVER) -> Told:
    """What became of a message."""
    return Told("slack", kind, TURN, TURN + timedelta(minutes=5), state, failures, "503", due_at)


def looks(*spans: tuple[float, float, int, int]) -> pd.DataFrame:
    """Looks from an hour to an hour after the turn, with their faults and calls."""
    return pd.DataFrame(
        {
            "window_start": [TURN + timedelta(hours=start) for start, *_ in spans],
            "window_end": [TURN + timedelta(hours=end) for _, end, *_ in spans],
            "count": [count for *_, count, _ in spans],
            "n": [n for *_, n in spans],
        }
    )


def test_short_looks_are_summed_up_and_long_ones_stay_as_long_as_they_are() -> None:
    """A look of four days is one piece of four days, and no piece spans a time when nobody looked."""
    seen = looks((0, 1, 1, 10), (1, 2, 2, 20), (30, 31, 0, 5), (48, 144, 9, 900), (150, 151, 0, 0))
    made = pieces(seen, timedelta(hours=6))
    assert list(zip(made["count"], made["n"], strict=True)) == [(3, 30), (0, 5), (9, 900)]
    assert made["end"].iloc[0] == TURN + timedelta(hours=2)
    assert made["end"].iloc[2] - made["start"].iloc[2] == timedelta(hours=96)


def test_pieces_are_wide_enough_for_their_calls() -> None:
    """Few calls make few pieces, many calls up to sixty."""
    hourly = [(hour, hour + 1, 0, 2) for hour in range(72)]
    assert width(looks(*hourly)) == timedelta(days=1) * 7 or width(looks(*hourly)) >= timedelta(
        days=1
    )
    many = [(hour, hour + 1, 0, 500) for hour in range(72)]
    assert width(looks(*many)) < width(looks(*hourly))


def test_the_rate_chart_bounds_its_axis_and_draws_the_band() -> None:
    """One piece of few calls does not flatten all others, and the interval of the beginning is a band."""
    made = pieces(looks((0, 1, 3, 17), (1, 97, 34, 941), (97, 193, 30, 670)), timedelta(hours=6))
    drawn = charts.incident_rate(
        made, baseline=(0.001, 0.0004, 0.004), began=(TURN - timedelta(hours=20), TURN)
    ).to_dict()
    text = str(drawn)
    assert (
        "'domain': [0, 0.28" in text
    )  # 1.5 times the highest rate, not the 43 % that its interval reaches
    assert "began after (UTC), 95 %" in text
    assert "n = 17" in text


def test_a_timeline_tells_messages_and_not_that_somebody_was_told() -> None:
    """Where messages are known, each is one line with its attempts; a witness has a line when first heard."""
    confirmed = IncidentDetails(confirmations=(WITNESS,))
    events = [
        event("opened", TURN),
        event("announced", TURN + timedelta(minutes=6)),
        event("grown", TURN + timedelta(hours=1), details=confirmed),
        event("grown", TURN + timedelta(hours=2), details=confirmed),
        event("acknowledged", TURN + timedelta(hours=3), actor="Ada", via="slack", note="on it"),
        event(
            "snoozed", TURN + timedelta(hours=4), actor="Ada", details=IncidentDetails(snoozed_until=NOW)
        ),
    ]  # fmt: skip
    found = happenings(events, [told("delivered", failures=2)], [])
    said = [one.what for one in found]
    assert said == [
        "Opened",
        "Message delivered: opened",
        "Grown: more evidence",
        "Confirmed by the judge right",
        "Grown: more evidence",
        "Acknowledged",
        "Snoozed until 2024-01-09 08:00 UTC",
    ]
    assert "2 failed attempts" in found[1].note
    assert (found[5].who, found[5].via, found[5].note) == ("Ada", "slack", "on it")
    assert "People were told" in [one.what for one in happenings(events, [], [])]


def test_messages_that_did_not_arrive_say_why_and_when_they_are_tried_again() -> None:
    """Failed, given up and begun are told apart, and all are marked."""
    due = TURN + timedelta(hours=9)
    found = happenings(
        [],
        [
            told("failed", failures=3, due_at=due),
            told("dead", kind="grown", failures=9),
            told("sending", kind="resolved"),
        ],
        [],
    )
    assert all(one.wrong for one in found)
    assert "tried again 2024-01-01 13:00 UTC; 503" in found[0].note
    assert found[1].what == "Message given up: grown"
    assert "may have arrived" in found[2].note


def test_the_field_at_fault_stands_first_and_other_differences_are_not_accused() -> None:
    """Two calls differ for good reasons; only the incident's field and what is known to be wrong is marked."""
    rows = compared_fields(
        '{"name": "Ann", "due": {"date": "2024-01-05"}, "usd": 12.0}',
        '{"name": "Bob", "due": {"date": "2023-01-07"}, "usd": 13}',
        '{"name": "Bob", "due": {"date": "2024-01-07"}, "usd": 13.0}',
        field="date",
    )
    assert [(row.field, row.at_fault) for row in rows] == [
        ("due.date", True),
        ("name", False),
        ("usd", False),
    ]
    assert rows[0].right == '"2024-01-07"'
    assert compared_fields("{}", "free text", "", field="") == []


def test_free_texts_are_compared_word_by_word() -> None:
    """What stands in one text alone is marked, also where there is nothing to compare with."""
    then, now = differing_words("Due on 5 March 2024.", "Due on 7 March 2023.")
    assert [piece.text.strip() for piece in then if piece.differs] == ["5", "2024."]
    assert [piece.text.strip() for piece in now if piece.differs] == ["7", "2023."]
    assert differing_words("", "") == ([], [])


def test_a_call_is_held_against_calls_of_its_own_slice() -> None:
    """The incident's own slice counts; else the first ranked one that the call is in, also of two tags."""
    share = {"rate": 0.9, "rate_elsewhere": 0.0, "share_of_faults": 1.0, "n": 54}
    two = SliceShare(attribute="tag kind and tag lender", value="payment and Bluff", **share)  # type: ignore[arg-type]
    other = SliceShare(attribute="release", value="r2", **share)  # type: ignore[arg-type]
    tags = {"kind": "payment", "lender": "Bluff", "x": "y"}
    assert pinned_tags(standing(), [other, two], tags) == (("kind", "payment"), ("lender", "Bluff"))
    assert pinned_tags(standing(), [two], {"kind": "payment"}) == ()
    rooted = standing(root=(("tag x", "y"),))
    assert pinned_tags(rooted, [two], tags) == (("x", "y"),)
    assert pinned_tags(rooted, [two], {"x": "z"}) == ()


def test_the_charts_show_as_long_before_as_it_lasted() -> None:
    """Within bounds, from the earliest moment at which it may have begun."""
    change = ChangePoint(best=TURN, low=TURN - timedelta(hours=20), high=TURN)
    one = standing(change=change)
    since, until = stretch(one, TURN + timedelta(hours=1))
    assert (since, until) == (change.low - timedelta(days=3), TURN + timedelta(hours=25))
    ended = replace(one, state="resolved", resolved_at=TURN + timedelta(days=90))
    assert stretch(ended, NOW)[0] == change.low - timedelta(days=28)
