"""Iceberg: show a small part at the touch, refill when it is gone, from the queue's end."""

from __future__ import annotations

from decimal import Decimal

from backend.domain.algorithms import twap
from backend.domain.algorithms.apportion import running_totals
from backend.domain.algorithms.model import (
    Market,
    Parent,
    Plan,
    Progress,
    Schedule,
    Slice,
    Terms,
    Wish,
)
from backend.domain.numbers import ceil_to_step


def schedule(plan: Plan) -> Schedule:
    """State that parts of the shown size go one after another over the time."""
    parent = plan.parent
    instants = twap.slice_instants(plan)
    weights = [Decimal(1)] * len(instants)
    totals = running_totals(parent.quantity, weights, parent.volume_step)
    return Schedule(tuple(Slice(at, total) for at, total in zip(instants, totals, strict=True)))


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want one shown part at the touch, and the next when that one is gone."""
    parent, terms = plan.parent, plan.terms
    shown = displayed(parent, terms)
    if progress.resting:
        return Wish(progress.released, why="the shown part still rests")
    return Wish(progress.filled + shown, market.near(parent.side), shown, "refill at the touch")


def displayed(parent: Parent, terms: Terms) -> Decimal:
    """Return how much is shown at a time."""
    share = ceil_to_step(parent.quantity * terms.display_share, parent.volume_step)
    return max(parent.volume_min, min(share, parent.quantity))
