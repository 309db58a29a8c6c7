"""A seeded store for the dashboards' tests: a January in small, hostile texts included, through the real `Store`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from monitor.incidents import Confirmation, Example, IncidentDetails, SliceShare
from monitor.records import CheckRow, DatasetRow, IncidentEvent, JobRun, RetrainEvent, ScoreRow
from monitor.retrain.compare import Comparison, Rate, SliceDifference
from monitor.store import Store

NOW = datetime(2024, 1, 4, 12, 30, tzinfo=UTC)
TURN = datetime(2024, 1, 1, tzinfo=UTC)
FIRST = datetime(2023, 12, 29, tzinfo=UTC)
SERVICE, OTHER, RELEASE = "loan-extractor", "support-chat", "extractor-2023-11"
INCIDENT, RETRAIN, DATASET = "inc-january", "rt-january", "ds-january"
BAD_TRACE, HOSTILE_TRACE, DEEP_TRACE, ERROR_TRACE = "t-00900", "t-hostile", "t-deep", "t-error"
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    " ![x](http://127.0.0.1:9/leak) **bold** $x^2$ :red[red] \x1b[31mred\x1b[0m"
    " \u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 `tick` [a](javascript:alert(1))\x00"
)


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row of `calls`."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    parent_span_id: str = ""
    release: str = RELEASE
    environment: str = "production"
    operation: str = "chat"
    provider: str = "openai"
    request_model: str = "extractor"
    response_model: str = "extractor-2023-11-04"
    prompt_name: str = "extract"
    prompt_version: str = "3"
    session_id: str = ""
    user_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    input_messages: str = ""
    output_messages: str = ""
    input_tokens: int | None = 180
    output_tokens: int | None = 42
    cost_usd: float | None = 0.00021
    duration_ms: float = 400.0
    time_to_first_token_ms: float | None = None
    status: str = "ok"
    error_type: str = ""
    error_message: str = ""
    finish_reason: str = "stop"
    convention: str = "gen_ai"


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of `steps`."""

    timestamp: datetime
    trace_id: str
    span_id: str
    service: str
    kind: str
    name: str
    parent_span_id: str = ""
    release: str = RELEASE
    input: str = ""
    output: str = ""
    duration_ms: float = 5.0
    status: str = "ok"
    error_type: str = ""
    error_message: str = ""
    convention: str = "outerloop"


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One row of `ledger`."""

    minute: datetime
    signal: str
    service: str
    entry: str
    reason: str
    count: int


def seed(store: Store, *, calls: int = 1600, seed: int = 7) -> None:
    """Fill an empty, migrated store with all that the views show."""
    rng = np.random.default_rng(seed)
    rows, steps, scores = [], [], []
    for number in range(calls):
        moment = FIRST + (NOW - FIRST) * (number / calls)
        row, step, told = _extraction(number, moment, rng)
        rows.append(row)
        steps.append(step)
        scores += told
    rows += [_chat(number, rng) for number in range(120)]
    for more_rows, more_steps, more_scores in (_hostile(), _deep(), _error()):
        rows, steps, scores = rows + more_rows, steps + more_steps, scores + more_scores
    store.append("calls", rows)
    store.append("calls", rows[:200])  # a sender that sends twice must not count twice
    store.append("steps", steps)
    store.append("scores", scores)
    store.append("checks", _checks(rng))
    store.append("incidents", _incident())
    store.append("datasets", _dataset())
    store.append("retrains", _retrain())
    store.append("ledger", _ledger())
    store.append("job_runs", _job_runs())


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def _extraction(
    number: int, moment: datetime, rng: np.random.Generator
) -> tuple[CallRow, StepRow, list[ScoreRow]]:
    trace = f"t-{number:05d}"
    due = (moment + timedelta(days=int(rng.integers(5, 25)))).date()
    wrong = trace == BAD_TRACE or (moment >= TURN and rng.random() < 0.05) or rng.random() < 0.01
    said = due.replace(year=2023) if wrong and due.year == 2024 else due
    answer = {
        "borrower": f"Customer {number % 97}",
        "due_date": said.isoformat(),
        "amount_usd": 800 + number % 400,
    }
    text = (
        f"Caller asks about the mortgage. Next payment is on {due:%B} {due.day},"
        f" amount {800 + number % 400} dollars."
    )
    failed = rng.random() < 0.008
    row = CallRow(
        moment,
        trace,
        f"{trace}-b",
        SERVICE,
        parent_span_id=f"{trace}-a",
        input_messages=json.dumps(
            [
                {
                    "role": "system",
                    "parts": [{"type": "text", "content": "Extract the fields as JSON."}],
                },
                {"role": "user", "parts": [{"type": "text", "content": text}]},
            ]
        ),
        output_messages="" if failed else _messages("assistant", json.dumps(answer)),
        duration_ms=float(rng.lognormal(6, 0.4)),
        status="error" if failed else "ok",
        error_type="RateLimitError" if failed else "",
        error_message="429: too many requests" if failed else "",
        tags={"tenant": ("acme", "globex")[number % 2]},
        prompt_version="3" if moment < TURN + timedelta(days=2) else "4",
        session_id=f"s-{number // 3}",
        user_id=f"u-{number % 50}",
    )
    step = StepRow(
        moment - timedelta(milliseconds=3),
        trace,
        f"{trace}-a",
        SERVICE,
        "function",
        "extract",
        input=json.dumps({"log": text}),
        output="" if failed else json.dumps(answer),
        duration_ms=row.duration_ms + 8,
    )
    told = []
    if not failed:
        told.append(_score(row, "json_valid", "check", 1.0, moment))
        if said != due:
            told.append(
                _score(
                    row,
                    "year_slip",
                    "check",
                    0.0,
                    moment,
                    explanation=f"due_date is {said}, 1 year off",
                )
            )
        if rng.random() < 0.3:
            told.append(
                _score(
                    row,
                    "faithful",
                    "judge",
                    float(said == due),
                    moment,
                    sampling=0.3,
                    author="judge-v1",
                )
            )
        known_at = moment + timedelta(hours=20)
        if known_at < NOW and rng.random() < 0.7:
            right = json.dumps({**answer, "due_date": due.isoformat()})
            told.append(
                _score(
                    row,
                    "extraction_right",
                    "outcome",
                    float(said == due),
                    known_at,
                    expected=right,
                    target="trace",
                )
            )
            told.append(
                _score(
                    row,
                    "extraction_right",
                    "outcome",
                    float(said == due),
                    known_at,
                    expected=right,
                    joined=True,
                )
            )
    return row, step, told


def _score(
    row: CallRow,
    name: str,
    source: str,
    value: float,
    at: datetime,
    *,
    explanation: str = "",
    expected: str = "",
    target: str = "call",
    sampling: float = 1.0,
    author: str = "app",
    joined: bool = False,
) -> ScoreRow:
    identity = f"{source}:{name}:{row.trace_id}"
    return ScoreRow(
        timestamp=at,
        score_id=f"joined:{identity}" if joined else identity,
        target=target,
        trace_id=row.trace_id,
        span_id=row.span_id if target == "call" else "",
        session_id=row.session_id,
        service=row.service,
        name=name,
        source=source,
        value=value,
        label="",
        explanation=explanation,
        expected=expected,
        author=author,
        observed_at=at,
        sampling_probability=sampling,
    )


def _chat(number: int, rng: np.random.Generator) -> CallRow:
    moment = NOW - timedelta(hours=40) + timedelta(minutes=19 * number)
    return CallRow(
        moment,
        f"c-{number:04d}",
        f"c-{number:04d}-a",
        OTHER,
        release="chat-9",
        request_model="gpt-oss",
        response_model="gpt-oss",
        input_messages=_messages("user", "Where is my parcel?"),
        output_messages=_messages("assistant", "It left the depot this morning."),
        cost_usd=None,
        duration_ms=float(rng.lognormal(7, 0.3)),
        time_to_first_token_ms=float(rng.lognormal(5, 0.2)),
        environment="staging",
    )


def _hostile() -> tuple[list[CallRow], list[StepRow], list[ScoreRow]]:
    row = CallRow(
        NOW - timedelta(minutes=5),
        HOSTILE_TRACE,
        "h-1",
        SERVICE,
        input_messages=_messages("user<script>", HOSTILE + "A" * 1_000_000),
        output_messages=_messages("assistant", HOSTILE),
        tags={"<b>tenant</b>": HOSTILE},
        error_message=HOSTILE,
        status="abandoned",
        session_id=HOSTILE,
    )
    return (
        [row],
        [],
        [
            _score(
                row,
                "<b>name</b>",
                "judge",
                0.0,
                NOW - timedelta(minutes=4),
                explanation=HOSTILE,
                expected=HOSTILE,
            )
        ],
    )


def _deep() -> tuple[list[CallRow], list[StepRow], list[ScoreRow]]:
    start = NOW - timedelta(minutes=30)
    steps = [StepRow(start, DEEP_TRACE, "d-0", SERVICE, "agent", "answer", duration_ms=2600)]
    for place, (kind, name, took) in enumerate(
        (
            ("retriever", "find_documents", 180.0),
            ("tool", "look_up_rate", 320.0),
            ("function", "format_reply", 12.0),
        ),
        1,
    ):
        failed = name == "look_up_rate"
        steps.append(
            StepRow(
                start + timedelta(milliseconds=place * 500),
                DEEP_TRACE,
                f"d-{place}",
                SERVICE,
                kind,
                name,
                parent_span_id="d-0",
                duration_ms=took,
                input='{"query": "rate"}',
                output="" if failed else '["one", "two"]',
                status="error" if failed else "ok",
                error_type="TimeoutError" if failed else "",
                error_message="no answer in 300 ms" if failed else "",
            )
        )
    call = CallRow(
        start + timedelta(milliseconds=1700),
        DEEP_TRACE,
        "d-9",
        SERVICE,
        parent_span_id="d-0",
        input_messages=_messages("user", "What is my rate?"),
        duration_ms=800,
        output_messages=json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        {
                            "type": "tool_call",
                            "id": "1",
                            "name": "look_up_rate",
                            "arguments": {"customer": 7},
                        },
                        {"type": "text", "content": "4.1 %"},
                    ],
                }
            ]
        ),
    )
    return [call], steps, []


def _error() -> tuple[list[CallRow], list[StepRow], list[ScoreRow]]:
    return (
        [
            CallRow(
                NOW - timedelta(minutes=12),
                ERROR_TRACE,
                "e-1",
                SERVICE,
                input_messages=_messages("user", "hello"),
                status="error",
                error_type="APIConnectionError",
                error_message="connection refused",
            )
        ],
        [],
        [],
    )


def _checks(rng: np.random.Generator) -> list[CheckRow]:
    rows, e_value = [], 0.2
    for hour in range(int((NOW - FIRST) / timedelta(hours=1))):
        end = FIRST + timedelta(hours=hour + 1)
        n = 40
        count = int(rng.binomial(n, 0.05 if end > TURN else 0.002))
        e_value = min(max(0.1, e_value * (0.8 if count == 0 else 4.0**count)), 3e12)
        rows.append(
            CheckRow(
                timestamp=end,
                check_id=f"c{hour}",
                detector="year_slip",
                detector_version=1,
                series=f"{SERVICE}/due_date",
                service=SERVICE,
                release=RELEASE,
                field="due_date",
                window_start=end - timedelta(hours=1),
                window_end=end,
                status="drift" if e_value > 40_000 else "stable",
                count=count,
                n=n,
                effect=count / n,
                low=0.0,
                high=0.2,
                baseline=0.002,
                baseline_n=3000,
                e_value=e_value,
                threshold=40_000.0,
                state="{}",
                evidence="{}",
            )
        )
    return rows


def _incident() -> list[IncidentEvent]:
    details = IncidentDetails(
        summary="The field due_date is a year off in 4.8 % of calls since 1 January; nothing was deployed.",
        release=RELEASE,
        rate=0.048,
        low=0.031,
        high=0.071,
        n=520,
        count=25,
        baseline=0.002,
        baseline_n=3000,
        e_value=3.2e6,
        threshold=40_000,
        needed_labels=False,
        slices=[
            SliceShare(
                attribute="field",
                value="due_date",
                rate=0.048,
                rate_elsewhere=0.0,
                share_of_faults=1.0,
                n=520,
            ),
            SliceShare(
                attribute="tag tenant",
                value="acme",
                rate=0.055,
                rate_elsewhere=0.041,
                share_of_faults=0.58,
                n=261,
            ),
        ],
        examples=[
            Example(
                trace_id=BAD_TRACE,
                span_id=f"{BAD_TRACE}-b",
                timestamp=TURN + timedelta(hours=14),
                value="2023-01-15",
                why="due_date is 2023-01-15, 1 year off: 2024-01-15 would fit a call of 2024-01-01",
            )
        ],
        confirmations=[
            Confirmation(
                source="outcome",
                name="extraction_right",
                rate=0.051,
                low=0.03,
                high=0.08,
                n=311,
                baseline=0.011,
            )
        ],
        advice=(
            "Retrain with examples of 2024: the fault sits in what the model learnt, and a"
            " prompt would have to carry the date."
        ),
    )
    opened = TURN + timedelta(hours=5)
    told = [
        ("opened", "incidents", "job", 0),
        ("announced", "alert", "job", 1),
        ("grown", "incidents", "job", 600),
    ]
    return [
        IncidentEvent(
            timestamp=opened + timedelta(minutes=minutes),
            incident_id=INCIDENT,
            event=event,
            actor=actor,
            via=via,
            note="",
            service=SERVICE,
            title="due_date is a year off in 4.8 % of calls",
            severity="page",
            cause="calendar",
            field="due_date",
            detector="year_slip",
            series=f"{SERVICE}/due_date",
            started_at=TURN + timedelta(minutes=20),
            details=details.model_dump_json(),
        )
        for event, actor, via, minutes in told
    ]


def _dataset() -> list[DatasetRow]:
    kinds = [
        ("train", "random", 60),
        ("train", "drifted", 24),
        ("train", "failed_outcome", 9),
        ("validation", "random", 15),
        ("validation", "drifted", 6),
        ("reserved", "random", 40),
    ]
    return [
        DatasetRow(
            created_at=TURN + timedelta(days=1),
            dataset_version=DATASET,
            service=SERVICE,
            split=split,
            trace_id=f"t-{place:05d}",
            span_id=f"{split}-{reason}",
            call_timestamp=TURN,
            input_messages="[]",
            output="{}",
            label="{}" if place % 10 else "",
            label_author="outcome",
            reason=reason,
        )
        for split, reason, members in kinds
        for place in range(members)
    ]


def _rate(count: int, n: int, low: float, high: float) -> Rate:
    return Rate(count / n, low, high, count, n)


def _retrain() -> list[RetrainEvent]:
    since = SliceDifference(
        "period",
        "since",
        _rate(1, 180, 0.0001, 0.03),
        _rate(11, 180, 0.03, 0.107),
        -0.0556,
        -0.095,
        -0.02,
        0.002,
        180,
    )
    before = SliceDifference(
        "period",
        "before",
        _rate(2, 200, 0.001, 0.036),
        _rate(2, 200, 0.001, 0.036),
        0.0,
        -0.02,
        0.02,
        1.0,
        200,
    )
    comparison = Comparison(
        n=380,
        candidate=_rate(3, 380, 0.0016, 0.023),
        production=_rate(13, 380, 0.018, 0.058),
        difference=-0.0263,
        low=-0.046,
        high=-0.008,
        p_value=0.006,
        slices=[since, before],
        advice="better",
        sentence="The candidate is better on calls since the change: 0.6% wrong against 6.1% in production.",
        margin=0.02,
        request_failures=0,
        unlabelled=12,
        seen_in_training=3,
    )
    start = TURN + timedelta(days=1)
    pointer = {
        "service": SERVICE,
        "release": "extractor-2024-01",
        "endpoint": "http://127.0.0.1:9/v1",
        "model": "extractor",
    }
    told = [
        ("proposed", "incidents", "job", "", {"reason": "calendar"}),
        ("requested", "retrain", "job", "93 training calls", {}),
        ("delivered", "retrain", "job", "", {}),
        ("started", "fine-tune job", "callback", "", {}),
        ("finished", "fine-tune job", "callback", "", {"candidate": pointer}),
        ("compared", "retrain", "job", comparison.sentence, {"comparison": asdict(comparison)}),
    ]
    return [
        RetrainEvent(
            timestamp=start + timedelta(minutes=10 * place),
            retrain_id=RETRAIN,
            event=event,
            actor=actor,
            via=via,
            note=note,
            incident_id=INCIDENT,
            service=SERVICE,
            base_release=RELEASE,
            candidate_release="extractor-2024-01" if place > 3 else "",
            dataset_version=DATASET if place else "",
            details=json.dumps(details),
        )
        for place, (event, actor, via, note, details) in enumerate(told)
    ]


def _ledger() -> list[LedgerRow]:
    rows = []
    for hour in range(96):
        minute = NOW - timedelta(hours=hour, minutes=1)
        rows += [
            LedgerRow(minute, "traces", SERVICE, "accepted", "", 40),
            LedgerRow(minute, "traces", SERVICE, "stored", "", 40),
        ]
        rows += (
            [LedgerRow(minute, "traces", SERVICE, "rejected", "malformed", 2)]
            if hour % 30 == 5
            else []
        )
    return rows


def _job_runs() -> list[JobRun]:
    return [
        JobRun(
            started_at=NOW - timedelta(hours=hour, minutes=2),
            finished_at=NOW - timedelta(hours=hour, minutes=1),
            run_id=f"{job}-{hour}",
            job=job,
            window_start=NOW - timedelta(hours=hour + 1),
            window_end=NOW - timedelta(hours=hour),
            outcome="failed" if job == "alert" and hour == 3 else "ok",
            duration_ms=120.0 + hour,
            counts={"calls": 40},
            error="DeliveryError: Slack answered 503" if job == "alert" and hour == 3 else "",
        )
        for job in ("checks", "temporal", "rates", "incidents", "alert")
        for hour in range(30)
    ]
