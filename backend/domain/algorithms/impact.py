"""What trading moves: the square-root law and the best trade-off of cost against risk.

Sources: Almgren & Chriss 2000, J. Risk 3 (trajectories); Almgren, Thum, Hauptmann & Li 2005
(the law's measured form); Tóth et al. 2011, PRX 1 (square root).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


def square_root_impact_bps(
    quantity: float, volume: float, sigma: float, factor: float = 1.0
) -> float:
    """Return by how many basis points an order moves the price: Y·σ·√(Q/V).

    sigma and volume over the same time. Raises ValueError if the volume is not positive.
    """
    if volume <= 0 or quantity < 0:
        raise ValueError("volume must be positive")
    return 1e4 * factor * sigma * math.sqrt(quantity / volume)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Holdings at the end of each interval, what they are expected to cost, and its spread."""

    holdings: tuple[float, ...]
    cost: float
    deviation: float


def optimal_trajectory(
    holding: float,
    intervals: int,
    sigma: float,
    epsilon: float,
    gamma: float,
    eta: float,
    risk_aversion: float,
) -> Trajectory:
    """Return the schedule that minimises cost + risk_aversion · variance, one unit a step.

    sigma: price units per unit of time; epsilon: half spread; gamma, eta: permanent and
    temporary impact per share. risk_aversion 0 is the straight line. Raises ValueError if the
    temporary impact does not outweigh half the permanent one.
    """
    adjusted = eta - gamma / 2
    if adjusted <= 0 or intervals < 1:
        raise ValueError("eta must exceed half of gamma, and there must be an interval")
    curvature = risk_aversion * sigma**2 / adjusted
    kappa = math.acosh(1 + curvature / 2)
    if kappa == 0:
        held = [holding * (1 - j / intervals) for j in range(intervals + 1)]
    else:
        whole = math.sinh(kappa * intervals)
        held = [holding * math.sinh(kappa * (intervals - j)) / whole for j in range(intervals + 1)]
    sold = [a - b for a, b in pairwise(held)]
    cost = gamma * holding**2 / 2 + epsilon * holding + adjusted * sum(n * n for n in sold)
    variance = sigma**2 * sum(x * x for x in held[1:])
    return Trajectory(tuple(held), cost, math.sqrt(variance))
