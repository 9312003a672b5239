"""POV: a fixed share of everything traded, ourselves included, and never more."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from backend.domain.algorithms import twap
from backend.domain.algorithms.model import Market, Parent, Plan, Progress, Schedule, Slice, Wish
from backend.domain.algorithms.volume_curve import VolumeCurve, expected_volume
from backend.domain.numbers import ZERO, floor_to_step
from backend.domain.sessions import Session


def schedule(plan: Plan, curves: Mapping[Session, VolumeCurve]) -> Schedule:
    """State what our share of the usual volume comes to; it may not reach the quantity.

    Raises ValueError if the curves do not cover the parent's time.
    """
    parent, terms = plan.parent, plan.terms
    slices: list[Slice] = []
    for at in twap.slice_instants(plan):
        usual = expected_volume(curves, parent.starts_at, at)
        if usual is None:
            raise ValueError("no volume curve for a session in which the order would work")
        others = usual * terms.lots_per_volume
        slices.append(Slice(at, allowed(parent, terms.participation, others)))
    return Schedule(tuple(slices))


def wish(plan: Plan, progress: Progress, market: Market) -> Wish:
    """Want our share of what others traded; nothing while that is unknown."""
    if market.traded is None:
        return Wish(ZERO, why="what others traded is unknown")
    return Wish(allowed(plan.parent, plan.terms.participation, market.traded))


def allowed(parent: Parent, participation: Decimal, others: Decimal) -> Decimal:
    """Return how much we may have traded beside others: r / (1 - r) of theirs, not r of it.

    Raises ValueError if the participation is not between 0 and 1.
    """
    if not 0 < participation < 1:
        raise ValueError("participation must lie between 0 and 1")
    most = others * participation / (1 - participation)
    return min(parent.quantity, floor_to_step(most, parent.volume_step))
