"""When a symbol trades: weekly windows in the server's wall time, written `mon-fri 00:02-23:58`."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

Sessions = Literal["always", "strict"]

_MINUTE_MS = 60_000
_DAY_MINUTES = 1440
_WEEK_MINUTES = 7 * _DAY_MINUTES
_WEEK_MS = _WEEK_MINUTES * _MINUTE_MS
_THURSDAY_MS = 3 * _DAY_MINUTES * _MINUTE_MS  # 1970-01-01 was one
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Week:
    """Open windows of a week as minutes from Monday 00:00, sorted and apart; none: always open."""

    windows: tuple[tuple[int, int], ...] = ()

    def is_open(self, server_ms: int) -> bool:
        """Tell whether the market is open."""
        return self.last_open_ms(server_ms) == server_ms

    def last_open_ms(self, server_ms: int) -> int:
        """Give the latest instant, not after server_ms, at which the market was open."""
        if not self.windows:
            return server_ms
        monday, minute = _split(server_ms)
        index = bisect_right(self.windows, (minute, _WEEK_MINUTES + 1)) - 1
        if index < 0:
            return monday - _WEEK_MS + self.windows[-1][1] * _MINUTE_MS - 1
        return min(server_ms, monday + self.windows[index][1] * _MINUTE_MS - 1)

    def next_open_ms(self, server_ms: int) -> int:
        """Give the earliest instant, not before server_ms, at which the market is open."""
        if self.is_open(server_ms):
            return server_ms
        monday, minute = _split(server_ms)
        later = [start for start, _ in self.windows if start > minute]
        start = later[0] if later else _WEEK_MINUTES + self.windows[0][0]
        return monday + start * _MINUTE_MS

    def closing_ms(self, server_ms: int) -> int | None:
        """Give the instant at which the session of an open instant is over, None for never."""
        if not self.windows:
            return None
        monday, minute = _split(server_ms)
        end = next(end for start, end in self.windows if start <= minute < end)
        return monday + end * _MINUTE_MS


def _split(server_ms: int) -> tuple[int, int]:
    """Give the Monday before as milliseconds, and the minute of the week."""
    into_week = (server_ms + _THURSDAY_MS) % _WEEK_MS
    return server_ms - into_week, into_week // _MINUTE_MS


def parse_week(text: str) -> Week:
    """Read `mon-fri 00:02-23:58, sun 22:00-24:00`; `always` has no windows. Raises ValueError."""
    if text == "always":
        return Week()
    windows: list[tuple[int, int]] = []
    for part in text.lower().split(","):
        try:
            days, hours = part.split()
            first, _, last = days.partition("-")
            begin, end = (_minute(hour) for hour in hours.split("-"))
            chosen = range(_DAYS.index(first), _DAYS.index(last or first) + 1)
        except ValueError as error:
            raise ValueError(f"no trading session: {part.strip()!r}") from error
        if not chosen or begin >= end:
            raise ValueError(f"no trading session: {part.strip()!r}")
        windows += [(day * _DAY_MINUTES + begin, day * _DAY_MINUTES + end) for day in chosen]
    return Week(_joined(sorted(windows)))


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    minute = int(hours) * 60 + int(minutes)
    if not 0 <= minute <= _DAY_MINUTES or not 0 <= int(minutes) < 60:
        raise ValueError(text)
    return minute


def _joined(windows: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in windows:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
