"""The offset of a MetaTrader server: its stamps are wall time written as if it were UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_GRID_S = 900
_FRESH_S = 10.0
_RESIDUAL_S = 12.0
_JUMP_STEPS = 8
"""Daylight saving moves a clock by an hour, some by half of one; older ticks are just old."""


class ServerTime:
    """Learns the offset from ticks that were seen to change, and translates stamps.

    A tick proves the offset only if it changed between two looks close to each other: an old tick
    of a weekend would be mistaken for another time zone.
    """

    def __init__(self, offset_hours: float | None = None) -> None:
        self._offset = None if offset_hours is None else timedelta(hours=offset_hours)
        self._before: timedelta | None = None
        self._seen: dict[str, tuple[int, datetime]] = {}
        self.confirmed = False

    @property
    def offset(self) -> timedelta | None:
        """The server's offset from UTC; None until configured or observed."""
        return self._offset

    def observe(self, symbol: str, tick_time_msc: int, now: datetime) -> bool:
        """Look at a tick; True if it proved the offset."""
        before = self._seen.get(symbol)
        self._seen[symbol] = (tick_time_msc, now)
        if before is None or tick_time_msc <= before[0]:
            return False
        if (now - before[1]).total_seconds() > _FRESH_S:
            return False
        ahead_s = tick_time_msc / 1000 - now.timestamp()
        offset_s = round(ahead_s / _GRID_S) * _GRID_S
        if abs(ahead_s - offset_s) > _RESIDUAL_S:
            return False
        self._offset = timedelta(seconds=offset_s)
        self.confirmed = True
        return True

    def has_jumped(self, tick_time_msc: int, now: datetime) -> bool:
        """Tell whether a tick is whole quarters of an hour off: another offset, or just old."""
        if self._offset is None:
            return False
        ahead_s = tick_time_msc / 1000 - now.timestamp() - self._offset.total_seconds()
        steps = round(ahead_s / _GRID_S)
        return 0 < abs(steps) <= _JUMP_STEPS and abs(ahead_s - steps * _GRID_S) <= _RESIDUAL_S

    def forget(self) -> None:
        """Look for the offset anew; `keep` brings the old one back if no tick proves another."""
        self._before, self._offset = self._offset, None
        self._seen.clear()

    def keep(self) -> None:
        """End a search: without proof the offset stays what it was."""
        if self._offset is None:
            self._offset = self._before

    def to_utc(self, server_msc: int) -> datetime | None:
        """Translate a stamp in milliseconds; None for no stamp or no offset."""
        if not server_msc or self._offset is None:
            return None
        return datetime.fromtimestamp(server_msc / 1000, UTC) - self._offset

    def to_server_s(self, instant: datetime) -> int | None:
        """Translate an instant into the server's seconds; None without an offset."""
        if self._offset is None:
            return None
        return int((instant + self._offset).timestamp())
