"""Everything that was detected in a run of bars, as arrays of one length per structure.

Bars are named by their index. A column that ends in `_at` names the bar at whose close the fact
became known, -1 where it has not; so whatever says t or less was knowable at the close of t.
direction: +1 up, -1 down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.domain.market.bars import FloatArray, IntArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """Confirmed swings in order of `known_at`; +1 is a swing high."""

    bar: IntArray
    known_at: IntArray
    direction: IntArray
    level: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Breaks:
    """Closes beyond the latest swing, in order of `known_at`."""

    known_at: IntArray
    direction: IntArray
    change: BoolArray
    """True: change of character; False: break of structure."""
    swing_bar: IntArray
    level: FloatArray
    origin: IntArray
    """The bar from whose extreme the leg began that broke the swing."""
    displaced: BoolArray
    """A displacement in the direction of the break lies between origin and break."""


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """Market structure shifts: displaced changes of character that a BOS confirmed."""

    change_bar: IntArray
    known_at: IntArray
    direction: IntArray
    level: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Displacements:
    """Bars whose body is large."""

    known_at: IntArray
    direction: IntArray
    close: FloatArray
    atrs: FloatArray
    """The body over the average true range before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Zones:
    """Price zones and their life, in order of `known_at`; +1 is expected to hold as support."""

    bar: IntArray
    """Gaps: the middle candle; blocks, breakers, mitigation blocks: the candle itself."""
    known_at: IntArray
    direction: IntArray
    lower: FloatArray
    upper: FloatArray
    tapped_at: IntArray
    mitigated_at: IntArray
    filled_at: IntArray
    invalidated_at: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Pools:
    """Liquidity: levels behind which stops rest, in order of `known_at`."""

    kind: IntArray
    """Index into POOL_KINDS."""
    direction: IntArray
    """+1: above the market."""
    first_bar: IntArray
    """Equal highs and lows: the earlier swing; else the same as `bar`."""
    bar: IntArray
    known_at: IntArray
    level: FloatArray
    taken_at: IntArray
    """Price went beyond the level for the first time."""
    swept_at: IntArray
    """A close came back inside in time."""
    run_at: IntArray
    """No close came back inside in time."""


@dataclass(frozen=True, slots=True, eq=False)
class Inducements:
    """Minor swings that were taken before the order block behind them was reached."""

    block: IntArray
    """Index into the order blocks."""
    bar: IntArray
    known_at: IntArray
    direction: IntArray
    level: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class DealingRange:
    """Per bar: the range between the latest swings known before it, and the close within it."""

    low: FloatArray
    high: FloatArray
    """NaN until both swings are known."""
    direction: IntArray
    """The leg: +1 if the high came after the low, 0 unknown."""
    position: FloatArray
    """0 at the low, 1 at the high, beyond them outside; NaN where the range has no height."""
    zone: IntArray
    """+1 premium, -1 discount, 0 neither."""
    ote: IntArray
    """The leg's direction where the close lies in the optimal trade entry, else 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Structures:
    """What `detect` found."""

    bars: int
    swings: Swings
    breaks: Breaks
    shifts: Shifts
    displacements: Displacements
    gaps: Zones
    order_blocks: Zones
    breakers: Zones
    mitigation_blocks: Zones
    pools: Pools
    inducements: Inducements
    dealing: DealingRange
    atr: FloatArray
    """Per bar: mean true range, NaN before there are enough bars."""
