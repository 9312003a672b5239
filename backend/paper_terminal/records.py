"""What the terminal keeps for ever: positions, orders and deals. Times: server milliseconds."""

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """An open position. ticket: what requests name; identifier: what its deals name."""

    ticket: int
    identifier: int
    symbol: str
    type: int
    volume: Decimal
    price_open: Decimal
    sl: Decimal
    tp: Decimal
    magic: int
    comment: str
    reason: int
    time_msc: int
    time_update_msc: int
    swap: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Order:
    """A working order, or one of history. time_expiration: server seconds, 0 for none."""

    ticket: int
    symbol: str
    type: int
    type_time: int
    type_filling: int
    state: int
    magic: int
    position_id: int
    position_by_id: int
    reason: int
    volume_initial: Decimal
    volume_current: Decimal
    price_open: Decimal
    sl: Decimal
    tp: Decimal
    comment: str
    time_setup_msc: int
    time_done_msc: int
    time_expiration: int
    # Of a stop-limit order that waits for its stop: where its limit will rest.
    price_stoplimit: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Place:
    """Where a limit order stands in a book: its price, and the volume that is served before it."""

    price: Decimal
    ahead: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution, or a balance operation. Money in the account's currency."""

    ticket: int
    order_ticket: int
    symbol: str
    type: int
    entry: int
    magic: int
    position_id: int
    reason: int
    volume: Decimal
    price: Decimal
    commission: Decimal
    swap: Decimal
    profit: Decimal
    fee: Decimal
    comment: str
    time_msc: int
