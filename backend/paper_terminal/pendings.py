"""Orders that wait: placing, changing and removing them."""

from __future__ import annotations

from dataclasses import replace

from backend.paper_terminal.checks import (
    BUY_KINDS,
    PENDING_KINDS,
    STOP_LIMITS,
    check_direction,
    check_expiration,
    check_filling,
    check_frozen,
    check_kind,
    check_pending_price,
    check_stops,
    check_volume,
)
from backend.paper_terminal.constants import OrderState, Retcode
from backend.paper_terminal.floor import Answer, Floor
from backend.paper_terminal.orders import expires_s, pending_order
from backend.paper_terminal.records import Order
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec


class Pendings:
    """Decides requests with actions PENDING, MODIFY and REMOVE."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def place(self, request: Request, dry: bool) -> Answer:
        """Let an order wait, or tell what refuses it."""
        spec = self._floor.tradable(request.symbol)
        if isinstance(spec, Answer):
            return spec
        if request.type not in PENDING_KINDS:
            return Answer(Retcode.INVALID_ORDER)
        refusal = (
            check_kind(spec, request.type, request.sl, request.tp)
            or check_volume(spec, request.volume)
            or check_direction(spec, request.type in BUY_KINDS, closing=False)
            or check_filling(spec, request.type_filling, request.type)
            or self._check_levels(spec, request, request.type)
            or self._check_room(spec, request)
        )
        if refusal or dry:
            return Answer(refusal or Retcode.DONE)
        book = self._floor.book
        order = pending_order(request, book.ticket(), self._floor.market.server_ms())
        book.put_order(order)
        return Answer(Retcode.DONE, order=order.ticket, volume=request.volume, price=request.price)

    def _check_room(self, spec: SymbolSpec, request: Request) -> Retcode | None:
        floor = self._floor
        if 0 < floor.limits.orders <= len(floor.book.orders):
            return Retcode.LIMIT_ORDERS
        if not spec.volume_limit:
            return None
        buy = request.type in BUY_KINDS
        waiting = sum(
            order.volume_current
            for order in floor.book.orders.values()
            if order.symbol == spec.name and (order.type in BUY_KINDS) == buy
        )
        held = floor.book.legs.get((spec.name, 0 if buy else 1), (0, 0))[0]
        too_much = held + waiting + request.volume > spec.volume_limit
        return Retcode.LIMIT_VOLUME if too_much else None

    def _check_levels(self, spec: SymbolSpec, request: Request, kind: int) -> Retcode | None:
        buy = kind in BUY_KINDS
        reference = request.stoplimit if kind in STOP_LIMITS else request.price
        market = self._floor.market
        return (
            check_pending_price(spec, request, kind, market.quote(spec.name))
            or check_stops(spec, buy, request.sl, request.tp, reference)
            or check_expiration(spec, request, market.server_ms() // 1000)
        )

    def modify(self, request: Request, dry: bool) -> Answer:
        """Change price, stops and expiration of a waiting order."""
        order = self._working(request)
        if isinstance(order, Answer):
            return order
        spec = self._floor.tradable(order.symbol)
        if isinstance(spec, Answer):
            return replace(spec, order=order.ticket)
        refusal = self._check_frozen(spec, order) or self._check_levels(spec, request, order.type)
        if refusal:
            return Answer(refusal, order=order.ticket)
        changed = replace(
            order,
            price_open=request.price,
            price_stoplimit=request.stoplimit,
            sl=request.sl,
            tp=request.tp,
            type_time=request.type_time,
            time_expiration=expires_s(request, order.time_setup_msc // 1000),
        )
        if changed == order:
            return Answer(Retcode.NO_CHANGES, order=order.ticket)
        if not dry:
            self._floor.book.put_order(changed)
        return Answer(Retcode.DONE, order=order.ticket, price=request.price)

    def remove(self, request: Request, dry: bool) -> Answer:
        """Withdraw a waiting order, or what is left of it."""
        order = self._working(request)
        if isinstance(order, Answer):
            return order
        spec = self._floor.tradable(order.symbol)
        if isinstance(spec, Answer):
            return replace(spec, order=order.ticket)
        # The price has as good as reached it: the server no longer lets it go.
        if frozen := self._check_frozen(spec, order):
            return Answer(frozen, order=order.ticket)
        if not dry:
            done_ms = self._floor.market.server_ms()
            ended = replace(order, state=OrderState.CANCELED, time_done_msc=done_ms)
            self._floor.book.finish_order(ended)
        return Answer(Retcode.DONE, order=order.ticket)

    def _check_frozen(self, spec: SymbolSpec, order: Order) -> Retcode | None:
        quote = self._floor.market.quote(spec.name)
        return check_frozen(spec, order.type, order.price_open, quote)

    def _working(self, request: Request) -> Order | Answer:
        book = self._floor.book
        order = book.orders.get(request.order)
        if order is not None:
            return order
        known = request.order in book.history
        return Answer(Retcode.ORDER_CHANGED if known else Retcode.INVALID, order=request.order)
