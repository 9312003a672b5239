"""VWAP: in each interval the share of the volume that is usually traded in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from backend.domain.algorithms import twap
from backend.domain.algorithms.apportion import running_totals
from backend.domain.algorithms.model import Market, Plan, Progress, Schedule, Slice, Wish
from backend.domain.algorithms.volume_curve import VolumeCurve, expected_volume
from backend.domain.sessions import Session


def schedule(plan: Plan, curves: Mapping[Session, VolumeCurve]) -> Schedule:
    """State parts in proportion to the usual volume from each instant to the next.

    Raises ValueError if the curves do not cover the parent's time or are empty there.
    """
    parent = plan.parent
    instants = twap.slice_instants(plan)
    last = instants[-1] + timedelta(seconds=max(1, plan.terms.child_ttl_s))
    weights = [
        expected_volume(curves, since, until)
        for since, until in zip(instants, (*instants[1:], last), strict=True)
    ]
    known = [weight for weight in weights if weight is not None]
    if len(known) < len(weights):
        raise ValueError("no volume curve for a session in which the order would work")
    totals = running_totals(parent.quantity, known, parent.volume_step)
    return Schedule(tuple(Slice(at, total) for at, total in zip(instants, totals, strict=True)))


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want what the schedule says."""
    return Wish(plan.schedule.total_at(market.now))
