"""One account's connection to its venue: made anew where it was lost, with a breaker before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from backend.contracts.denials import Code
from backend.ports import Clock
from backend.values import read_instant
from backend.venues.model import VenueUnavailable
from backend.venues.mt5.venue import Mt5Venue
from workers.bridge.asking import Prepared

log = structlog.get_logger()

BACKOFF_S_FIRST = 0.25
BACKOFF_S_MAX = 5.0


class VenueConnection:
    """Lends the venue to what Postgres handed out; used by one thread."""

    def __init__(self, account_id: str, build: Callable[[], Mt5Venue], clock: Clock) -> None:
        self._account_id = account_id
        self._build = build
        self._clock = clock
        self._venue: Mt5Venue | None = None
        self._served: datetime | None = None
        self._lost: datetime | None = None
        self._failures = 0
        self._closed_until_ns = 0

    def open(self, prepared: Prepared) -> Mt5Venue:
        """Give the venue, connected. Raises VenueUnavailable or PermissionError.

        prepared: what is to be done; it says since when (`as_of`) the account is known as ours.
        """
        handed_out = read_instant(prepared["as_of"])
        if self._venue is not None and self._venue.connected:
            self._served = handed_out
            return self._venue
        if self._venue is not None:
            self._lose()
        # Before the breaker is asked: who is refused by it must not count as another failure.
        if self._clock.monotonic_ns() < self._closed_until_ns:
            raise VenueUnavailable(f"{Code.CIRCUIT_OPEN}: {Code.CIRCUIT_OPEN.meaning}")
        if self._lost is not None and handed_out <= self._lost:
            # Whoever took the terminal may own the account by now: only what Postgres handed
            # out later, under the account's lease, may take it back.
            raise VenueUnavailable("the connection was lost after this was handed out")
        try:
            # Built anew each time: the account's terminal may have moved.
            venue = self._build()
            venue.connect()
        except (VenueUnavailable, PermissionError) as error:
            self._failed(str(error))
            raise
        self._venue, self._served = venue, handed_out
        self._failures = 0
        log.info("venue.connected", account_id=self._account_id)
        return venue

    def note(self, venue: Mt5Venue | None = None) -> None:
        """Look whether a call has lost the connection; one that ends under many calls ends once.

        venue: the one that was called, if another may be connected by now.
        """
        if self._venue is None or venue not in (None, self._venue) or self._venue.connected:
            return
        self._lose()
        self._failed("connection lost")

    def close(self) -> None:
        """Let go of the terminal."""
        if self._venue is not None:
            self._venue.close()
            self._venue = None

    def _lose(self) -> None:
        self._lost = self._served
        self.close()

    def _failed(self, detail: str) -> None:
        self._failures += 1
        pause_s = min(BACKOFF_S_MAX, BACKOFF_S_FIRST * 2 ** (self._failures - 1))
        self._closed_until_ns = self._clock.monotonic_ns() + int(pause_s * 1e9)
        log.warning(
            "venue.failed", account_id=self._account_id, error=detail, failures=self._failures
        )
