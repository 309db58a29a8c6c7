"""What kind of cure fits an incident: prompt, examples, retrain, data, judge, rollback or none, with the evidence.

`monitor.advice.reading.situation_of` reads the facts, `advise` weighs them and is pure.
"""

from monitor.advice.advising import Advice, advise
from monitor.advice.cure import Cure, Effect
from monitor.advice.cures import CURES
from monitor.advice.learnability import Learnability, failing_learnable, label_learnable
from monitor.advice.situation import (
    ENOUGH,
    Cooling,
    Costs,
    Counted,
    Labels,
    Owner,
    Past,
    Promoted,
    Situation,
)

__all__ = [
    "CURES",
    "ENOUGH",
    "Advice",
    "Cooling",
    "Costs",
    "Counted",
    "Cure",
    "Effect",
    "Labels",
    "Learnability",
    "Owner",
    "Past",
    "Promoted",
    "Situation",
    "advise",
    "failing_learnable",
    "label_learnable",
]
