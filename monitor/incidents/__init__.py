"""An incident: one regression, one explanation, one life. Its state is the latest event of its id.

`opened` when a detector alarms, `grown` when evidence adds to it, `announced` when people were told,
`acknowledged` and `snoozed` by people, `resolved` when the rate is statistically back (or by a person),
`advised` when another cure fits than before,
`reopened` when it returns, a snooze ends or a person says so; `escalated` when nobody took it on in time.
"""

from monitor.incidents.details import (
    Alarm,
    Announcement,
    ChangePoint,
    Confirmation,
    CureAdvice,
    Example,
    Hypothesis,
    IncidentDetails,
    SliceShare,
)
from monitor.incidents.life import (
    SNOOZE,
    TIERS,
    Incident,
    act,
    fold,
    incident,
    incidents,
    operational,
    tell,
    wake,
)

__all__ = [
    "SNOOZE",
    "TIERS",
    "Alarm",
    "Announcement",
    "ChangePoint",
    "Confirmation",
    "CureAdvice",
    "Example",
    "Hypothesis",
    "Incident",
    "IncidentDetails",
    "SliceShare",
    "act",
    "fold",
    "incident",
    "incidents",
    "operational",
    "tell",
    "wake",
]
