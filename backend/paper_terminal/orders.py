"""Makes orders' records: those that executed at once, and those that wait."""

from __future__ import annotations

from decimal import Decimal

from backend.paper_terminal.constants import DEAL_TYPE_BALANCE, OrderKind, OrderState, TimeType
from backend.paper_terminal.fills import Execution
from backend.paper_terminal.records import ZERO, Deal, Order
from backend.paper_terminal.requests import Request

_DAY_S = 86_400


def market_order(
    done: Execution,
    state: OrderState,
    position_id: int,
    volume_asked: Decimal | None = None,
    type_filling: int = 0,
    position_by_id: int = 0,
) -> Order:
    """Describe, for history, the order that led to an execution at once."""
    asked = done.volume if volume_asked is None else volume_asked
    return Order(
        ticket=done.order_ticket,
        symbol=done.symbol,
        type=OrderKind.CLOSE_BY if position_by_id else done.type,
        type_time=0,
        type_filling=type_filling,
        state=state,
        magic=done.magic,
        position_id=position_id,
        position_by_id=position_by_id,
        reason=done.reason,
        volume_initial=asked,
        volume_current=asked - done.volume,
        price_open=done.price,
        sl=done.sl,
        tp=done.tp,
        comment=done.comment,
        time_setup_msc=done.time_msc,
        time_done_msc=done.time_msc,
        time_expiration=0,
    )


def pending_order(request: Request, ticket: int, now_ms: int) -> Order:
    """Describe an order that begins to wait. now_ms: server time."""
    return Order(
        ticket=ticket,
        symbol=request.symbol,
        type=request.type,
        type_time=request.type_time,
        type_filling=request.type_filling,
        state=OrderState.PLACED,
        magic=request.magic,
        position_id=0,
        position_by_id=0,
        reason=request.reason,
        volume_initial=request.volume,
        volume_current=request.volume,
        price_open=request.price,
        sl=request.sl,
        tp=request.tp,
        comment=request.comment,
        time_setup_msc=now_ms,
        time_done_msc=0,
        time_expiration=expires_s(request, now_ms // 1000),
        price_stoplimit=request.stoplimit,
    )


def expires_s(request: Request, placed_s: int) -> int:
    """Give the server second at which an order ends, 0 for never."""
    if request.type_time == TimeType.DAY:
        return (placed_s // _DAY_S + 1) * _DAY_S
    if request.type_time == TimeType.SPECIFIED_DAY:
        return (request.expiration // _DAY_S + 1) * _DAY_S
    return request.expiration


def execution(order: Order, buy: bool, volume: Decimal, price: Decimal, time_msc: int) -> Execution:
    """Describe the execution of a waiting order, or of a part of it."""
    return Execution(
        order_ticket=order.ticket,
        symbol=order.symbol,
        type=0 if buy else 1,
        volume=volume,
        price=price,
        sl=order.sl,
        tp=order.tp,
        magic=order.magic,
        comment=order.comment,
        reason=order.reason,
        time_msc=time_msc,
    )


def balance_deal(ticket: int, amount: Decimal, time_msc: int) -> Deal:
    """Describe money that is paid in, or out if it is negative."""
    return Deal(
        ticket=ticket,
        order_ticket=0,
        symbol="",
        type=DEAL_TYPE_BALANCE,
        entry=0,
        magic=0,
        position_id=0,
        reason=0,
        volume=ZERO,
        price=ZERO,
        commission=ZERO,
        swap=ZERO,
        profit=amount,
        fee=ZERO,
        comment="Deposit" if amount >= 0 else "Withdrawal",
        time_msc=time_msc,
    )
