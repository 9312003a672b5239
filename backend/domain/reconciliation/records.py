"""What is compared, and what a comparison says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from backend.domain.numbers import ZERO
from backend.values import Side


@dataclass(frozen=True, slots=True)
class Mark:
    """One of our attempts, and the order that it belongs to."""

    attempt_id: str
    order_id: str
    client_order_id: str
    magic: int
    venue_order_id: str | None
    symbol: str
    side: Side
    status: str
    state: str
    """Of the attempt."""
    strategy_id: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the books say of a symbol. anchor: changes with every fill."""

    quantity: Decimal
    average_price: Decimal
    anchor: str


@dataclass(frozen=True, slots=True)
class Booked:
    """A trade as it was booked."""

    quantity: Decimal
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class Books:
    """Our side. before: keys of what the last look could not settle; accepted: of findings that
    a person has looked at. adopting: the books were never found to agree yet."""

    positions: Mapping[str, Held]
    trades: Mapping[str, Booked]
    marks: tuple[Mark, ...]
    in_flight: frozenset[str]
    cash: frozenset[str]
    balance: Decimal
    adopting: bool
    before: frozenset[str]
    accepted: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListedPosition:
    """An open position at the venue."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """A working order at the venue."""

    venue_order_id: str
    symbol: str
    side: Side
    order_type: str
    quantity: Decimal
    remaining: Decimal
    price: Decimal
    magic: int
    comment: str
    reason: int


@dataclass(frozen=True, slots=True)
class Deal:
    """A trade at the venue, or money that moved without one (side None). Costs are positive."""

    venue_trade_id: str
    venue_order_id: str
    venue_position_id: str
    symbol: str
    side: Side | None
    quantity: Decimal
    price: Decimal
    commission: Decimal
    fee: Decimal
    swap: Decimal
    profit: Decimal
    magic: int
    comment: str
    reason: int
    executed_at: datetime | None

    @property
    def money(self) -> Decimal:
        """What it did to the balance."""
        return self.profit + self.swap - self.commission - self.fee


@dataclass(frozen=True, slots=True)
class Venue:
    """Their side, as of one look. deals: all since `since`."""

    hedging: bool
    balance: Decimal
    positions: tuple[ListedPosition, ...]
    orders: tuple[ListedOrder, ...]
    deals: tuple[Deal, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. explained: nobody has to look. settled False: it may pass by itself.

    gap: by how much both sides differ, where that stays while both go on trading.
    """

    kind: str
    subject: str
    ours: str
    theirs: str
    done: str
    todo: str = ""
    explained: bool = True
    settled: bool = True
    gap: Decimal | None = None

    @property
    def key(self) -> str:
        """Tell the same difference again."""
        sides = f"{self.ours}/{self.theirs}" if self.gap is None else f"{self.gap.normalize():+f}"
        return f"{self.kind}/{self.subject}/{sides}"


@dataclass(frozen=True, slots=True)
class Adopted:
    """An order that the desk did not open, with its trades. closes: whose position it ended."""

    origin: str
    venue_order_id: str
    symbol: str
    side: Side
    trades: tuple[Deal, ...]
    closes: Mark | None = None

    @property
    def quantity(self) -> Decimal:
        """Lots traded."""
        return sum((trade.quantity for trade in self.trades), ZERO)


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved without a trade. kind None: it was there when the books began."""

    venue_ref: str
    kind: str | None
    amount: Decimal
    comment: str
    executed_at: datetime | None


@dataclass(slots=True)
class Comparison:
    """What was found and what follows: trades to adopt, attempts to ask about, orders to end."""

    findings: list[Finding] = field(default_factory=list[Finding])
    adopted: list[Adopted] = field(default_factory=list[Adopted])
    movements: list[Movement] = field(default_factory=list[Movement])
    reopened: set[str] = field(default_factory=set[str])
    foreign: list[tuple[str, ListedOrder]] = field(default_factory=list[tuple[str, ListedOrder]])
    withdrawn: list[ListedOrder] = field(default_factory=list[ListedOrder])

    @property
    def state(self) -> str:
        """Sum it up: agreed, repaired, unsettled (look again soon) or unexplained."""
        if any(not f.explained and f.settled for f in self.findings):
            return "unexplained"
        if self.reopened or any(not f.settled for f in self.findings):
            return "unsettled"
        if self.findings or self.adopted or self.movements or self.withdrawn:
            return "repaired"
        return "agreed"
