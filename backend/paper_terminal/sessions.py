"""When the market of a symbol is open, in the server's wall time."""

from typing import Literal

Sessions = Literal["always", "strict"]

_DAY_MS = 86_400_000
_THURSDAY = 3  # 1970-01-01
_SATURDAY = 5


def is_open(server_ms: int, sessions: Sessions, always_open: bool) -> bool:
    """Tell whether the market is open. Strict: closed on Saturday and Sunday of the server."""
    return last_open_ms(server_ms, sessions, always_open) == server_ms


def last_open_ms(server_ms: int, sessions: Sessions, always_open: bool) -> int:
    """Give the latest instant, not after server_ms, at which the market was open."""
    if sessions == "always" or always_open:
        return server_ms
    day, _ = divmod(server_ms, _DAY_MS)
    weekday = (day + _THURSDAY) % 7
    if weekday < _SATURDAY:
        return server_ms
    return (day - (weekday - _SATURDAY)) * _DAY_MS - 1
