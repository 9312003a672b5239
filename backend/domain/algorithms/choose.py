"""Choose how an order is worked, by the pack's thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.algorithms.model import Algorithm, Terms
from backend.values import LatencyClass

BY_VOLUME = frozenset({Algorithm.VWAP, Algorithm.POV})


@dataclass(frozen=True, slots=True)
class SlicingPolicy:
    """Numbers of the pack."""

    immediate_up_to: Decimal
    """Orders of at most this many lots go at once, once their latency class lets them."""
    algorithm: Algorithm
    """How larger ones are worked."""
    algorithm_parked: Algorithm
    """How larger ones are worked that nobody waits for."""
    duration_s: int
    """How long an order is worked, waiting left out."""
    child_ttl_s: int
    interval_s: int
    urgency: Decimal
    jitter_share: Decimal
    participation: Decimal
    lots_per_volume: Decimal
    display_share: Decimal
    child_max: Decimal
    depth_share: Decimal
    fill_probability_min: Decimal
    ahead_share: Decimal
    spread_ratio_max: Decimal
    defer_s_max: int
    park_s_max: int
    pace_s: int = 0
    """Of the venue, not of the pack: see `paced`."""

    def paced(self, pace_s: int) -> SlicingPolicy:
        """Return the numbers for a venue that needs so long to answer and settle.

        Intervals are no shorter, a child lives long enough to be sent after another one and
        answered, and the window grows by what its last child needs more.
        """
        ttl_s = max(self.child_ttl_s, 2 * pace_s)
        return replace(
            self,
            pace_s=pace_s,
            interval_s=max(self.interval_s, pace_s),
            child_ttl_s=ttl_s,
            duration_s=self.duration_s + ttl_s - self.child_ttl_s,
        )

    def terms(self) -> Terms:
        """Return what is kept with a parent."""
        return Terms(
            urgency=self.urgency,
            interval_s=self.interval_s,
            child_ttl_s=self.child_ttl_s,
            jitter_share=self.jitter_share,
            participation=self.participation,
            lots_per_volume=self.lots_per_volume,
            display_share=self.display_share,
            child_max=self.child_max,
            depth_share=self.depth_share,
            fill_probability_min=self.fill_probability_min,
            ahead_share=self.ahead_share,
            spread_ratio_max=self.spread_ratio_max,
            defer_s_max=self.defer_s_max,
            park_s_max=self.park_s_max,
            pace_s=self.pace_s,
        )

    def goes_at_once(self, latency_class: LatencyClass, quantity: Decimal) -> bool:
        """Tell whether an order neither waits nor is worked."""
        if latency_class is LatencyClass.IMMEDIATE:
            return True
        return quantity <= self.immediate_up_to and not self.waits_s(latency_class)

    def waits_s(self, latency_class: LatencyClass) -> int:
        """Return how long an order of a class may wait before it begins."""
        if latency_class is LatencyClass.IMMEDIATE:
            return 0
        return self.park_s_max if latency_class is LatencyClass.PARK else self.defer_s_max


def fault_of(policy: SlicingPolicy) -> str | None:
    """Say what about a pack's numbers makes no sense, or None."""
    shares = {
        "urgency": policy.urgency,
        "jitter_share": policy.jitter_share,
        "display_share": policy.display_share,
        "depth_share": policy.depth_share,
        "fill_probability_min": policy.fill_probability_min,
        "ahead_share": policy.ahead_share,
    }
    for name, share in shares.items():
        if not 0 <= share <= 1:
            return f"{name} is a share from 0 to 1"
    if not 0 < policy.participation < 1:
        return "participation lies between 0 and 1"
    positive = (policy.display_share, policy.depth_share, policy.child_max, policy.lots_per_volume)
    if min(positive) <= 0 or policy.spread_ratio_max <= 0:
        return "sizes and ratios are above 0"
    if min(policy.interval_s, policy.child_ttl_s) < 1 or policy.child_ttl_s >= policy.duration_s:
        return "an order works longer than one of its children"
    if min(policy.defer_s_max, policy.park_s_max, policy.immediate_up_to) < 0:
        return "nothing waits for less than no time"
    return None


@dataclass(frozen=True, slots=True)
class Chosen:
    """An algorithm, until when it works, and why it is this one."""

    algorithm: Algorithm
    ends_at: datetime
    worked: bool
    """False: children go now and nothing is left to be decided."""
    why: str


def choose(
    policy: SlicingPolicy,
    latency_class: LatencyClass,
    quantity: Decimal,
    now: datetime,
    *,
    volume_known: bool,
) -> Chosen:
    """Choose an algorithm; what goes by volume needs a curve, and without one goes by time."""
    soon = now + timedelta(seconds=policy.child_ttl_s)
    if latency_class is LatencyClass.IMMEDIATE:
        return Chosen(Algorithm.IMMEDIATE, soon, worked=False, why="its class is immediate")
    wait = timedelta(seconds=policy.waits_s(latency_class))
    if quantity <= policy.immediate_up_to:
        why = f"up to {policy.immediate_up_to:f} lots go at once"
        return Chosen(Algorithm.IMMEDIATE, soon + wait, worked=bool(wait), why=why)
    parked = latency_class is LatencyClass.PARK
    algorithm = policy.algorithm_parked if parked else policy.algorithm
    why = f"above {policy.immediate_up_to:f} lots"
    if algorithm in BY_VOLUME and not volume_known:
        why = f"{why}; no volume curve for {algorithm.value}"
        algorithm = Algorithm.TWAP
    if algorithm is Algorithm.IMMEDIATE:
        return Chosen(algorithm, soon + wait, worked=bool(wait), why=why)
    ends_at = now + wait + timedelta(seconds=policy.duration_s)
    return Chosen(algorithm, ends_at, worked=True, why=why)
