"""What happens when: kills and faults in an order that the seed alone decides."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BRIDGE, TERMINAL, POSTGRES = "bridge", "terminal", "postgres"
WORKERS = ("worker-1", "worker-2")
PARTS = (BRIDGE, TERMINAL, *WORKERS, POSTGRES)
_WEIGHTS = (30, 25, 12, 12, 21)

UNAWAITED_MAX = 2
"""So many kills in a row may fall into the recovery from the one before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of the terminal's faults, for so many of the calls that it strikes."""

    name: str
    calls: int = 1
    action: str = "deal"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


FAULTS = (
    Fault("lost_answer", 2),
    Fault("duplicate_answer", 2),
    Fault("disconnect_after"),
    Fault("no_answer", parameters={"ms": 3_000.0}),
    Fault("stale_answer"),
    Fault("crash_after"),
    Fault("late_execution"),
    Fault("late_records"),
    Fault("lost_request"),
    Fault("disconnect_before"),
    Fault("crash_before"),
    Fault("partial_fill", 2),
    Fault("requote"),
    # Limits are placed and withdrawn under faults, too.
    Fault("lost_answer", action="pending"),
    Fault("crash_after", action="pending"),
    Fault("lost_answer", action="remove"),
    Fault("disconnect_after", action="remove"),
)


@dataclass(frozen=True, slots=True)
class Strike:
    """One kill. awaited: the next one comes only after a fill by what was killed.

    pause_s: from there until the next strike. fault: put in force before the pause.
    """

    part: str
    awaited: bool
    pause_s: float
    fault: Fault | None


def plan_strikes(seed: int, kills: int) -> list[Strike]:
    """Plan so many kills; every part comes up before any part is drawn at random."""
    dice = random.Random(seed)
    first = dice.sample(PARTS, len(PARTS))
    strikes: list[Strike] = []
    unawaited = 0
    for number in range(kills):
        part = dice.choices(PARTS, _WEIGHTS)[0]
        part = first[number] if number < len(first) else part
        hasty = dice.random() < 0.25 and unawaited < UNAWAITED_MAX and number < kills - 1
        unawaited = unawaited + 1 if hasty else 0
        pause_s = round(dice.uniform(0.05, 3.0), 3)
        fault = dice.choice(FAULTS) if dice.random() < 0.6 else None
        strikes.append(Strike(part, not hasty, pause_s, fault))
    return strikes
