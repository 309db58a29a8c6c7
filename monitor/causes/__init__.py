"""Why did it happen? Every suspect is weighed against the calls, with what speaks for it and what against.

`reading` gathers the calls before and after a change and what else the store knows; `weigh` is pure and ranks the
causes.
"""

from monitor.causes.reading import (
    FaultCall,
    Flagged,
    Subject,
    judge_witness,
    read_calls,
    sightings,
    spelled,
)
from monitor.causes.situation import JudgeWitness, SampledCall, Sighting, Situation, Witness
from monitor.causes.weighing import CAUSES, weigh

__all__ = [
    "CAUSES",
    "FaultCall",
    "Flagged",
    "JudgeWitness",
    "SampledCall",
    "Sighting",
    "Situation",
    "Subject",
    "Witness",
    "judge_witness",
    "read_calls",
    "sightings",
    "spelled",
    "weigh",
]
