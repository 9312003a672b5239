"""What the detectors report: kinds, states, settings, and the event itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

RULE_VERSION = "smc-2"


class EventKind(StrEnum):
    """Kinds of structure; definitions stand at the detectors."""

    SWING = "swing"
    EQUAL = "equal"
    """Equal highs (direction +1) or equal lows (-1)."""
    PREVIOUS_DAY = "previous_day"
    PREVIOUS_WEEK = "previous_week"
    BOS = "bos"
    CHOCH = "choch"
    SMS = "sms"
    DISPLACEMENT = "displacement"
    FVG = "fvg"
    ORDER_BLOCK = "order_block"
    BREAKER = "breaker"
    MITIGATION_BLOCK = "mitigation_block"
    INDUCEMENT = "inducement"
    PREMIUM = "premium"
    DISCOUNT = "discount"
    OTE = "ote"


class State(StrEnum):
    """What became of a structure; each change is an event of its own."""

    FORMED = "formed"
    TAPPED = "tapped"
    """Zones: price reached the near edge."""
    MITIGATED = "mitigated"
    """Zones: price reached the middle (of a gap: consequent encroachment)."""
    FILLED = "filled"
    """Zones: price reached the far edge."""
    INVALIDATED = "invalidated"
    """Zones: a bar closed beyond the far edge."""
    SWEPT = "swept"
    """Pools: taken, and a bar closed back inside soon enough."""
    RUN = "run"
    """Pools: taken, and no bar closed back inside soon enough."""


POOL_KINDS = (
    EventKind.SWING,
    EventKind.EQUAL,
    EventKind.PREVIOUS_DAY,
    EventKind.PREVIOUS_WEEK,
)
ZONE_KINDS = (
    EventKind.FVG,
    EventKind.ORDER_BLOCK,
    EventKind.BREAKER,
    EventKind.MITIGATION_BLOCK,
)


class DayTurn(StrEnum):
    """When a trading day begins; the week begins with Monday's."""

    NEW_YORK_CLOSE = "new_york_close"
    """17:00 in New York, as foreign exchange and metals have it."""
    UTC = "utc"
    """Midnight UTC, for markets that never close."""


class SwingRule(StrEnum):
    """What makes a swing; definitions stand at the detectors."""

    FRACTAL = "fractal"
    LEG = "leg"


@dataclass(frozen=True, slots=True)
class SmcSettings:
    """Scale and thresholds of the detectors. Raises ValueError on one that makes no sense."""

    swing_bars: int = 3
    """Bars on each side that a swing needs, and so the bars until it is known."""
    minor_bars: int = 1
    """The same for the minor swings that inducement looks at, which are fractals."""
    atr_bars: int = 14
    equal_atr: float = 0.1
    """Swings are equal within this many average true ranges."""
    reclaim_bars: int = 3
    """A close back inside counts on the bar that took a pool and so many in all."""
    displacement_atr: float = 1.0
    """A displacement's body against the average true range before it."""
    displacement_body: float = 0.6
    """A displacement's body against its own range."""
    day_turn: DayTurn = DayTurn.NEW_YORK_CLOSE
    swing_rule: SwingRule = SwingRule.FRACTAL

    def __post_init__(self) -> None:
        if self.swing_bars < 1 or self.minor_bars < 1:
            raise ValueError("a swing needs at least one bar on each side")
        if self.atr_bars < 1 or self.reclaim_bars < 1:
            raise ValueError("a window needs at least one bar")
        if min(self.equal_atr, self.displacement_atr, self.displacement_body) < 0:
            raise ValueError("a threshold is negative")


DEFAULT_SETTINGS = SmcSettings()


class StructureEvent(NamedTuple):
    """One event. `known_at` is the first bar at whose close it can be known.

    A structure is named by kind, direction and event_bar; later events of the same name say
    what became of it. direction: +1 up (swing high, upward break, bullish zone, level above the
    market), -1 down; a swept high (+1) is expected to send price down. For zones `lower` and
    `upper` bound the zone and `level` is its middle; premium, discount and OTE carry the bounds
    of their range; inducement carries the block's; elsewhere all three are the level.
    """

    known_at: int
    kind: EventKind
    state: State
    event_bar: int
    direction: int
    level: float
    lower: float
    upper: float
