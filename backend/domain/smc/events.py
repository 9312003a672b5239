"""What the detectors report."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

RULE_VERSION = "smc-1"


class EventKind(StrEnum):
    """Kinds of structure; definitions stand at the detectors."""

    SWING = "swing"
    BOS = "bos"
    CHOCH = "choch"
    FVG = "fvg"
    SWEEP = "sweep"
    PREMIUM = "premium"
    DISCOUNT = "discount"


@dataclass(frozen=True, slots=True)
class SmcSettings:
    """Scale of the detectors. swing_bars: bars on each side that a fractal needs."""

    swing_bars: int = 3


DEFAULT_SETTINGS = SmcSettings()


@dataclass(frozen=True, slots=True)
class StructureEvent:
    """One event. `known_at` is the first bar at whose close it can be known.

    direction: +1 up (swing high, upward break, bullish gap), -1 down. A sweep points the
    way that price is expected to take after it: a swept low is +1. For gaps, `lower` and
    `upper` bound the gap and `level` is its middle; elsewhere all three are the level.
    """

    kind: EventKind
    direction: int
    event_bar: int
    known_at: int
    level: float
    lower: float
    upper: float
