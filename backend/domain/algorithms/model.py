"""The words of working an order: parent, plan, progress, market, and the next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from backend.domain.numbers import ZERO
from backend.values import LatencyClass, OrderType, Side

CHILDREN_MAX = 200
"""No parent has more children than this, whatever happens to them."""


class Algorithm(StrEnum):
    """How an order is worked."""

    IMMEDIATE = "immediate"
    TWAP = "twap"
    VWAP = "vwap"
    POV = "pov"
    ICEBERG = "iceberg"
    PASSIVE = "passive"
    ADAPTIVE = "adaptive"


@dataclass(frozen=True, slots=True)
class Parent:
    """The order to be worked; quantities are lots on the instrument's step."""

    side: Side
    quantity: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    tick_size: Decimal
    latency_class: LatencyClass
    starts_at: datetime
    ends_at: datetime
    """After this nothing works any more."""
    seed: int
    limit_price: Decimal | None = None
    """No child may be worse than this."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The pack's numbers as they were when the parent was planned."""

    urgency: Decimal
    """0: wait for the best price; 1: be done."""
    interval_s: int
    child_ttl_s: int
    jitter_share: Decimal
    """By how much of an interval slices are shifted, so that nobody can wait for them."""
    participation: Decimal
    """Our share of everything traded, ourselves included."""
    lots_per_volume: Decimal
    """Lots that one unit of a bar's volume stands for."""
    display_share: Decimal
    child_max: Decimal
    """Largest child in lots where no depth is known."""
    depth_share: Decimal
    """Largest share of the quantity at the touch that a child takes."""
    fill_probability_min: Decimal
    ahead_share: Decimal
    """How far an adaptive order may run ahead of or behind its schedule."""
    spread_ratio_max: Decimal
    """A spread this many times the usual one is wide."""
    defer_s_max: int
    park_s_max: int
    pace_s: int = 0
    """What the venue needs between two children, by its own record; 0: unknown."""


@dataclass(frozen=True, slots=True)
class Slice:
    """How much is to have been released from an instant on."""

    at: datetime
    total: Decimal


@dataclass(frozen=True, slots=True)
class Schedule:
    """What was said in advance; `total` never falls and ends at the parent's quantity."""

    slices: tuple[Slice, ...]

    def total_at(self, instant: datetime) -> Decimal:
        """Return how much is to have been released by an instant."""
        return max((s.total for s in self.slices if s.at <= instant), default=ZERO)

    def next_after(self, instant: datetime) -> datetime | None:
        """Return when more becomes due."""
        return min((s.at for s in self.slices if s.at > instant), default=None)


@dataclass(frozen=True, slots=True)
class Plan:
    """A parent, how it is worked, and the schedule that was stated for it."""

    parent: Parent
    algorithm: Algorithm
    terms: Terms
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Resting:
    """A child that may still be executed."""

    quantity: Decimal
    """What of it is not filled yet."""
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of the children so far, as their rows say."""

    filled: Decimal = ZERO
    resting: tuple[Resting, ...] = ()
    children: int = 0
    last_sent_at: datetime | None = None

    @property
    def released(self) -> Decimal:
        """Return what was filled or may still be."""
        return self.filled + sum((child.quantity for child in self.resting), ZERO)


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of the market now; None is unknown."""

    now: datetime
    bid: Decimal
    ask: Decimal
    spread_usual: Decimal | None = None
    depth: Decimal | None = None
    """Lots at the touch that an order of ours would take from."""
    queue: Decimal | None = None
    """Lots at the touch that an order of ours would wait behind."""
    traded: Decimal | None = None
    """Lots that others traded since the parent's start."""
    rate: Decimal | None = None
    """Lots that others trade a second."""
    is_open: bool = True

    @property
    def spread(self) -> Decimal:
        """Return ask minus bid."""
        return self.ask - self.bid

    @property
    def spread_ratio(self) -> Decimal | None:
        """Return how wide the spread is against the usual one."""
        return None if not self.spread_usual else self.spread / self.spread_usual

    def near(self, side: Side) -> Decimal:
        """Return the touch at which an order of that side waits."""
        return self.bid if side is Side.BUY else self.ask

    def far(self, side: Side) -> Decimal:
        """Return the touch that an order of that side takes."""
        return self.ask if side is Side.BUY else self.bid


@dataclass(frozen=True, slots=True)
class Send:
    """Send a child now: at the market if it has no price, else resting at its price."""

    quantity: Decimal
    limit_price: Decimal | None
    expires_at: datetime
    """Until when it may be sent, and may rest."""
    why: str

    @property
    def order_type(self) -> OrderType:
        """Return what the venue is asked for."""
        return OrderType.MARKET if self.limit_price is None else OrderType.LIMIT


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again at an instant."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more is sent."""

    why: str


Step = Send | Wait | Finished


@dataclass(frozen=True, slots=True)
class Wish:
    """What an algorithm wants before venue and parent bound it."""

    total: Decimal
    """How much is to have been released in all."""
    limit_price: Decimal | None = None
    at_most: Decimal | None = None
    """Largest child."""
    why: str = "due"


def share_of_time(parent: Parent, now: datetime) -> Decimal:
    """Return how much of a parent's time is over, from 0 to 1."""
    length = parent.ends_at - parent.starts_at
    if length <= timedelta(0):
        return Decimal(1)
    passed = (now - parent.starts_at) / timedelta(microseconds=1)
    whole = length / timedelta(microseconds=1)
    return max(ZERO, min(Decimal(1), Decimal(int(passed)) / Decimal(int(whole))))
