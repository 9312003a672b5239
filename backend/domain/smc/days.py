"""Trading days and weeks as numbers, daylight saving included."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from backend.domain.market.bars import IntArray, to_us
from backend.domain.smc.events import DayTurn

NEW_YORK = ZoneInfo("America/New_York")

_DAY_US = 86_400_000_000
_HOUR = timedelta(hours=1)
_FROM_CLOSE_TO_MIDNIGHT = timedelta(hours=7)
_YEARS = range(1970, 2100)


def trading_days(opened_us: IntArray, turn: DayTurn) -> IntArray:
    """Number the trading day of each bar; days that follow one another differ by one.

    Day 0 is 1 January 1970. With the New York close, Sunday evening belongs to Monday.
    """
    if turn is DayTurn.UTC:
        return opened_us // _DAY_US
    since, shift = _shifts()
    segment = np.searchsorted(np.array(since), opened_us, side="right") - 1
    return (opened_us + np.array(shift)[np.maximum(segment, 0)]) // _DAY_US


def trading_day(opened_us: int, turn: DayTurn) -> tuple[int, int, int]:
    """Number one bar's trading day as `trading_days` does, and say from when until when it holds.

    Both in microseconds since 1970; the end is exclusive, and early where the clock changes.
    """
    since, shift = ([0], [0]) if turn is DayTurn.UTC else _shifts()
    segment = max(bisect_right(since, opened_us) - 1, 0)
    day = (opened_us + shift[segment]) // _DAY_US
    begin = day * _DAY_US - shift[segment]
    end = begin + _DAY_US
    if segment > 0:
        begin = max(begin, since[segment])
    if segment + 1 < len(since):
        end = min(end, since[segment + 1])
    return day, begin, end


def week_of(day: IntArray) -> IntArray:
    """Number the week of each trading day; a week runs from Monday to Sunday."""
    # Day 0 was a Thursday.
    return (day + 3) // 7


@cache
def _shifts() -> tuple[list[int], list[int]]:
    """Return since when (µs) which shift (µs) puts New York's 17:00 on midnight."""
    since: list[int] = []
    shift: list[int] = []
    for year in _YEARS:
        for month in range(1, 13):
            _note(since, shift, datetime(year, month, 1, tzinfo=UTC))
    return since, shift


def _note(since: list[int], shift: list[int], until: datetime) -> None:
    """Add the change of clock, if any, between the instant last noted and this one."""
    now = _shift(until)
    if not since:
        since.append(to_us(until))
        shift.append(now)
        return
    if shift[-1] == now:
        return
    before = until - timedelta(days=31)
    while until - before > _HOUR:
        middle = before + (until - before) / 2
        middle = middle.replace(minute=0, second=0, microsecond=0)
        if middle <= before:
            middle = before + _HOUR
        before, until = (middle, until) if _shift(middle) == shift[-1] else (before, middle)
    since.append(to_us(until))
    shift.append(now)


def _shift(instant: datetime) -> int:
    offset = instant.astimezone(NEW_YORK).utcoffset() or timedelta()
    return (offset + _FROM_CLOSE_TO_MIDNIGHT) // timedelta(microseconds=1)
