"""The gate that every bar passes: finite, positive, ordered, in its slot, not twice.

A refused bar is named by line, column and code; nothing is repaired in silence. Gaps are
no reason to refuse a bar, they are reported beside the bars.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from backend.domain.market.bars import Bar, to_us
from backend.domain.sessions import Calendar, is_open
from backend.domain.timeframe import timeframe_seconds


class BarCode(StrEnum):
    """Why a bar was refused."""

    UNREADABLE = "UNREADABLE"
    TIME_UNREADABLE = "TIME_UNREADABLE"
    TIME_NOT_IN_SLOT = "TIME_NOT_IN_SLOT"
    TIME_IN_FUTURE = "TIME_IN_FUTURE"
    TIME_NOT_ASCENDING = "TIME_NOT_ASCENDING"
    DUPLICATE = "DUPLICATE"
    PRICE_NOT_POSITIVE = "PRICE_NOT_POSITIVE"
    HIGH_BELOW_LOW = "HIGH_BELOW_LOW"
    OPEN_OUTSIDE_RANGE = "OPEN_OUTSIDE_RANGE"
    CLOSE_OUTSIDE_RANGE = "CLOSE_OUTSIDE_RANGE"
    VOLUME_NEGATIVE = "VOLUME_NEGATIVE"
    SPREAD_NEGATIVE = "SPREAD_NEGATIVE"


@dataclass(frozen=True, slots=True)
class BarRefused:
    """A bar that did not pass, and exactly where. `line` counts from 1."""

    line: int
    column: str
    code: BarCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BarGap:
    """Bars missing while the market was open. `missing` counts open slots only."""

    after: datetime
    before: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What the gate let through, what it refused, and what was not there."""

    bars: tuple[Bar, ...]
    refused: tuple[BarRefused, ...]
    gaps: tuple[BarGap, ...]


def fault_of(bar: Bar) -> tuple[str, BarCode] | None:
    """Return column and code of a bar's first fault by itself, or None if it is sound."""
    prices = (("open", bar.open), ("high", bar.high), ("low", bar.low), ("close", bar.close))
    for column, price in prices:
        if not price.is_finite() or price <= 0:
            return column, BarCode.PRICE_NOT_POSITIVE
    if bar.high < bar.low:
        return "high", BarCode.HIGH_BELOW_LOW
    if not bar.low <= bar.open <= bar.high:
        return "open", BarCode.OPEN_OUTSIDE_RANGE
    if not bar.low <= bar.close <= bar.high:
        return "close", BarCode.CLOSE_OUTSIDE_RANGE
    if not bar.volume.is_finite() or bar.volume < 0:
        return "volume", BarCode.VOLUME_NEGATIVE
    if bar.spread is not None and (not bar.spread.is_finite() or bar.spread < 0):
        return "spread", BarCode.SPREAD_NEGATIVE
    return None


@dataclass
class BarGate:
    """Judges bars one after another, so that a file never has to fit in memory.

    until: bars that open after this instant are refused; None accepts any past time.
    """

    timeframe: str
    calendar: Calendar
    until: datetime | None = None
    gaps: list[BarGap] = field(default_factory=list[BarGap])
    _last: datetime | None = None

    def judge(self, line: int, bar: Bar) -> Bar | BarRefused:
        """Return the bar if it is sound, else where and why it was refused."""
        if fault := fault_of(bar) or self._fault_in_time(bar.opened_at):
            column, code = fault
            return BarRefused(line, column, code)
        if self._last is not None:
            gap = gap_between(self._last, bar.opened_at, self.timeframe, self.calendar)
            if gap is not None:
                self.gaps.append(gap)
        self._last = bar.opened_at
        return bar

    def _fault_in_time(self, opened_at: datetime) -> tuple[str, BarCode] | None:
        length_us = timeframe_seconds(self.timeframe) * 1_000_000
        # Daily and weekly bars open at a broker's midnight, which is not midnight in UTC.
        slot_us = min(length_us, 3_600_000_000)
        if to_us(opened_at) % slot_us:
            return "time", BarCode.TIME_NOT_IN_SLOT
        if self.until is not None and opened_at > self.until:
            return "time", BarCode.TIME_IN_FUTURE
        if self._last is not None and opened_at == self._last:
            return "time", BarCode.DUPLICATE
        if self._last is not None and opened_at < self._last:
            return "time", BarCode.TIME_NOT_ASCENDING
        return None


def check_bars(
    numbered: Iterable[tuple[int, Bar]],
    timeframe: str,
    calendar: Calendar,
    until: datetime | None = None,
) -> Checked:
    """Judge bars with their line numbers, in the order given."""
    gate = BarGate(timeframe, calendar, until)
    bars: list[Bar] = []
    refused: list[BarRefused] = []
    for line, bar in numbered:
        verdict = gate.judge(line, bar)
        if isinstance(verdict, BarRefused):
            refused.append(verdict)
        else:
            bars.append(verdict)
    return Checked(tuple(bars), tuple(refused), tuple(gate.gaps))


def gap_between(
    earlier: datetime, later: datetime, timeframe: str, calendar: Calendar
) -> BarGap | None:
    """Return the gap between two neighbouring bars, or None if no open slot is missing."""
    length = timedelta(seconds=timeframe_seconds(timeframe))
    slots = (later - earlier) // length - 1
    if slots <= 0:
        return None
    missing = slots
    if calendar is not Calendar.ALWAYS and length <= timedelta(days=1):
        missing = _open_slots(earlier + length, slots, length, calendar)
    return BarGap(earlier, later, missing) if missing else None


def _open_slots(first: datetime, slots: int, length: timedelta, calendar: Calendar) -> int:
    """Count the slots in which the market was open; hour by hour, which bounds the work."""
    if length == timedelta(days=1):
        # A day counts if its noon is open: Sunday's few hours make no bar of their own.
        noon = timedelta(hours=12)
        return sum(is_open(first + noon + length * i, calendar) for i in range(slots))
    stride = max(length, timedelta(hours=1))
    probes = -(-slots * length // stride)
    opens = sum(is_open(first + stride * i, calendar) for i in range(probes))
    return min(slots, opens * (stride // length))


def is_fresh(last_opened_at: datetime, timeframe: str, now: datetime, bars_late_max: int) -> bool:
    """Say whether the newest bar is recent enough to decide on.

    A bar that opened at t is due at t + length; `bars_late_max` further lengths may pass.
    """
    length = timedelta(seconds=timeframe_seconds(timeframe))
    return now - last_opened_at <= length * (1 + bars_late_max)
