"""What the structure says at the last bar, as numbers between -1 and 1 (up is positive)."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.market.bars import Bars
from backend.domain.smc.detect import RawEvent, scan
from backend.domain.smc.events import DEFAULT_SETTINGS, EventKind, SmcSettings

_FADE_BARS = 24
"""Breaks and sweeps lose their weight linearly over this many bars."""
_GAPS_MAX = 12
"""Older gaps than the latest dozen no longer count."""

_ORDER = {kind: order for order, kind in enumerate(EventKind)}
_SWING, _FVG, _SWEEP = _ORDER[EventKind.SWING], _ORDER[EventKind.FVG], _ORDER[EventKind.SWEEP]
_CHOCH = _ORDER[EventKind.CHOCH]
_BREAKS = (_ORDER[EventKind.BOS], _CHOCH)


@dataclass(frozen=True, slots=True)
class StructureReading:
    """Structure at the last bar; all values between -1 and 1, up positive."""

    bias: float
    """Direction of the last break."""
    break_strength: float
    """The last break, faded by its age; a change of character counts half."""
    sweep: float
    """The last sweep's expected direction, faded by its age."""
    gap_balance: float
    """Bullish less bearish open gaps over their number."""
    range_position: float
    """Close within the dealing range: -1 at its low, +1 at its high, bounded."""
    momentum: float
    """Breaks upward less downward over the last five breaks."""
    events: int


def read_structure(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> StructureReading:
    """Read the structure at the last bar. Without events everything is zero."""
    if len(bars) == 0:
        return StructureReading(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)
    events = scan(bars, settings)
    last = len(bars) - 1
    breaks = [event for event in events if event.kind in _BREAKS]
    bias = float(breaks[-1].direction) if breaks else 0.0
    strength = 0.0
    if breaks:
        weight = 0.5 if breaks[-1].kind == _CHOCH else 1.0
        strength = bias * weight * _fade(last - breaks[-1].known_at)
    sweep = next((event for event in reversed(events) if event.kind == _SWEEP), None)
    recent = breaks[-5:]
    return StructureReading(
        bias=bias,
        break_strength=strength,
        sweep=sweep.direction * _fade(last - sweep.known_at) if sweep else 0.0,
        gap_balance=_gap_balance(bars, events),
        range_position=_range_position(float(bars.close[-1]), events),
        momentum=sum(event.direction for event in recent) / len(recent) if recent else 0.0,
        events=len(events),
    )


def structure_features(bars: Bars, settings: SmcSettings = DEFAULT_SETTINGS) -> dict[str, float]:
    """Return the reading under stable names."""
    reading = read_structure(bars, settings)
    return {
        "bias": reading.bias,
        "break_strength": reading.break_strength,
        "sweep": reading.sweep,
        "gap_balance": reading.gap_balance,
        "range_position": reading.range_position,
        "momentum": reading.momentum,
        "events": float(reading.events),
    }


def _fade(age_bars: int) -> float:
    return max(0.0, 1.0 - age_bars / _FADE_BARS)


def _gap_balance(bars: Bars, events: list[RawEvent]) -> float:
    """Weigh the latest gaps that no later bar has traded through."""
    gaps = [event for event in events if event.kind == _FVG][-_GAPS_MAX:]
    balance = open_gaps = 0
    for gap in gaps:
        if gap.direction > 0:
            filled = bool((bars.low[gap.known_at + 1 :] <= gap.lower).any())
        else:
            filled = bool((bars.high[gap.known_at + 1 :] >= gap.upper).any())
        if not filled:
            balance += gap.direction
            open_gaps += 1
    return balance / open_gaps if open_gaps else 0.0


def _range_position(close: float, events: list[RawEvent]) -> float:
    high = low = None
    for event in reversed(events):
        if event.kind != _SWING:
            continue
        if event.direction > 0 and high is None:
            high = event.level
        elif event.direction < 0 and low is None:
            low = event.level
        if high is not None and low is not None:
            break
    if high is None or low is None or high <= low:
        return 0.0
    return max(-1.0, min(1.0, 2.0 * (close - low) / (high - low) - 1.0))
