"""From the package's results to the desk's words; floats become Decimals on the venue's grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from backend.domain.market.bars import Bar
from backend.domain.numbers import MICRO, ZERO
from backend.values import Side
from backend.venues.model import (
    AccountState,
    InstrumentSpec,
    Outcome,
    RetcodeClass,
    VenueDeal,
    VenueOrder,
    VenuePosition,
    VenueReport,
    WorkingType,
)
from backend.venues.mt5 import protocol, retcodes
from backend.venues.mt5.server_time import ServerTime

_MONEY_DIGITS = 8
_AVERAGE_DIGITS = 8


def exact(value: float, digits: int = _MONEY_DIGITS) -> Decimal:
    """Turn a float into the Decimal that it stands for. Raises ValueError if not finite."""
    if not math.isfinite(value):
        raise ValueError(f"the venue gave {value}")
    rounded = Decimal(f"{value:.{digits}f}")
    return rounded.normalize() if rounded else Decimal(0)


def price_of(value: float, spec: InstrumentSpec) -> Decimal:
    """Give a price with the symbol's digits."""
    return Decimal(f"{value:.{spec.digits}f}")


def instrument_of(symbol: str, info: Any) -> InstrumentSpec:
    """Read a symbol's rules."""
    return InstrumentSpec(
        symbol=symbol,
        venue_symbol=info.name,
        digits=info.digits,
        point=exact(info.point, 10),
        tick_size=exact(info.trade_tick_size or info.point, 10),
        tick_value=exact(info.trade_tick_value),
        contract_size=exact(info.trade_contract_size),
        volume_min=exact(info.volume_min),
        volume_max=exact(info.volume_max),
        volume_step=exact(info.volume_step),
        stops_level_points=info.trade_stops_level,
        freeze_level_points=info.trade_freeze_level,
        filling_mask=info.filling_mode,
        execution_mode=info.trade_exemode,
        trade_mode=info.trade_mode,
        currency_base=info.currency_base,
        currency_profit=info.currency_profit,
        currency_margin=info.currency_margin,
        book_levels=info.ticks_bookdepth,
    )


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits in a book: lots at the best price of either side, and how the whole leans."""

    bid: Decimal
    ask: Decimal
    imbalance: Decimal
    """-1 all offers, +1 all bids."""


def depth_of(rows: Any) -> Depth | None:
    """Read a depth of market; None where a side of it is empty."""
    wanted = [(row.price, exact(row.volume_dbl)) for row in rows if row.type == protocol.BOOK_BUY]
    offered = [(row.price, exact(row.volume_dbl)) for row in rows if row.type == protocol.BOOK_SELL]
    bids, asks = sum((lots for _, lots in wanted), ZERO), sum((lots for _, lots in offered), ZERO)
    if not bids or not asks:
        return None
    return Depth(
        bid=max(wanted)[1],
        ask=min(offered)[1],
        imbalance=((bids - asks) / (bids + asks)).quantize(MICRO),
    )


def account_of(info: Any, received_at: datetime) -> AccountState:
    """Read the account's totals."""
    return AccountState(
        login=info.login,
        # A mode that nobody knows is treated as real money.
        trade_mode=protocol.TRADE_MODES.get(info.trade_mode, "real"),
        hedging=info.margin_mode == protocol.MARGIN_MODE_HEDGING,
        currency=info.currency,
        leverage=info.leverage,
        balance=exact(info.balance),
        equity=exact(info.equity),
        profit=exact(info.profit),
        margin=exact(info.margin),
        margin_free=exact(info.margin_free),
        server=info.server,
        company=info.company,
        received_at=received_at,
    )


def side_of(order_type: int) -> Side:
    """Give the side of an order type."""
    return Side.BUY if order_type in protocol.BUY_ORDERS else Side.SELL


def position_of(symbol: str, raw: Any, time: ServerTime) -> VenuePosition:
    """Read an open position."""
    return VenuePosition(
        ticket=raw.ticket,
        identifier=raw.identifier,
        symbol=symbol,
        side=Side.BUY if raw.type == protocol.ORDER_BUY else Side.SELL,
        volume=exact(raw.volume),
        price_open=exact(raw.price_open),
        price_current=exact(raw.price_current),
        stop_loss=exact(raw.sl) or None,
        take_profit=exact(raw.tp) or None,
        profit=exact(raw.profit),
        swap=exact(raw.swap),
        magic=raw.magic,
        comment=raw.comment,
        opened_at=time.to_utc(raw.time_msc),
    )


def order_of(symbol: str, raw: Any, time: ServerTime) -> VenueOrder:
    """Read a working order."""
    pending = WorkingType.STOP
    if raw.type in protocol.LIMIT_ORDERS:
        pending = WorkingType.LIMIT
    elif raw.type in protocol.STOP_LIMIT_ORDERS:
        pending = WorkingType.STOP_LIMIT
    return VenueOrder(
        ticket=raw.ticket,
        symbol=symbol,
        side=side_of(raw.type),
        order_type=WorkingType.MARKET if raw.type in (0, 1) else pending,
        volume_initial=exact(raw.volume_initial),
        volume_remaining=exact(raw.volume_current),
        price=exact(raw.price_open),
        stop_loss=exact(raw.sl) or None,
        take_profit=exact(raw.tp) or None,
        magic=raw.magic,
        comment=raw.comment,
        placed_at=time.to_utc(raw.time_setup_msc),
        reason=raw.reason,
    )


