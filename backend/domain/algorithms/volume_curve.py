"""How much is usually traded at which time of a session, learned from bars."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from backend.domain.numbers import ZERO
from backend.domain.sessions import Session, session_of

DAYS_MIN = 3
"""Fewer days of a session are no habit."""
_LOOK_BACK = timedelta(hours=72)
_LOOK_STEP = timedelta(minutes=15)
"""Sessions change on whole hours everywhere; quarters are exact."""
_PLACES = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class VolumeCurve:
    """Mean volume of each bucket of a session, counted from the session's beginning."""

    symbol: str
    session: Session
    bucket_s: int
    volumes: tuple[Decimal, ...]
    days: int

    def between(self, since_s: Decimal, until_s: Decimal) -> Decimal:
        """Return the volume between two times of the session, in seconds since it began.

        Past the last bucket its level goes on: sessions differ in length by an hour.
        """
        total = ZERO
        at = since_s
        while at < until_s:
            place = int(at // self.bucket_s)
            edge = min(until_s, Decimal((place + 1) * self.bucket_s))
            level = self.volumes[min(place, len(self.volumes) - 1)]
            total += level * (edge - at) / self.bucket_s
            at = edge
        return total


def learn_curves(
    symbol: str, bucket_s: int, bars: Iterable[tuple[datetime, Decimal]]
) -> tuple[VolumeCurve, ...]:
    """Learn one curve per session from (opened_at, volume) in order of time.

    Bars must not be longer than a bucket. A session seen on fewer than DAYS_MIN days, or never
    traded, gets no curve. Raises ValueError if bucket_s is not positive.
    """
    if bucket_s < 1:
        raise ValueError("bucket_s must be positive")
    sums: dict[Session, dict[int, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    days: dict[Session, set[datetime]] = defaultdict(set)
    opened: datetime | None = None
    before: Session | None = None
    last: datetime | None = None
    for at, volume in bars:
        session = session_of(at)
        if session is not before or last is None or at - last > timedelta(hours=6):
            opened, before = session_opened_at(at), session
        last = at
        assert opened is not None
        place = int((at - opened) / timedelta(seconds=1)) // bucket_s
        sums[session][place] += volume
        days[session].add(opened)
    curves: list[VolumeCurve] = []
    for session, places in sums.items():
        count = len(days[session])
        if count < DAYS_MIN or sum(places.values(), ZERO) <= 0:
            continue
        volumes = tuple(
            (places.get(place, ZERO) / count).quantize(_PLACES) for place in range(max(places) + 1)
        )
        curves.append(VolumeCurve(symbol, session, bucket_s, volumes, count))
    return tuple(curves)


def expected_volume(
    curves: Mapping[Session, VolumeCurve], since: datetime, until: datetime
) -> Decimal | None:
    """Return what is usually traded between two instants; None if a session has no curve."""
    total = ZERO
    at = since
    while at < until:
        session = session_of(at)
        curve = curves.get(session)
        if curve is None:
            return None
        opened = session_opened_at(at)
        edge = min(until, _session_ends_before(at, until, session))
        total += curve.between(_seconds(at - opened), _seconds(edge - opened))
        at = edge
    return total


def session_opened_at(instant: datetime) -> datetime:
    """Return when the session that rules at an instant began, at most three days back."""
    session = session_of(instant)
    quarter = instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0)
    at = quarter
    while session_of(at - _LOOK_STEP) is session and instant - at < _LOOK_BACK:
        at -= _LOOK_STEP
    return at


def _session_ends_before(at: datetime, until: datetime, session: Session) -> datetime:
    edge = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    while edge < until and session_of(edge) is session:
        edge += _LOOK_STEP
    return edge


def _seconds(length: timedelta) -> Decimal:
    return Decimal(int(length / timedelta(microseconds=1))) / 1_000_000
