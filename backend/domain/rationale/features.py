"""The facts that a score is made of, each between -1 and 1, or None where nobody knows.

Directional features are seen from the market (up is positive); scoring turns them to the
side of the signal. Undirected ones are positive when they favour trading at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from backend.domain.market.bars import Bars
from backend.domain.numbers import decimal_from_float
from backend.domain.rationale.axes import FEATURES, VECTOR_NAMES
from backend.domain.smc import StructureReading, read_structure
from backend.domain.volatility import VolatilityState, volatility_state
from backend.values import Side

BARS_MIN = 30
"""Fewer bars than this say nothing about structure or regime."""


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """What the feed tells about the other side of the trade; None where it has no such data.

    spread: now, price units. volume_delta and depth_imbalance: -1 all selling, +1 all buying.
    """

    spread: Decimal | None = None
    typical_spread: Decimal | None = None
    volume_delta: Decimal | None = None
    depth_imbalance: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Conviction:
    """How strongly readers believe the structures behind each direction, 0 to 1.

    high: one of them has a majority and confirmation. odd: one of them is out of pattern; None
    where no forest judged.
    """

    up: Decimal
    down: Decimal
    high_up: bool
    high_down: bool
    odd_up: bool | None
    odd_down: bool | None


@dataclass(frozen=True, slots=True)
class RationaleFeatures:
    """Everything that `score` looks at. Decimals of six places, so that replay is exact."""

    structure_bias: Decimal | None
    structure_break: Decimal | None
    liquidity_sweep: Decimal | None
    gap_balance: Decimal | None
    range_position: Decimal | None
    structure_momentum: Decimal | None
    volatility_fit: Decimal | None
    """+1 in a normal regime, -1 in a dead or an extreme one."""
    volatility_trend: Decimal | None
    """Rising (+) or falling (-) range; rising favours breaks."""
    session_fit: Decimal | None
    spread_quality: Decimal | None
    volume_delta: Decimal | None
    depth_imbalance: Decimal | None
    volatility_ratio: Decimal | None = None
    """For the record and the sentence; not scored by itself."""
    atr: Decimal | None = None
    """Price units; not scored."""
    structure_shift: Decimal | None = None
    block_balance: Decimal | None = None
    trade_entry: Decimal | None = None
    displacement: Decimal | None = None
    conviction: Decimal | None = None
    """Conviction of a rise less that of a fall; None where readers have not voted lately."""
    high_conviction: Decimal | None = None
    """+1 where only a rise has a majority and confirmation, -1 where only a fall has."""
    odd_up: Decimal | None = None
    """1 where a structure that points up is out of pattern, else 0. Not scored: a conflict."""
    odd_down: Decimal | None = None


_SESSION_FIT = {
    "overlap": Decimal(1),
    "london": Decimal("0.6"),
    "new_york": Decimal("0.6"),
    "asia": Decimal("-0.2"),
    "off": Decimal(-1),
}


def read_features(
    bars: Bars,
    session: str,
    flow: FlowFacts,
    structure: StructureReading | None = None,
) -> RationaleFeatures:
    """Read features from finished bars. `structure` may come from a caller's cache.

    With fewer than BARS_MIN bars structure and regime are unknown, not neutral.
    """
    reading: StructureReading | None = None
    volatility: VolatilityState | None = None
    if len(bars) >= BARS_MIN:
        reading = structure if structure is not None else read_structure(bars)
        volatility = volatility_state(bars)
    return RationaleFeatures(
        structure_bias=_exact(reading.bias if reading else None),
        structure_break=_exact(reading.break_strength if reading else None),
        liquidity_sweep=_exact(reading.sweep if reading else None),
        gap_balance=_exact(reading.gap_balance if reading else None),
        range_position=_exact(reading.range_position if reading else None),
        structure_momentum=_exact(reading.momentum if reading else None),
        volatility_fit=_exact(_regime_fit(volatility.ratio) if volatility else None),
        volatility_trend=_exact(_bounded(volatility.ratio - 1.0) if volatility else None),
        **read_moment(session, flow, None),
        volatility_ratio=_exact(volatility.ratio if volatility else None),
        atr=decimal_from_float(volatility.atr, 8) if volatility else None,
        structure_shift=_exact(reading.shift if reading else None),
        block_balance=_exact(reading.block_balance if reading else None),
        trade_entry=_exact(reading.trade_entry if reading else None),
        displacement=_exact(reading.displacement if reading else None),
    )


def read_moment(
    session: str, flow: FlowFacts, conviction: Conviction | None
) -> dict[str, Decimal | None]:
    """Read the features that belong to a signal's own moment, by name; the rest is the bars'."""
    return {
        "session_fit": _SESSION_FIT.get(session),
        "spread_quality": _spread_quality(flow),
        "volume_delta": flow.volume_delta,
        "depth_imbalance": flow.depth_imbalance,
        **_read_conviction(conviction),
    }


VECTOR_SIZE = len(VECTOR_NAMES)
"""Dimensions of a stored vector."""


def feature_vector(
    features: RationaleFeatures, side: Side, *, momentary: bool = True
) -> tuple[float, ...]:
    """Return the scored features as the side sees them; unknown is 0.

    So a sale in a falling market lies beside a purchase in a rising one. momentary: also what
    belongs to the moment alone (spread, flow); alike are signals without it.
    """
    values = [0.0] * VECTOR_SIZE
    for index, name in enumerate(VECTOR_NAMES):
        feature = FEATURES[name]
        value: Decimal | None = getattr(features, name)
        if value and (momentary or not feature.momentary):
            values[index] = float(-value if side is Side.SELL and feature.directional else value)
    return tuple(values)


_OF_CONVICTION = ("conviction", "high_conviction", "odd_up", "odd_down")
MOMENTARY = ("session_fit", "spread_quality", "volume_delta", "depth_imbalance", *_OF_CONVICTION)
"""Names of what `read_moment` reads."""


def _read_conviction(conviction: Conviction | None) -> dict[str, Decimal | None]:
    if conviction is None:
        return dict.fromkeys(_OF_CONVICTION)
    return {
        "conviction": conviction.up - conviction.down,
        "high_conviction": Decimal(conviction.high_up - conviction.high_down),
        "odd_up": _flag(conviction.odd_up),
        "odd_down": _flag(conviction.odd_down),
    }


def _flag(flag: bool | None) -> Decimal | None:
    return None if flag is None else Decimal(flag)


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else decimal_from_float(_bounded(value, 10.0), 6)


def _bounded(value: float, limit: float = 1.0) -> float:
    return max(-limit, min(limit, value))


def _regime_fit(ratio: float) -> float:
    """Return 1 where short and long range agree, falling to -1 at a third and at triple."""
    if ratio <= 0:
        return -1.0
    away = ratio if ratio >= 1 else 1 / ratio
    return _bounded(2.0 - away)


def _spread_quality(flow: FlowFacts) -> Decimal | None:
    """Return +1 for half the usual spread or less, 0 for the usual, -1 for double or more."""
    if flow.spread is None or flow.typical_spread is None or flow.typical_spread <= 0:
        return None
    relative = flow.spread / flow.typical_spread
    value = 2 * (1 - relative) if relative <= 1 else 1 - relative
    return max(Decimal(-1), min(Decimal(1), value)).quantize(Decimal("0.000001"))
