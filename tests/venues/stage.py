"""The adapter before a terminal that stands in this process, with everything in the test's hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend.paper_terminal.faults import Injection
from backend.venues.model import VenueReport
from backend.venues.mt5.venue import Mt5Venue
from tests.venues.builders import an_attempt
from tests.venues.inside import Inside


class Within:
    """A terminal in this process, as the adapter speaks to one."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self.sent: list[dict[str, Any]] = []

    def open(self) -> None:
        """It is open."""

    def close(self) -> None:
        """It stays open: the test ends it."""

    def history_deals_later(self, ticket: int) -> Callable[[], Any]:
        """Give what is asked for at once."""
        found = self._inside.history_deals_get(ticket=ticket)
        return lambda: found

    def order_send(self, request: dict[str, Any]) -> Any:
        """Send, and remember what was sent."""
        self.sent.append(request)
        return self._inside.order_send(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)


class InsideClock:
    """The terminal's clock, as the adapter asks for it."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def now(self) -> datetime:
        """Give the set instant."""
        return self._inside.clock.now

    def monotonic_ns(self) -> int:
        """Measure."""
        return time.monotonic_ns()


@dataclass
class Stage:
    """A terminal of some kind and the adapter before it."""

    inside: Inside
    terminal: Within
    venue: Mt5Venue

    def inject(self, fault: str, **parameters: Any) -> None:
        """Have the terminal misbehave once."""
        self.inside.faults.inject(Injection(fault, parameters))

    def submit(self, **changes: Any) -> VenueReport:
        """Send an attempt."""
        return self.venue.submit(an_attempt(**changes))

    def find(self, attempt: Any, magic: bool = True) -> VenueReport | None:
        """Look for an attempt as the bridge does."""
        since = self.inside.clock.now - timedelta(minutes=5)
        number = attempt.magic_number if magic else None
        name = attempt.client_order_id
        return self.venue.find(name, attempt.symbol, attempt.volume, attempt.side, since, number)
