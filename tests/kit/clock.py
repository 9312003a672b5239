"""A clock that stands still until it is told to move."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass
class FixedClock:
    """A backend.ports.Clock for tests; starts on a Wednesday inside the London session."""

    instant: datetime = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
    counter_ns: int = 0

    def now(self) -> datetime:
        """Give the instant that was set."""
        return self.instant

    def monotonic_ns(self) -> int:
        """Give the time advanced so far in nanoseconds."""
        return self.counter_ns

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self.instant += step
        self.counter_ns += int(step.total_seconds() * 1_000_000_000)
