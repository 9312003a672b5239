"""What finished bars say, read once per symbol, timeframe and bar, and kept in the process.

A reading is JSON (decimals as strings), because it goes into the trace in place of the bars
and a replay must find every digit again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from backend.domain.market.bars import Bars, from_us
from backend.domain.numbers import decimal_from_float
from backend.domain.rationale import (
    MOMENTARY,
    Conviction,
    FlowFacts,
    RationaleFeatures,
    feature_vector,
    read_features,
    read_moment,
)
from backend.values import Side, format_decimal, format_instant

Reading = Mapping[str, str | None]
Precedents = Sequence[Mapping[str, str]]
_LIKE_FOR = timedelta(minutes=1)
_NAMES = tuple(field.name for field in fields(RationaleFeatures))


@dataclass(frozen=True, slots=True)
class Held:
    """A reading and the name of the bars that it was read from."""

    ref: str
    reading: Reading
    _vectors: dict[tuple[str, Side], str] = field(default_factory=dict[tuple[str, Side], str])
    _precedents: dict[tuple[str, str, Side], tuple[datetime, Precedents]] = field(
        default_factory=dict[tuple[str, str, Side], tuple[datetime, Precedents]]
    )

    def vector(self, session: str, side: Side) -> str:
        """Return what earlier signals are compared by, as text; made once per session and side."""
        vector = self._vectors.get((session, side))
        if vector is None:
            features = features_of(self.reading, session, FlowFacts())
            vector = vector_text(feature_vector(features, side, momentary=False))
            self._vectors[session, side] = vector
        return vector

    def keep(
        self, org_id: str, session: str, side: Side, known_at: datetime, found: Precedents
    ) -> None:
        """Keep what was found for a signal: those of the next minute look the same."""
        self._precedents[org_id, session, side] = (known_at, found)

    def kept(self, org_id: str, session: str, side: Side, known_at: datetime) -> Precedents | None:
        """Return what was found for a like signal of the last minute.

        What had closed before that one was known had closed before this one.
        """
        since, found = self._precedents.get((org_id, session, side), (None, None))
        if since is None or not timedelta(0) <= known_at - since < _LIKE_FOR:
            return None
        return found


class Readings:
    """The newest reading per symbol and timeframe asked for; the oldest of them go first."""

    def __init__(self, size_max: int = 1024) -> None:
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._size_max = size_max

    def held(self, symbol: str, timeframe: str) -> Held | None:
        """Return what was last read for a symbol and the timeframe that was asked for."""
        return self._held.get((symbol, timeframe))

    def read(
        self,
        symbol: str,
        timeframe: str,
        ref: str | None,
        rows: Sequence[Sequence[float | None]] | None,
    ) -> Reading | None:
        """Return the reading named `ref`, from rows if they came along. None without any bars.

        rows: [opened µs, open, high, low, close, volume, spread or None], oldest first.
        Raises LookupError if neither rows nor a kept reading are there.
        """
        if ref is None:
            return None
        held = self._held.get((symbol, timeframe))
        if rows:
            held = Held(ref, read_rows(symbol, ref.partition("@")[0], rows))
            self._held[symbol, timeframe] = held
            self._held.move_to_end((symbol, timeframe))
            if len(self._held) > self._size_max:
                self._held.popitem(last=False)
        if held is None or held.ref != ref:
            raise LookupError(f"the reading of {symbol} {ref} is gone")
        return held.reading


READINGS = Readings()
"""One per process: an agent's loop is one thread."""


class BarReading(dict[str, str | None]):
    """A fresh reading with the features that it says, so that they need not be read again."""

    __slots__ = ("features", "said")

    def __init__(self, values: Mapping[str, str | None], features: RationaleFeatures) -> None:
        super().__init__(values)
        self.features = features
        self.said = features_text(features)


def read_rows(symbol: str, timeframe: str, rows: Sequence[Sequence[float | None]]) -> BarReading:
    """Read rows of bars into features, last close, typical spread and freshness, as text."""
    columns = np.array([row[1:6] for row in rows], dtype=np.float64).T
    opened_us = np.array([row[0] for row in rows], dtype=np.int64)
    bars = Bars(symbol, timeframe, opened_us, *columns)
    spreads = [row[6] for row in rows if row[6] is not None and row[6] > 0]
    typical = decimal_from_float(float(np.median(spreads)), 10) if spreads else None
    features = read_features(bars, "", FlowFacts())
    values = {
        **features_text(features),
        "close": format_decimal(decimal_from_float(float(bars.close[-1]), 10).normalize()),
        "typical_spread": None if typical is None else format_decimal(typical.normalize()),
        "timeframe": timeframe,
        "last_opened_at": format_instant(from_us(int(opened_us[-1]))),
        "bars": str(len(rows)),
    }
    return BarReading(values, features)


def features_of(
    reading: Reading, session: str, flow: FlowFacts, conviction: Conviction | None = None
) -> RationaleFeatures:
    """Join what the bars say with what belongs to the signal's moment."""
    moment = read_moment(session, flow, conviction)
    if isinstance(reading, BarReading):
        return replace(reading.features, **moment)
    values = {
        name: None if reading.get(name) is None else Decimal(str(reading[name])) for name in _NAMES
    }
    return RationaleFeatures(**{**values, **moment})


def features_said(reading: Reading, features: RationaleFeatures) -> dict[str, str]:
    """Write the known features as text, those of the bars as the reading has them already."""
    if not isinstance(reading, BarReading):
        return features_text(features)
    moment = ((name, getattr(features, name)) for name in MOMENTARY)
    return reading.said | {
        name: format_decimal(value) for name, value in moment if value is not None
    }


def vector_text(vector: Sequence[float]) -> str:
    """Write a vector as pgvector reads it."""
    return f"[{','.join(map(repr, vector))}]"


def features_text(features: RationaleFeatures) -> dict[str, str]:
    """Write the known features as text."""
    known = ((name, getattr(features, name)) for name in _NAMES)
    return {name: format_decimal(value) for name, value in known if value is not None}
