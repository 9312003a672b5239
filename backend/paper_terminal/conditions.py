"""How the world usually is: latency, slippage, liquidity and requotes, from one seeded stream."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np

from backend.paper_terminal.symbols import SymbolSpec

_SECOND_MS = 1000
_SLIPPAGE_SHAPE = 2.0
_LIQUIDITY_SIGMA = 0.5


@dataclass(frozen=True, slots=True)
class ConditionSettings:
    """0 switches each off.

    latency_ms, latency_sigma: median and log-deviation of a lognormal; latency_spike: probability
    of latency_spike_ms on top. slippage_points: mean, always adverse. slippage_impact: points on
    top per point of a minute's volatility, times the root of volume over the symbol's liquidity.
    partial_fill: probability, IOC orders only. liquidity: how many times the symbol's liquidity
    there is to take at once; FOK orders above it are refused, others filled in part.
    requote: probability under instant execution. requests_per_second: more get 10024.
    """

    latency_ms: float = 0.0
    latency_sigma: float = 0.35
    latency_spike: float = 0.0
    latency_spike_ms: float = 1_000.0
    slippage_points: float = 0.0
    slippage_impact: float = 0.0
    partial_fill: float = 0.0
    liquidity: float = 0.0
    requote: float = 0.0
    requests_per_second: int = 0


class Conditions:
    """Draws from one seeded stream: equal requests in equal order meet equal conditions."""

    def __init__(self, settings: ConditionSettings, seed: int) -> None:
        self._settings = settings
        self._rng = np.random.default_rng([seed, 0xC0ED])
        self._requests_ms: deque[int] = deque()

    def latency_s(self) -> float:
        """Draw the delay of one request in seconds."""
        settings = self._settings
        delay_ms = 0.0
        if settings.latency_ms > 0:
            delay_ms = settings.latency_ms * self._rng.lognormal(0.0, settings.latency_sigma)
        if settings.latency_spike > 0 and self._rng.random() < settings.latency_spike:
            delay_ms += settings.latency_spike_ms
        return float(delay_ms) / 1000

    def too_many(self, now_ms: int) -> bool:
        """Count a request, and tell whether it is one too many of its second."""
        most = self._settings.requests_per_second
        if most <= 0:
            return False
        while self._requests_ms and self._requests_ms[0] <= now_ms - _SECOND_MS:
            self._requests_ms.popleft()
        if len(self._requests_ms) >= most:
            return True
        self._requests_ms.append(now_ms)
        return False

    def requotes(self) -> bool:
        """Draw whether the dealer offers another price."""
        return self._settings.requote > 0 and self._rng.random() < self._settings.requote

    @property
    def needs_volatility(self) -> bool:
        """Tell whether slippage depends on volatility, which costs a look at the bars."""
        return self._settings.slippage_impact > 0

    def slippage_points(self, spec: SymbolSpec, volume: Decimal, volatility_points: float) -> int:
        """Draw how many points the price slips against the client.

        volatility_points: of one minute; not looked at unless `needs_volatility`.
        """
        mean = self._settings.slippage_points
        if self._settings.slippage_impact > 0:
            share = float(volume / spec.liquidity_lots)
            mean += self._settings.slippage_impact * volatility_points * share**0.5
        if mean <= 0:
            return 0
        return round(self._rng.gamma(_SLIPPAGE_SHAPE, mean / _SLIPPAGE_SHAPE))

    def available(self, spec: SymbolSpec, volume: Decimal) -> Decimal:
        """Draw how much of a volume the market takes at once."""
        if self._settings.liquidity <= 0:
            return volume
        there = float(spec.liquidity_lots) * self._settings.liquidity
        there *= float(self._rng.lognormal(0.0, _LIQUIDITY_SIGMA))
        if there >= volume:
            return volume
        return part_of(volume, there / float(volume), spec.volume_min, spec.volume_step)

    def filled_part(self, spec: SymbolSpec, volume: Decimal) -> Decimal:
        """Draw how much of a volume is filled; the whole, unless a partial fill is due."""
        if self._settings.partial_fill <= 0 or self._rng.random() >= self._settings.partial_fill:
            return volume
        share = self._rng.uniform(0.3, 0.9)
        return part_of(volume, share, spec.volume_min, spec.volume_step)


def part_of(
    volume: Decimal, share: float, least: Decimal, step: Decimal, most: Decimal | None = None
) -> Decimal:
    """Give a share of a volume on the step, at least the least; most: by default the volume."""
    part = (volume * Decimal(f"{share:.4f}") / step).to_integral_value(ROUND_DOWN) * step
    return min(max(part, least), volume if most is None else most)
