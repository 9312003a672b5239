"""What a choice of venue looks at, what bounds it, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Refusal(StrEnum):
    """Why a venue may not be chosen."""

    UNUSABLE = "UNUSABLE"
    CONCENTRATION = "CONCENTRATION"


@dataclass(frozen=True, slots=True)
class VenueState:
    """One venue as it is now.

    spread_bps: whole spread. depth: lots at the touch. rejection_rate: 0 to 1. latency_ms: the
    95th percentile. exposure: notional that already lies with this counterparty. usable: its
    health is known, fresh and good enough.
    """

    venue_id: str
    spread_bps: Decimal
    depth: Decimal
    rejection_rate: Decimal
    latency_ms: int
    exposure: Decimal
    usable: bool = True


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """The order to place: lots, and notional in account currency."""

    quantity: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True)
class Explored:
    """What was chosen in the window that the budget counts, and how much of it explored."""

    orders: int = 0
    explored_orders: int = 0
    notional: Decimal = Decimal(0)
    explored_notional: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class VenuePolicy:
    """Bounds of a choice. All shares are 0 to 1; notionals in account currency."""

    counterparty_share_max: Decimal
    """Of all exposure, the order included, that may lie with one counterparty."""
    counterparty_notional_max: Decimal
    counterparty_notional_free: Decimal
    """Up to here the share does not count: the first order is always all there is."""
    exploration_orders_share: Decimal
    """Of the orders, and of the chance of each, that may go elsewhere than to the best."""
    exploration_notional_share: Decimal
    exploration_notional_max: Decimal
    """A larger order goes to the best venue known."""
    probability_min: Decimal
    """Every eligible venue's least chance while there is room to explore, or nothing can be
    evaluated later."""
    reward_bps_max: Decimal
    """Costs are clipped here: one bad fill is no reason to leave a venue."""
    draws: int = 512
    """Draws from what is believed, of which the chances are counted."""


@dataclass(frozen=True, slots=True)
class VenueChoice:
    """The venue chosen, and with what chance each could have been.

    explored: another venue was expected to cost less. probabilities: of the eligible venues, in
    the order of their names; they add up to 1. refused: who was not eligible.
    """

    venue_id: str
    propensity: Decimal
    explored: bool
    best_venue_id: str
    probabilities: tuple[tuple[str, Decimal], ...]
    refused: tuple[tuple[str, Refusal], ...] = ()


@dataclass(frozen=True, slots=True)
class NoVenue:
    """No venue may be chosen, and why each may not."""

    refused: tuple[tuple[str, Refusal], ...]


_DRAWS = range(64, 4_097)


def bounds_fault(policy: VenuePolicy) -> str | None:
    """Say which bound makes no sense; None if all do."""
    shares = (
        policy.counterparty_share_max,
        policy.exploration_orders_share,
        policy.exploration_notional_share,
        policy.probability_min,
    )
    amounts = (
        policy.counterparty_notional_max,
        policy.counterparty_notional_free,
        policy.exploration_notional_max,
    )
    if not all(0 <= share <= 1 for share in shares):
        return "shares and chances are 0 to 1"
    if policy.probability_min > policy.exploration_orders_share:
        return "the least chance is more than may be explored"
    if any(amount < 0 for amount in amounts) or policy.reward_bps_max <= 0:
        return "notionals are not below zero, and a clipped cost is above it"
    if policy.draws not in _DRAWS:
        return "chances are counted from 64 to 4096 draws"
    return None
