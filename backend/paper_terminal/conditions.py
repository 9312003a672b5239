"""How the world usually is: latency, slippage and partial fills, from one seeded stream."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np

_LATENCY_SIGMA = 0.35


@dataclass(frozen=True, slots=True)
class ConditionSettings:
    """0 switches each off. latency_ms: median of a lognormal; slippage_points: mean, adverse."""

    latency_ms: float = 0.0
    slippage_points: float = 0.0
    partial_fill: float = 0.0


class Conditions:
    """Draws from one seeded stream."""

    def __init__(self, settings: ConditionSettings, seed: int) -> None:
        self._settings = settings
        self._rng = np.random.default_rng([seed, 0xC0ED])

    def latency_s(self) -> float:
        """Draw the delay of one request in seconds."""
        if self._settings.latency_ms <= 0:
            return 0.0
        return self._settings.latency_ms / 1000 * float(self._rng.lognormal(0.0, _LATENCY_SIGMA))

    def slippage_points(self) -> int:
        """Draw how many points the price slips against the client."""
        if self._settings.slippage_points <= 0:
            return 0
        return int(self._rng.poisson(self._settings.slippage_points))

    def filled_part(self, volume: Decimal, least: Decimal, step: Decimal) -> Decimal:
        """Draw how much of a volume is filled; the whole, unless a partial fill is due."""
        if self._settings.partial_fill <= 0 or self._rng.random() >= self._settings.partial_fill:
            return volume
        return part_of(volume, self._rng.uniform(0.3, 0.9), least, step)


def part_of(volume: Decimal, share: float, least: Decimal, step: Decimal) -> Decimal:
    """Give a share of a volume on the step, never less than the least."""
    part = (volume * Decimal(f"{share:.4f}") / step).to_integral_value(ROUND_DOWN) * step
    return max(part, least)
