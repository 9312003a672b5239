"""Trading sessions by local clocks, so that daylight saving comes out right on both sides.

Asia is 09:00-18:00 in Tokyo (which has no daylight saving), London 08:00-17:00 in London,
New York 08:00-17:00 in New York. The week of foreign exchange and metals runs from Sunday
17:00 to Friday 17:00 New York time. Ends are exclusive. The hours stand in
`contracts/normalization/rules.json`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.contracts.normalization import RULES
from backend.values import to_utc

_RULES = RULES.sessions
_PLACES = tuple((place, ZoneInfo(place.zone)) for place in _RULES.places)
_WEEK_ZONE = ZoneInfo(_RULES.week.zone)
_WEEK_TURNS_AT = _RULES.week.turns_at_hour
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6


class Session(StrEnum):
    """The one word that a normalised signal carries."""

    ASIA = "asia"
    LONDON = "london"
    NEW_YORK = "new_york"
    OVERLAP = "overlap"
    OFF = "off"


class Calendar(StrEnum):
    """When an instrument trades."""

    WEEKDAYS = "weekdays"
    """Sunday 17:00 to Friday 17:00 New York time."""
    ALWAYS = "always"


def session_tags(instant: datetime) -> tuple[str, ...]:
    """Return every session that is open, plus `overlap` for London with New York.

    Raises ValueError if the instant has no time zone.
    """
    utc = to_utc(instant)
    if not is_open(utc, Calendar.WEEKDAYS):
        return ()
    tags = [
        place.tag
        for place, zone in _PLACES
        if place.from_hour <= utc.astimezone(zone).hour < place.until_hour
    ]
    if all(tag in tags for tag in _RULES.overlap.of):
        tags.append(_RULES.overlap.tag)
    return tuple(tags)


def session_of(instant: datetime) -> Session:
    """Return the leading session: overlap before London and New York before Asia."""
    return leading_session(session_tags(instant))


def leading_session(tags: tuple[str, ...]) -> Session:
    """Return the session that speaks for several."""
    return Session(next((tag for tag in _RULES.leading if tag in tags), _RULES.closed))


def is_open(instant: datetime, calendar: Calendar) -> bool:
    """Say whether an instrument of that calendar trades at the instant."""
    if calendar is Calendar.ALWAYS:
        return True
    local = to_utc(instant).astimezone(_WEEK_ZONE)
    weekday = local.weekday()
    if weekday == _SATURDAY:
        return False
    if weekday == _FRIDAY:
        return local.hour < _WEEK_TURNS_AT
    if weekday == _SUNDAY:
        return local.hour >= _WEEK_TURNS_AT
    return True
