"""Time zones of bar files, by the names that people and brokers use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?(\d{2}))?")


@dataclass(frozen=True, slots=True)
class FileZone:
    """A zone, and by how much the file's clock runs ahead of it."""

    name: str
    zone: tzinfo
    ahead: timedelta = timedelta(0)

    def to_utc(self, local: datetime) -> datetime:
        """Return the UTC instant of a time without zone as written in the file."""
        return (local - self.ahead).replace(tzinfo=self.zone).astimezone(UTC)


UTC_FILE = FileZone("UTC", UTC)
EASTERN_STANDARD = FileZone("UTC-05:00", timezone(timedelta(hours=-5)))
NEW_YORK_CLOSE = FileZone("ny-close", ZoneInfo("America/New_York"), timedelta(hours=7))
"""What most MetaTrader brokers run: midnight is 17:00 in New York, UTC+2 or +3."""


def parse_zone(name: str) -> FileZone:
    """Read `UTC`, `UTC-5`, `+02:00`, `EST`, `ny-close` or an IANA name.

    `UTC+3` is three hours ahead of UTC. Raises ValueError if the name is unknown.
    """
    plain = name.strip()
    lowered = plain.lower()
    if lowered in ("utc", "gmt", "z"):
        return UTC_FILE
    if lowered == "est":
        return EASTERN_STANDARD
    if lowered in ("ny-close", "broker"):
        return NEW_YORK_CLOSE
    if match := _OFFSET.fullmatch(lowered):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset > timedelta(hours=14):
            raise ValueError(f"time zone {name!r} is out of range")
        return FileZone(plain, timezone(offset if match[1] == "+" else -offset))
    try:
        return FileZone(plain, ZoneInfo(plain))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error
