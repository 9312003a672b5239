"""What the core needs from outside, as protocols; time enters the program only here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol, TypeVar

from backend.values import Severity, Side

if TYPE_CHECKING:  # numpy comes with it; whoever needs only a clock starts without
    from backend.domain.market.bars import Bar


class Clock(Protocol):
    """Where instants come from: the machine's clock, or a replay's."""

    def now(self) -> datetime:
        """Give the present instant, aware and in UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Give a counter of nanoseconds that never goes back, for measuring."""
        ...


class SystemClock:
    """The machine's clock: the only place of the program that reads it."""

    def now(self) -> datetime:
        """Give the machine's present instant in UTC."""
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        """Give the machine's monotonic counter in nanoseconds."""
        return time.perf_counter_ns()


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask of one symbol, with the venue's time and ours."""

    symbol: str
    bid: Decimal
    ask: Decimal
    venue_time: datetime
    received_at: datetime
    volume_delta: Decimal | None = None
    """-1 all selling, +1 all buying of late; None where the feed does not tell."""
    depth_imbalance: Decimal | None = None
    """-1 all offers, +1 all bids in the book; None where the feed shows none."""
    bid_depth: Decimal | None = None
    """Lots wanted at the bid; None where the feed shows no book."""
    ask_depth: Decimal | None = None
    """Lots offered at the ask; None where the feed shows no book."""


class MarketFeed(Protocol):
    """Where bars and quotes come from: a terminal, a recorded file, a generator."""

    @property
    def source(self) -> str:
        """Name the feed, as it stands in the tables."""
        ...

    def bars(self, symbol: str, timeframe: str, start: datetime, end: datetime) -> Iterator[Bar]:
        """Give the closed bars that opened in [start, end), oldest first."""
        ...

    def quote(self, symbol: str) -> Quote | None:
        """Give the newest quote, or None if the feed knows none: callers deny then."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know; key makes the repetition of a notice harmless."""

    key: str
    severity: Severity
    title: str
    body: str
    raised_at: datetime


class Notifier(Protocol):
    """Tells people: a log, a mail, a chat."""

    def notify(self, notice: Notice) -> None:
        """Deliver the notice once per key. Raises TimeoutError or ConnectionError if it cannot."""
        ...


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """What an archive holds under one name."""

    name: str
    size_bytes: int
    sha256: str


class Archive(Protocol):
    """Keeps bytes outside of the database: expired partitions, Merkle roots, reports."""

    def put(self, name: str, content: bytes) -> ArchivedObject:
        """Keep content under name; the same content again is harmless.

        Raises FileExistsError if the name already holds other content.
        """
        ...

    def get(self, name: str) -> bytes:
        """Read what was put; raises FileNotFoundError if there is nothing of that name."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """List the names that begin with prefix, in order."""
        ...


AttemptT = TypeVar("AttemptT", contravariant=True)
ReportT = TypeVar("ReportT", covariant=True)


class Venue(Protocol[AttemptT, ReportT]):
    """Where orders are executed; attempts and reports are those of `backend.venues.model`."""

    def connect(self) -> object:
        """Log in and check whose account it is; callable again after a loss."""
        ...

    def quote(self, symbol: str) -> Quote | None:
        """Give the newest quote, or None if its age cannot be told."""
        ...

    def submit(self, attempt: AttemptT) -> ReportT:
        """Send an attempt once; the report says what became of it, `unknown` included."""
        ...

    def find(
        self,
        client_order_id: str,
        symbol: str,
        volume: Decimal,
        side: Side,
        since: datetime,
        magic: int | None = None,
    ) -> ReportT | None:
        """Look for an order whose answer was lost; None proves that the venue has none."""
        ...
