"""What the structure says at the last bar, as numbers between -1 and 1 (up is positive)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from backend.domain.market.bars import Bars, IntArray
from backend.domain.smc.detect import detect
from backend.domain.smc.events import DEFAULT_SETTINGS, SmcSettings
from backend.domain.smc.structures import Breaks, Structures, Zones

_FADE_BARS = 24
"""Breaks, sweeps and the like lose their weight linearly over this many bars."""
_ZONES_MAX = 12
"""Older gaps and blocks than the latest dozen no longer count."""


@dataclass(frozen=True, slots=True)
class StructureReading:
    """Structure at the last bar; all values between -1 and 1, up positive."""

    bias: float = 0.0
    """Direction of the last break."""
    break_strength: float = 0.0
    """The last break, faded by its age; a change of character counts half."""
    shift: float = 0.0
    """The last market structure shift, faded by its age."""
    sweep: float = 0.0
    """Where the last sweep of a pool is expected to send price, faded by its age."""
    gap_balance: float = 0.0
    """Bullish less bearish open gaps over their number."""
    block_balance: float = 0.0
    """Bullish less bearish valid blocks, breakers included, that the close lies in or touches."""
    range_position: float = 0.0
    """Close within the dealing range: -1 at its low, +1 at its high, bounded."""
    trade_entry: float = 0.0
    """The leg's direction if the close lies in its optimal trade entry."""
    inducement: float = 0.0
    """The direction of the block whose inducement was last taken, faded by its age."""
    displacement: float = 0.0
    """The last displacement, faded by its age."""
    momentum: float = 0.0
    """Breaks upward less downward over the last five breaks."""


def read_structure(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> StructureReading:
    """Read the structure at the last bar. Without structure everything is zero."""
    if len(bars) == 0:
        return StructureReading()
    return read_structures(bars, detect(bars, settings))


def read_structures(bars: Bars, found: Structures) -> StructureReading:
    """Read what was detected in these bars at the last of them. Raises IndexError on none."""
    now = len(bars) - 1
    pools, breaks = found.pools, found.breaks
    recent = breaks.direction[-5:]
    return StructureReading(
        bias=float(breaks.direction[-1]) if len(breaks.direction) else 0.0,
        break_strength=_break_strength(breaks, now),
        shift=_last(found.shifts.known_at, found.shifts.direction, now),
        sweep=0.0 - _last(pools.swept_at, pools.direction, now),
        gap_balance=_balance(found.gaps, found.gaps.filled_at < 0),
        block_balance=_touched(bars, found),
        range_position=_range_position(float(found.dealing.position[-1])),
        trade_entry=float(found.dealing.ote[-1]),
        inducement=_last(found.inducements.known_at, found.inducements.direction, now),
        displacement=_last(found.displacements.known_at, found.displacements.direction, now),
        momentum=float(recent.mean()) if len(recent) else 0.0,
    )


def structure_features(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> dict[str, float]:
    """Return the reading under stable names."""
    return asdict(read_structure(bars, settings))


def _fade(age_bars: int) -> float:
    return max(0.0, 1.0 - age_bars / _FADE_BARS)


def _last(at: IntArray, direction: IntArray, now: int) -> float:
    """Weigh the latest event by its age; those of one bar that disagree cancel out."""
    latest = int(at.max()) if len(at) else -1
    if latest < 0:
        return 0.0
    # Adding zero keeps a faded -1 from reading as -0.
    return float(direction[at == latest].mean()) * _fade(now - latest) + 0.0


def _break_strength(breaks: Breaks, now: int) -> float:
    if len(breaks.known_at) == 0:
        return 0.0
    weight = 0.5 if breaks.change[-1] else 1.0
    return float(breaks.direction[-1]) * weight * _fade(now - int(breaks.known_at[-1]))


def _balance(zones: Zones, counts: np.ndarray) -> float:
    chosen = zones.direction[-_ZONES_MAX:][counts[-_ZONES_MAX:]]
    return float(chosen.mean()) if len(chosen) else 0.0


def _touched(bars: Bars, found: Structures) -> float:
    """Balance the valid blocks that the last bar traded in."""
    high, low = bars.high[-1], bars.low[-1]
    balance = count = 0
    for zones in (found.order_blocks, found.breakers, found.mitigation_blocks):
        here = (zones.invalidated_at < 0) & (zones.lower <= high) & (zones.upper >= low)
        direction = zones.direction[-_ZONES_MAX:][here[-_ZONES_MAX:]]
        balance += int(direction.sum())
        count += len(direction)
    return balance / count if count else 0.0


def _range_position(position: float) -> float:
    # NaN where no range is known.
    return max(-1.0, min(1.0, 2.0 * position - 1.0)) if position == position else 0.0
