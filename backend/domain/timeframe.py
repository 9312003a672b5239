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

from backend.contracts.normalization import RULES

TIMEFRAME_S: dict[str, int] = RULES.timeframes.seconds
"""Canonical spelling and length in seconds."""

_BY_SECONDS = {seconds: name for name, seconds in TIMEFRAME_S.items()}
_UNIT_S = RULES.timeframes.units
_NUMBER_FIRST = re.compile(rf"([0-9]{{1,5}})[ \t]*({'|'.join(_UNIT_S)})")
_LETTER_FIRST = re.compile(r"(?:period_)?([mhdw])([0-9]{1,4})")
_MINUTES = re.compile(r"[0-9]{1,6}")
_MONTHS = re.compile(r"[0-9]{1,2}[ \t]*M")


def canonical_timeframe(raw: str | None) -> str | None:
    """Return the canonical spelling, or None if the length is unknown or unsupported."""
    if raw is None:
        return None
    text = raw.strip(" \t\r\n")
    if _MINUTES.fullmatch(text):
        return _BY_SECONDS.get(int(text) * 60)
    if _MONTHS.fullmatch(text):
        return None
    lowered = text.lower()
    if word := RULES.timeframes.words.get(lowered):
        return word
    if match := _NUMBER_FIRST.fullmatch(lowered):
        return _BY_SECONDS.get(int(match[1]) * _UNIT_S[match[2]])
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
