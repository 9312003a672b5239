"""Bar lengths under one spelling: M1, M3, M5, M15, M30, H1, H4, D1, W1.

Sources: TradingView's `{{interval}}` (minutes as a number, then D and W), MetaTrader's
`PERIOD_M15`, and the forms people type (`15m`, `1h`). A bare `1M` is a month at
TradingView, so it is not taken for a minute.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

TIMEFRAME_S: dict[str, int] = {
    "M1": 60,
    "M3": 180,
    "M5": 300,
    "M15": 900,
    "M30": 1_800,
    "H1": 3_600,
    "H4": 14_400,
    "D1": 86_400,
    "W1": 604_800,
}
"""Canonical spelling and length in seconds."""

_BY_SECONDS = {seconds: name for name, seconds in TIMEFRAME_S.items()}
_NUMBER_FIRST = re.compile(r"(\d{1,5})\s*(m|min|mins|minute|minutes|h|hr|hour|hours|d|day|w|week)")
_LETTER_FIRST = re.compile(r"(?:period_)?([mhdw])(\d{1,4})")
_UNIT_S = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def canonical_timeframe(raw: str | None) -> str | None:
    """Return the canonical spelling, or None if the length is unknown or unsupported."""
    if raw is None:
        return None
    text = raw.strip()
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return _BY_SECONDS.get(int(text) * 60)
    if re.fullmatch(r"\d{1,2}M", text):
        return None
    lowered = text.lower()
    if lowered in ("d", "w", "daily", "weekly", "hourly"):
        return {"d": "D1", "w": "W1", "daily": "D1", "weekly": "W1", "hourly": "H1"}[lowered]
    if match := _NUMBER_FIRST.fullmatch(lowered):
        return _BY_SECONDS.get(int(match[1]) * _UNIT_S[match[2][0]])
    if match := _LETTER_FIRST.fullmatch(lowered):
        return _BY_SECONDS.get(int(match[2]) * _UNIT_S[match[1]])
    return None


def timeframe_seconds(timeframe: str) -> int:
    """Return the length of a canonical timeframe. Raises KeyError if it is not one."""
    return TIMEFRAME_S[timeframe]


def timeframe_from_seconds(seconds: int) -> str | None:
    """Return the timeframe of that length, or None."""
    return _BY_SECONDS.get(seconds)


def infer_timeframe(opened: Sequence[datetime]) -> str | None:
    """Return the timeframe whose length is the commonest step between bars, or None.

    Gaps only ever lengthen steps, so the commonest step of real bars is their length.
    """
    steps = Counter(
        (later - earlier) // timedelta(seconds=1)
        for earlier, later in pairwise(opened)
        if later > earlier
    )
    if not steps:
        return None
    return _BY_SECONDS.get(steps.most_common(1)[0][0])
