"""Latency classes: immediate goes, deferred may wait for a usual spread, parked must."""

from __future__ import annotations

from datetime import timedelta

from backend.domain.algorithms.model import Finished, Market, Plan, Progress, Step, Wait
from backend.values import LatencyClass


def hold_back(plan: Plan, progress: Progress, market: Market) -> Step | None:
    """Return why the first child does not go yet, or None if it may.

    What has begun goes on: a class says when to start, the algorithm how to go on.
    """
    parent, terms = plan.parent, plan.terms
    if parent.latency_class is LatencyClass.IMMEDIATE or progress.children:
        return None
    ratio = market.spread_ratio
    again = market.now + timedelta(seconds=max(1, min(terms.interval_s, 5)))
    if parent.latency_class is LatencyClass.DEFER:
        over = parent.starts_at + timedelta(seconds=terms.defer_s_max)
        if market.now >= over or ratio is None or ratio <= terms.spread_ratio_max:
            return None
        return Wait(min(again, over), "deferred: the spread is wide")
    # Parked: only a market that is known to be open and usual releases it.
    if market.is_open and ratio is not None and ratio <= terms.spread_ratio_max:
        return None
    if market.now >= parent.starts_at + timedelta(seconds=terms.park_s_max):
        return Finished("parked for too long")
    why = "the market is closed" if not market.is_open else "the spread is wide or unknown"
    return Wait(again, f"parked: {why}")
