"""What the bars themselves say about a structure, in numbers that need no definition of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.domain.conviction.candidates import SWEEP, Candidate
from backend.domain.market.bars import Bars, FloatArray

FEATURES = (
    "height_atr",
    "leg_bars",
    "leg_atr",
    "displacement_atr",
    "body_share",
    "volume_delta",
    "relative_volume",
    "imbalance",
    "wick_share",
    "drift",
)
"""What the isolation forest looks at, in this order."""

_USUAL_BARS = 50


@dataclass(frozen=True, slots=True)
class Measures:
    """Confirmation of one structure. All are counted in its direction; None is unknown.

    volume_delta: (bought - sold) / traded over the leg, -1 to 1, each bar's volume split by
    where it closed within its range. imbalance: part of the leg that was traded one way only,
    0 to 1 (heights of its gaps over its height). displacement_atr: the largest body of the leg
    over the average true range before it.
    """

    volume_delta: float | None
    imbalance: float
    displacement_atr: float | None
    features: tuple[float, ...]


def measure(bars: Bars, atr: FloatArray, one: Candidate) -> Measures:
    """Measure a structure by the bars up to the one at which it became known."""
    start, end = one.start, one.known_at + 1
    way = one.direction
    opened, close = bars.open[start:end], bars.close[start:end]
    high, low = bars.high[start:end], bars.low[start:end]
    before = float(atr[start - 1]) if start > 0 else float("nan")
    unit = before if before > 0 else float("nan")
    body = way * (close - opened)
    span = float(high.max() - low.min())
    displacement = float(body.max()) / unit
    gaps = _gaps(high, low, way)
    imbalance = min(1.0, gaps / span) if span > 0 else 0.0
    delta = _volume_delta(bars, start, end)
    if one.kind == SWEEP:
        # The wick is the fact: what was refused beyond the level.
        beyond = float(high.max()) - one.level if way < 0 else one.level - float(low.min())
        wick = beyond / span if span > 0 else 0.0
    else:
        wick = float((high - low - np.abs(close - opened)).sum() / max((high - low).sum(), 1e-12))
    total = float((high - low).sum())
    usual = bars.volume[max(0, start - _USUAL_BARS) : start]
    median = float(np.median(usual)) if len(usual) else 0.0
    features = (
        (one.upper - one.lower) / unit,
        float(end - start),
        way * float(close[-1] - opened[0]) / unit,
        displacement,
        float(np.abs(close - opened).sum()) / total if total > 0 else 0.0,
        0.0 if delta is None else way * delta,
        float(bars.volume[start:end].mean()) / median if median > 0 else 1.0,
        imbalance,
        wick,
        way * _drift(bars.close, start, unit),
    )
    return Measures(
        None if delta is None else way * delta,
        imbalance,
        displacement if np.isfinite(displacement) else None,
        tuple(value if np.isfinite(value) else 0.0 for value in features),
    )


def _volume_delta(bars: Bars, start: int, end: int) -> float | None:
    """Return bought less sold over traded, or None where the feed has no volume."""
    volume = bars.volume[start:end]
    traded = float(volume.sum())
    if traded <= 0:
        return None
    high, low, close = bars.high[start:end], bars.low[start:end], bars.close[start:end]
    height = high - low
    place = np.divide(2 * close - high - low, height, out=np.zeros_like(height), where=height > 0)
    return float((volume * place).sum()) / traded


def _gaps(high: FloatArray, low: FloatArray, way: int) -> float:
    """Return the sum of what three neighbouring candles left untraded in a direction."""
    if len(high) < 3:
        return 0.0
    gaps = low[2:] - high[:-2] if way > 0 else low[:-2] - high[2:]
    return float(gaps[gaps > 0].sum())


def _drift(close: FloatArray, start: int, unit: float) -> float:
    """Return how far price had come in the bars before, in average true ranges."""
    first = max(0, start - _USUAL_BARS)
    return float(close[start] - close[first]) / unit