def deal_of(symbol: str, raw: Any, time: ServerTime) -> VenueDeal:
    """Read a deal; MetaTrader's costs are negative, ours positive."""
    sides = {protocol.ORDER_BUY: Side.BUY, protocol.ORDER_SELL: Side.SELL}
    return VenueDeal(
        ticket=raw.ticket,
        order_ticket=raw.order,
        position_id=raw.position_id,
        symbol=symbol,
        side=sides.get(raw.type),
        entry=protocol.DEAL_ENTRIES.get(raw.entry, "in"),
        volume=exact(raw.volume),
        price=exact(raw.price),
        commission=-exact(raw.commission),
        fee=-exact(raw.fee),
        swap=exact(raw.swap),
        profit=exact(raw.profit),
        magic=raw.magic,
        comment=raw.comment,
        reason=raw.reason,
        executed_at=time.to_utc(raw.time_msc),
    )


def bar_of(opened_at: datetime, row: Any, spec: InstrumentSpec) -> Bar:
    """Read one row of the package's rates; its spread is in points, ours in price units."""
    return Bar(
        opened_at=opened_at,
        open=price_of(row["open"], spec),
        high=price_of(row["high"], spec),
        low=price_of(row["low"], spec),
        close=price_of(row["close"], spec),
        volume=Decimal(int(row["tick_volume"])),
        spread=int(row["spread"]) * spec.point,
    )


def outcome_of(retcode: int, action: int, asked: Decimal, executed: Decimal) -> Outcome:
    """Tell what a retcode means for an action."""
    kind = retcodes.classify(retcode)
    if kind is RetcodeClass.UNKNOWN:
        return Outcome.UNKNOWN
    if kind is RetcodeClass.NO_CHANGE:
        return Outcome.PLACED
    if kind is not RetcodeClass.SUCCESS:
        return Outcome.REJECTED
    if action == protocol.ACTION_REMOVE:
        return Outcome.CANCELLED
    if action != protocol.ACTION_DEAL or retcode == retcodes.PLACED or executed == 0:
        return Outcome.PLACED
    if retcode == retcodes.DONE_PARTIAL or executed < asked:
        return Outcome.PARTIALLY_FILLED
    return Outcome.FILLED


def average_price(deals: list[VenueDeal]) -> Decimal:
    """Give the volume-weighted price of deals with some volume."""
    volume = sum((deal.volume for deal in deals), start=Decimal(0))
    paid = sum((deal.volume * deal.price for deal in deals), start=Decimal(0))
    return (paid / volume).quantize(Decimal(1).scaleb(-_AVERAGE_DIGITS)).normalize()


def _traded_before(order: Any) -> Decimal:
    """Give what an order that was withdrawn says it had traded: its deals may be listed later."""
    if order is None or order.state not in (protocol.STATE_CANCELED, protocol.STATE_EXPIRED):
        return Decimal(0)
    rest = exact(order.volume_current)
    # Without a rest it would not have been withdrawn: that server does not keep the figure.
    return exact(order.volume_initial) - rest if rest else Decimal(0)


def found_report(
    client_order_id: str,
    order: Any,
    deals: list[VenueDeal],
    asked: Decimal,
    matched_by: str,
    time: ServerTime,
    received_at: datetime,
) -> VenueReport:
    """Report an order that was found.

    order: its record in the package's shape, None if only its deals are known.
    """
    executed = max(sum((deal.volume for deal in deals), start=Decimal(0)), _traded_before(order))
    state = None if order is None else order.state
    if order is not None:
        asked = exact(order.volume_initial)
    if executed:
        outcome = Outcome.FILLED if executed >= asked else Outcome.PARTIALLY_FILLED
    elif state == protocol.STATE_REJECTED:
        outcome = Outcome.REJECTED
    elif state in (protocol.STATE_CANCELED, protocol.STATE_EXPIRED):
        outcome = Outcome.CANCELLED
    else:
        outcome = Outcome.PLACED
    last = deals[-1] if deals else None
    if last is not None or order is None:
        if last is None:
            raise ValueError("neither an order nor a deal was found")
        ticket, position, stamp = last.order_ticket, last.position_id, last.executed_at
    else:
        ticket, position, stamp = order.ticket, order.position_id, time.to_utc(order.time_setup_msc)
    refused = outcome is Outcome.REJECTED
    return VenueReport(
        client_order_id=client_order_id,
        attempt_id=None,
        outcome=outcome,
        retcode=None,
        retcode_class=RetcodeClass.REFUSED if refused else RetcodeClass.SUCCESS,
        message=f"found by {matched_by}",
        order_ticket=ticket,
        deal_ticket=last.ticket if last else None,
        position_ticket=position or None,
        volume=executed,
        price=average_price(deals) if deals else None,
        commission=sum((d.commission + d.fee for d in deals), Decimal(0)) if deals else None,
        venue_time=stamp,
        received_at=received_at,
        latency_ms=None,
        resting_limit=outcome is Outcome.PLACED
        and order is not None
        and order.type in protocol.LIMIT_ORDERS,
    )
