"""From one order to child orders: at once, or evenly over time (TWAP)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from backend.domain.numbers import ZERO, floor_to_step
from backend.values import LatencyClass

CHILDREN_MAX = 200


class Algorithm(StrEnum):
    """Algorithms that this module plans."""

    IMMEDIATE = "immediate"
    TWAP = "twap"


@dataclass(frozen=True, slots=True)
class SlicingPolicy:
    """Numbers of the pack."""

    twap_above: Decimal
    """Orders above this many lots are spread over time."""
    twap_duration_s: int
    twap_interval_s: int
    child_ttl_s: int


@dataclass(frozen=True, slots=True)
class SlicingFacts:
    """The order to cut; quantities are lots on the instrument's step."""

    quantity: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    latency_class: LatencyClass
    starts_at: datetime
    ends_at_max: datetime | None = None
    """The window after which nothing may be sent any more."""


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """One child: what, when at the earliest, and until when."""

    child_index: int
    quantity: Decimal
    not_before: datetime
    expires_at: datetime
    algorithm: Algorithm
    latency_class: LatencyClass


def slice_order(facts: SlicingFacts, policy: SlicingPolicy) -> tuple[ChildOrder, ...]:
    """Plan the children; their quantities sum to the order's.

    Raises ValueError if the quantity is below the minimum, off the step, or needs more than
    CHILDREN_MAX children.
    """
    if facts.quantity < facts.volume_min or facts.quantity % facts.volume_step != 0:
        raise ValueError("quantity below minimum or off the step")
    if facts.quantity > policy.twap_above and facts.latency_class is not LatencyClass.IMMEDIATE:
        return _plan(facts, policy, Algorithm.TWAP, twap_offsets(facts, policy))
    return _plan(facts, policy, Algorithm.IMMEDIATE, (0,) * children_needed(facts))


def children_needed(facts: SlicingFacts) -> int:
    """Return the fewest children that the venue's largest volume allows.

    Raises ValueError above CHILDREN_MAX.
    """
    largest = floor_to_step(facts.volume_max, facts.volume_step)
    count = int((facts.quantity / largest).to_integral_value(ROUND_CEILING))
    if count > CHILDREN_MAX:
        raise ValueError(f"more than {CHILDREN_MAX} children")
    return max(1, count)


def twap_offsets(facts: SlicingFacts, policy: SlicingPolicy) -> tuple[int, ...]:
    """Return the start of each slice in seconds, evenly spaced and inside the window."""
    duration_s = policy.twap_duration_s
    if facts.ends_at_max is not None:
        window_s = int((facts.ends_at_max - facts.starts_at) / timedelta(seconds=1))
        duration_s = max(0, min(duration_s, window_s - policy.child_ttl_s))
    wanted = min(CHILDREN_MAX, duration_s // max(1, policy.twap_interval_s) + 1)
    affordable = max(1, int(facts.quantity // max(facts.volume_min, facts.volume_step)))
    count = max(children_needed(facts), min(wanted, affordable))
    if count == 1:
        return (0,)
    return tuple(duration_s * i // (count - 1) for i in range(count))


def even_quantities(quantity: Decimal, count: int, step: Decimal) -> tuple[Decimal, ...]:
    """Cut a quantity into `count` parts on the step that differ by at most one step."""
    share = floor_to_step(quantity / count, step)
    extra = int((quantity - share * count) / step)
    return tuple(share + (step if i < extra else ZERO) for i in range(count))


def _plan(
    facts: SlicingFacts, policy: SlicingPolicy, algorithm: Algorithm, offsets_s: tuple[int, ...]
) -> tuple[ChildOrder, ...]:
    quantities = even_quantities(facts.quantity, len(offsets_s), facts.volume_step)
    children: list[ChildOrder] = []
    for offset_s, quantity in zip(offsets_s, quantities, strict=True):
        not_before = facts.starts_at + timedelta(seconds=offset_s)
        expires_at = not_before + timedelta(seconds=policy.child_ttl_s)
        if facts.ends_at_max is not None:
            expires_at = min(expires_at, facts.ends_at_max)
        children.append(
            ChildOrder(
                len(children), quantity, not_before, expires_at, algorithm, facts.latency_class
            )
        )
    return tuple(children)
