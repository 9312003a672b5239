"""Seeded bars with changing volatility and sessions, for machines without data.

Variance follows a GARCH(1,1) per bar around a level that the session scales; highs and lows
are drawn from the exact extremes of a Brownian bridge between open and close, so that range
estimators read the volatility that went in. Same arguments, same bars, on every machine.
Sources: Bollerslev 1986, J. Econometrics 31; Karatzas & Shreve 1991, 2.8 (bridge maximum).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from backend.domain.instruments import Instrument
from backend.domain.market.bars import Bar, from_us, to_us
from backend.domain.market.universe import PriceModel
from backend.domain.sessions import Calendar, Session, is_open, session_of
from backend.domain.timeframe import timeframe_seconds

_ALPHA, _BETA = 0.08, 0.90
_SESSION_SIGMA = {
    Session.OVERLAP: 1.45,
    Session.NEW_YORK: 1.15,
    Session.LONDON: 1.15,
    Session.ASIA: 0.70,
    Session.OFF: 0.55,
}
_DRIFT_FADES_OVER_BARS = 40
_DRIFT_SHARE = 0.12
"""Size of the wandering drift against a bar's sigma: enough for trends to look like trends."""


def generate_bars(
    instrument: Instrument,
    model: PriceModel,
    timeframe: str,
    n: int,
    last_opened_at: datetime,
    seed: int,
) -> list[Bar]:
    """Return n bars, oldest first; the last opens at or before the given instant.

    Slots in which the instrument does not trade are left out. Raises ValueError if n < 1.
    """
    if n < 1:
        raise ValueError("at least one bar")
    slots = open_slots(timeframe, n, last_opened_at, instrument.calendar)
    dice = np.random.default_rng([seed, zlib.crc32(instrument.symbol.encode())])
    normals = dice.standard_normal((n, 3))
    uniforms = dice.random((n, 2))
    noise = dice.lognormal(0.0, 0.45, n)
    minutes = timeframe_seconds(timeframe) / 60
    day_minutes = 1440 if instrument.calendar is Calendar.ALWAYS else 1380
    base = model.daily_sigma * math.sqrt(minutes / day_minutes)
    variance, shock, drift = base**2, 0.0, 0.0
    price = model.start_price
    bars: list[Bar] = []
    for i, opened_at in enumerate(slots):
        variance = base**2 * (1 - _ALPHA - _BETA) + _ALPHA * shock**2 + _BETA * variance
        scale = 1.0 if minutes >= 1440 else _SESSION_SIGMA[session_of(opened_at)]
        sigma = math.sqrt(variance) * scale
        drift += -drift / _DRIFT_FADES_OVER_BARS + _DRIFT_SHARE * 0.22 * base * normals[i, 1]
        shock = math.sqrt(variance) * float(normals[i, 0])
        jump = 0.05 * sigma * float(normals[i, 2])
        opened = price * math.exp(jump)
        move = shock * scale + drift
        up, down = _extremes(move, sigma, uniforms[i])
        price = opened * math.exp(move)
        activity = sigma / base
        bars.append(
            _bar(
                instrument,
                opened_at,
                (opened, opened * math.exp(up), opened * math.exp(down), price),
                Decimal(max(1, round(model.volume_per_minute * minutes * activity * noise[i]))),
                model.spread * Decimal(repr(round(0.8 + 0.2 * min(4.0, activity), 4))),
            )
        )
    return bars


def open_slots(timeframe: str, n: int, last: datetime, calendar: Calendar) -> list[datetime]:
    """Return the last n slots of a timeframe in which a calendar is open, oldest first."""
    length_us = timeframe_seconds(timeframe) * 1_000_000
    slot_us = to_us(last) // length_us * length_us
    slots: list[datetime] = []
    whole_days = length_us >= 86_400_000_000
    while len(slots) < n:
        opened_at = from_us(slot_us)
        # A daily bar counts if its middle is open: Sunday's few hours make no bar of their own.
        probe = opened_at + timedelta(hours=12) if whole_days else opened_at
        if is_open(probe, calendar):
            slots.append(opened_at)
        slot_us -= length_us
    slots.reverse()
    return slots


def restamp(bars: Sequence[Bar], timeframe: str, last_opened_at: datetime) -> list[Bar]:
    """Shift bars in time so that the last opens in the slot of the given instant.

    Prices, order and gaps stay as they are.
    """
    if not bars:
        return []
    length_us = timeframe_seconds(timeframe) * 1_000_000
    target_us = to_us(last_opened_at) // length_us * length_us
    shift = timedelta(microseconds=target_us - to_us(bars[-1].opened_at))
    return [replace(bar, opened_at=bar.opened_at + shift) for bar in bars]


def _extremes(move: float, sigma: float, uniforms: np.ndarray) -> tuple[float, float]:
    """Return the highest and lowest point of a Brownian bridge from 0 to move."""
    spread = 2 * sigma**2
    up = (move + math.sqrt(move**2 - spread * math.log(1 - float(uniforms[0])))) / 2
    down = (move - math.sqrt(move**2 - spread * math.log(1 - float(uniforms[1])))) / 2
    return up, down


def _bar(
    instrument: Instrument,
    opened_at: datetime,
    prices: tuple[float, float, float, float],
    volume: Decimal,
    spread: Decimal,
) -> Bar:
    tick = instrument.tick_size
    # Rounding keeps order, so high and low stay the extremes.
    opened, high, low, closed = (
        max(tick, Decimal(repr(price)).quantize(tick, ROUND_HALF_EVEN)) for price in prices
    )
    return Bar(
        opened_at,
        opened,
        max(high, opened, closed),
        min(low, opened, closed),
        closed,
        volume,
        spread.quantize(tick, ROUND_HALF_EVEN),
    )
