"""Trading sessions by local clocks, so that daylight saving comes out right.

Asia is 09:00-18:00 in Tokyo (which has no daylight saving), London 08:00-17:00 in London,
New York 08:00-17:00 in New York. The week of foreign exchange and metals runs from Sunday
17:00 to Friday 17:00 New York time. Ends are exclusive.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.values import to_utc

TOKYO = ZoneInfo("Asia/Tokyo")
LONDON = ZoneInfo("Europe/London")
NEW_YORK = ZoneInfo("America/New_York")

_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
_WEEK_TURNS_AT = 17


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
    tags: list[str] = []
    if 9 <= utc.astimezone(TOKYO).hour < 18:
        tags.append(Session.ASIA.value)
    london = 8 <= utc.astimezone(LONDON).hour < 17
    new_york = 8 <= utc.astimezone(NEW_YORK).hour < 17
    if london:
        tags.append(Session.LONDON.value)
    if new_york:
        tags.append(Session.NEW_YORK.value)
    if london and new_york:
        tags.append(Session.OVERLAP.value)
    return tuple(tags)


def session_of(instant: datetime) -> Session:
    """Return the leading session: overlap before London and New York before Asia."""
    tags = session_tags(instant)
    for session in (Session.OVERLAP, Session.NEW_YORK, Session.LONDON, Session.ASIA):
        if session.value in tags:
            return session
    return Session.OFF


def is_open(instant: datetime, calendar: Calendar) -> bool:
    """Say whether an instrument of that calendar trades at the instant."""
    if calendar is Calendar.ALWAYS:
        return True
    local = to_utc(instant).astimezone(NEW_YORK)
    weekday = local.weekday()
    if weekday == _SATURDAY:
        return False
    if weekday == _FRIDAY:
        return local.hour < _WEEK_TURNS_AT
    if weekday == _SUNDAY:
        return local.hour >= _WEEK_TURNS_AT
    return True
