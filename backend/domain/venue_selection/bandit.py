"""What venues cost, believed: one Bayesian linear model over conditions and venues.

What spread, size against depth, rejections and latency cost is learned from all venues together;
each venue has a level of its own on top. Source: Agrawal & Goyal 2013, Thompson sampling for
contextual bandits with linear payoffs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from backend.domain.market.bars import FloatArray
from backend.domain.venue_selection.model import VenueOrder, VenueState

CONDITIONS = ("half_spread_bps", "root_size_to_depth", "rejection_rate", "root_latency_s")
_PRIOR_PRECISION = 0.05
_PRIOR_ROWS = 8.0
"""How many observations the prior's noise counts for."""
_PRIOR_NOISE = 1.0
_DEPTH_MIN = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Precision and precision-weighted mean of the coefficients: conditions, then venues.

    squares: sum of squared rewards; rows: how many (forgotten ones count less). Rewards are in
    basis points, negative costs.
    """

    venues: tuple[str, ...]
    precision: FloatArray
    weighted: FloatArray
    squares: float
    rows: float

    @classmethod
    def initial(cls, venues: Sequence[str]) -> Posterior:
        """Return the prior: costs are near zero, and may be far from it."""
        names = tuple(sorted(set(venues)))
        size = len(CONDITIONS) + len(names)
        return cls(names, _PRIOR_PRECISION * np.eye(size), np.zeros(size), 0.0, 0.0)

    @property
    def mean(self) -> FloatArray:
        """Return the expected coefficients."""
        return np.asarray(np.linalg.solve(self.precision, self.weighted), dtype=np.float64)

    @property
    def noise(self) -> float:
        """Return the variance of a reward around what is expected of it."""
        unexplained = max(0.0, self.squares - float(self.mean @ self.weighted))
        return (unexplained + _PRIOR_ROWS * _PRIOR_NOISE) / (self.rows + _PRIOR_ROWS)

    @property
    def version(self) -> str:
        """Return a name that changes with any number of it."""
        return f"venues-{hashlib.sha256(orjson.dumps(self.as_numbers())).hexdigest()[:12]}"

    def draw(self, count: int, dice: np.random.Generator) -> FloatArray:
        """Return drawn coefficients, one row each."""
        # precision = L·Lᵀ, so Lᵀ⁻¹·z has the covariance wanted.
        root = np.linalg.cholesky(self.precision)
        drawn = np.linalg.solve(root.T, dice.standard_normal((len(self.mean), count)))
        return np.asarray(self.mean + np.sqrt(self.noise) * drawn.T, dtype=np.float64)

    def with_venues(self, venues: Sequence[str]) -> Posterior:
        """Return the posterior with room for venues it has not met."""
        names = tuple(sorted({*self.venues, *venues}))
        if names == self.venues:
            return self
        prior = Posterior.initial(names)
        at = [*range(len(CONDITIONS)), *(len(CONDITIONS) + names.index(v) for v in self.venues)]
        prior.precision[np.ix_(at, at)] = self.precision
        prior.weighted[at] = self.weighted
        return Posterior(names, prior.precision, prior.weighted, self.squares, self.rows)

    def as_numbers(self) -> dict[str, Any]:
        """Return the posterior as JSON can hold it."""
        return {
            "venues": list(self.venues),
            "precision": self.precision.tolist(),
            "weighted": self.weighted.tolist(),
            "squares": self.squares,
            "rows": self.rows,
        }

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Posterior:
        """Read a posterior back. Raises KeyError or ValueError on anything else."""
        found = cls(
            tuple(numbers["venues"]),
            np.array(numbers["precision"], dtype=np.float64),
            np.array(numbers["weighted"], dtype=np.float64),
            float(numbers["squares"]),
            float(numbers["rows"]),
        )
        size = len(CONDITIONS) + len(found.venues)
        if found.precision.shape != (size, size) or found.weighted.shape != (size,):
            raise ValueError("a posterior of another shape")
        return found


def features_of(state: VenueState, order: VenueOrder, venues: Sequence[str]) -> FloatArray:
    """Return what the model sees of one venue. Raises ValueError if it is not among `venues`."""
    depth = max(float(state.depth), _DEPTH_MIN)
    conditions = (
        float(state.spread_bps) / 2,
        # Bounded, or an empty book would outweigh all that was learned.
        min(10.0, float(order.quantity) / depth) ** 0.5,
        float(state.rejection_rate),
        (max(0, state.latency_ms) / 1_000) ** 0.5,
    )
    row = np.zeros(len(CONDITIONS) + len(venues))
    row[: len(CONDITIONS)] = conditions
    row[len(CONDITIONS) + list(venues).index(state.venue_id)] = 1.0
    return row


def learn(
    posterior: Posterior, rows: FloatArray, rewards: FloatArray, reward_max: float, keep: float = 1
) -> Posterior:
    """Return the posterior after rewards in basis points, clipped to ±reward_max.

    rows: features of the chosen venues, shape (n, size). keep: of what was known before, 0 to 1;
    less than 1 forgets. Raises ValueError if a reward is not finite.
    """
    if not np.isfinite(rewards).all():
        raise ValueError("a reward is not finite")
    told = np.clip(rewards, -reward_max, reward_max)
    prior = _PRIOR_PRECISION * np.eye(len(posterior.weighted))
    return Posterior(
        posterior.venues,
        keep * posterior.precision + (1 - keep) * prior + rows.T @ rows,
        keep * posterior.weighted + rows.T @ told,
        keep * posterior.squares + float(told @ told),
        keep * posterior.rows + len(told),
    )
