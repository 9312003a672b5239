"""The terminal's own clock: the process stands outside of the desk and imports nothing of it."""

import time
from typing import Protocol


class WallClock(Protocol):
    """Gives the present as milliseconds since the epoch, UTC."""

    def now_ms(self) -> int:
        """Read the clock."""
        ...


class MachineClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Read the machine's clock in milliseconds, UTC."""
        # The desk's own clock lives in backend.ports, which this process must not import.
        return time.time_ns() // 1_000_000  # noqa: TID251
