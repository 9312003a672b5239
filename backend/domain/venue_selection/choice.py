"""Choose a venue: limits first, then chances within the bounds of exploration, then one draw.

The chances are counted from draws of what is believed (Thompson sampling), floored so that each
venue stays evaluable, and capped at the policy's share. The venue is drawn from just these, so
the propensity on record is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from backend.domain.market.bars import FloatArray
from backend.domain.numbers import ONE, ZERO, decimal_from_float
from backend.domain.venue_selection.bandit import Posterior, features_of
from backend.domain.venue_selection.model import (
    Explored,
    NoVenue,
    Refusal,
    VenueChoice,
    VenueOrder,
    VenuePolicy,
    VenueState,
)


def choose_venue(
    states: Sequence[VenueState],
    order: VenueOrder,
    posterior: Posterior,
    policy: VenuePolicy,
    explored: Explored,
    seed: int,
) -> VenueChoice | NoVenue:
    """Choose among the venues that limits leave. The same arguments choose the same venue."""
    allowed, refused = eligible(states, order, policy)
    if not allowed:
        return NoVenue(refused)
    names = [state.venue_id for state in allowed]
    known = posterior.with_venues(names)
    rows = np.array([features_of(state, order, known.venues) for state in allowed])
    best = int(np.argmax(rows @ known.mean))
    dice = np.random.default_rng(seed)
    chances = [ZERO] * len(names)
    if len(names) > 1 and may_explore(order, policy, explored):
        drawn = known.draw(policy.draws, dice) @ rows.T
        shares = np.bincount(drawn.argmax(axis=1), minlength=len(names)) / policy.draws
        chances = _bounded(shares, best, policy)
    chances[best] = ONE - sum(chances)
    # Six places add up to one exactly; the draw is against these, not against their floats.
    at, point = 0, decimal_from_float(float(dice.random()), 9)
    for at, _ in enumerate(names):
        point -= chances[at]
        if point < 0:
            break
    return VenueChoice(
        venue_id=names[at],
        propensity=chances[at],
        explored=at != best,
        best_venue_id=names[best],
        probabilities=tuple(zip(names, chances, strict=True)),
        refused=refused,
    )


def eligible(
    states: Sequence[VenueState], order: VenueOrder, policy: VenuePolicy
) -> tuple[list[VenueState], tuple[tuple[str, Refusal], ...]]:
    """Return the venues that may take the order, by name, and why the others may not."""
    total = sum((state.exposure for state in states), ZERO) + order.notional
    allowed: list[VenueState] = []
    refused: list[tuple[str, Refusal]] = []
    for state in sorted(states, key=lambda one: one.venue_id):
        after = state.exposure + order.notional
        free = after <= policy.counterparty_notional_free
        if not state.usable:
            refused.append((state.venue_id, Refusal.UNUSABLE))
        elif after > policy.counterparty_notional_max or not (
            free or after <= policy.counterparty_share_max * total
        ):
            refused.append((state.venue_id, Refusal.CONCENTRATION))
        else:
            allowed.append(state)
    return allowed, tuple(refused)


def may_explore(order: VenueOrder, policy: VenuePolicy, explored: Explored) -> bool:
    """Say whether exploring with this order would stay within every share."""
    return (
        order.notional <= policy.exploration_notional_max
        and explored.explored_orders + 1 <= policy.exploration_orders_share * (explored.orders + 1)
        and explored.explored_notional + order.notional
        <= policy.exploration_notional_share * (explored.notional + order.notional)
    )


def _bounded(shares: FloatArray, best: int, policy: VenuePolicy) -> list[Decimal]:
    """Return the chances of all but the best: floored, then scaled into the share."""
    wanted = [
        ZERO if at == best else max(policy.probability_min, decimal_from_float(float(share)))
        for at, share in enumerate(shares)
    ]
    total = sum(wanted, ZERO)
    cap = policy.exploration_orders_share
    if total <= cap:
        return wanted
    return [
        decimal_from_float(float(chance * cap / total) - 5e-7) if chance else ZERO
        for chance in wanted
    ]
