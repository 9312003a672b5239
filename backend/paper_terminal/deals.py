"""Market orders: what refuses them, how much is filled and at what price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from backend.paper_terminal.checks import (
    check_direction,
    check_filling,
    check_kind,
    check_market_price,
    check_position_frozen,
    check_stops,
    check_volume,
)
from backend.paper_terminal.conditions import part_of
from backend.paper_terminal.constants import (
    Execution as Mode,
)
from backend.paper_terminal.constants import (
    Filling,
    OrderKind,
    OrderState,
    Retcode,
)
from backend.paper_terminal.faults import Strikes
from backend.paper_terminal.fills import Execution
from backend.paper_terminal.floor import Answer, Floor
from backend.paper_terminal.market import Quote
from backend.paper_terminal.orders import market_order
from backend.paper_terminal.records import ZERO, Deal, Position
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec

Parts = list[tuple[Decimal, Decimal]]
"""Price and volume of each deal of one order."""


class Deals:
    """Decides requests with action DEAL."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def decide(self, request: Request, strikes: Strikes, dry: bool) -> Answer:
        """Execute a market order, or tell what refuses it; dry: only tell."""
        spec = self._floor.tradable(request.symbol)
        if isinstance(spec, Answer):
            return spec
        if request.type not in (OrderKind.BUY, OrderKind.SELL):
            return Answer(Retcode.INVALID_ORDER)
        quote = self._floor.market.quote(spec.name)
        buy = request.type == OrderKind.BUY
        price = quote.ask if buy else quote.bid
        held = self._position_to_close(request)
        if isinstance(held, Answer):
            return held
        refusal = (
            check_kind(spec, request.type, request.sl, request.tp)
            or check_volume(spec, request.volume)
            or check_direction(spec, buy, self._closes(request, held))
            or check_filling(spec, request.type_filling, request.type)
            or check_market_price(spec, request, price)
            or check_stops(spec, buy, request.sl, request.tp, quote.bid if buy else quote.ask)
            or self._check_room(spec, request, price, held)
            or (check_position_frozen(spec, held, quote) if held else None)
        )
        if refusal or dry:
            return Answer(refusal or Retcode.DONE)
        return self._execute(spec, request, strikes, quote, held)

    def _position_to_close(self, request: Request) -> Position | Answer | None:
        if not request.position:
            return None
        held = self._floor.book.positions.get(request.position)
        if held is None:
            return Answer(Retcode.POSITION_CLOSED)
        if held.symbol != request.symbol:
            return Answer(Retcode.INVALID)
        if not self._floor.hedging:
            return None  # A netting account has one position: the deal nets against it anyway.
        if held.type == request.type:
            return Answer(Retcode.INVALID)
        if request.volume > held.volume:
            return Answer(Retcode.INVALID_CLOSE_VOLUME)
        if self._floor.limits.fifo and self._is_younger(held):
            return Answer(Retcode.FIFO_CLOSE)
        return held

    def _is_younger(self, held: Position) -> bool:
        same = (held.symbol, held.type)
        positions = self._floor.book.positions.values()
        return any((p.symbol, p.type) == same and p.ticket < held.ticket for p in positions)

    def _closes(self, request: Request, held: Position | None) -> bool:
        if held is not None:
            return True
        netted = self._floor.fills.netted(request.symbol)
        return (
            netted is not None and netted.type != request.type and (request.volume <= netted.volume)
        )

    def _check_room(
        self, spec: SymbolSpec, request: Request, price: Decimal, held: Position | None
    ) -> Retcode | None:
        """Refuse what free margin or limits do not carry; closing is always allowed."""
        floor, volume = self._floor, request.volume
        netted = floor.fills.netted(spec.name)
        if netted is not None and netted.type != request.type:
            volume -= 2 * netted.volume
        if held is not None or volume <= 0:
            return None
        if 0 < floor.limits.positions <= len(floor.book.positions) and netted is None:
            return Retcode.LIMIT_POSITIONS
        if spec.volume_limit:
            volume_held = floor.book.legs.get((spec.name, request.type), (0, 0))[0]
            if volume_held + volume > spec.volume_limit:
                return Retcode.LIMIT_VOLUME
        need = floor.money.margin(spec, volume, price)
        return Retcode.NO_MONEY if need > floor.estimate().margin_free else None

    def _execute(
        self,
        spec: SymbolSpec,
        request: Request,
        strikes: Strikes,
        quote: Quote,
        held: Position | None,
    ) -> Answer:
        conditions = self._floor.conditions
        if spec.execution in (Mode.INSTANT, Mode.REQUEST) and conditions.requotes():
            return Answer(Retcode.REQUOTE, worse_points=max(1, spec.spread_points))
        volume = self._filled(spec, request, strikes)
        if not volume or (request.type_filling == Filling.FOK and volume < request.volume):
            return Answer(Retcode.REJECT)
        if held is not None:
            volume = min(volume, held.volume)
        parts = self._parts(spec, request, strikes, quote, volume)
        value = sum((price * part for price, part in parts), ZERO)
        done = Execution(
            order_ticket=self._floor.book.ticket(),
            symbol=spec.name,
            type=request.type,
            volume=volume,
            price=parts[0][0] if len(parts) == 1 else (value / volume).quantize(spec.tick_size),
            sl=request.sl,
            tp=request.tp,
            magic=request.magic,
            comment=request.comment,
            reason=request.reason,
            time_msc=max(self._floor.market.server_ms(), quote.server_ms),
        )
        deal = self._book_parts(done, parts, held)
        partial = volume < request.volume
        state = OrderState.PARTIAL if partial else OrderState.FILLED
        self._floor.book.finish_order(
            market_order(done, state, deal.position_id, request.volume, request.type_filling)
        )
        retcode = Retcode.DONE_PARTIAL if partial else Retcode.DONE
        return Answer(retcode, deal.ticket, done.order_ticket, volume, done.price)

    def _book_parts(self, done: Execution, parts: Parts, held: Position | None) -> Deal:
        """Book one deal per price level; gives the last of them."""
        fills, positions = self._floor.fills, self._floor.book.positions
        deal: Deal | None = None
        for price, volume in parts:
            part = replace(done, price=price, volume=volume)
            if held is not None:
                deal = fills.reduce(positions[held.ticket], part)
            else:
                deal = fills.apply(part, deal.position_id if deal else 0)
        if deal is None:
            raise ValueError("an execution has at least one part")
        return deal

    def _parts(
        self, spec: SymbolSpec, request: Request, strikes: Strikes, quote: Quote, volume: Decimal
    ) -> Parts:
        """Give price and volume of each deal: one, or one for each level of a book."""
        ladder = self._floor.ladder(spec.name)
        if ladder is None:
            return [(self._price(spec, request, strikes, quote), volume)]
        buy = request.type == OrderKind.BUY
        worse = strikes.get("slippage", {}).get("points", 0) * spec.point
        taken = ladder.take(buy, volume)
        return [(price + (worse if buy else -worse), part) for price, part in taken]

    def _filled(self, spec: SymbolSpec, request: Request, strikes: Strikes) -> Decimal:
        conditions = self._floor.conditions
        volume = conditions.available(spec, request.volume)
        ladder = self._floor.ladder(spec.name)
        if ladder is not None:
            levels = ladder.levels(request.type == OrderKind.BUY)
            volume = min(volume, sum((there for _, there in levels), ZERO))
        if request.type_filling == Filling.FOK and "overfill" not in strikes:
            return volume
        if request.type_filling == Filling.IOC:
            volume = min(volume, conditions.filled_part(spec, request.volume))
        if "overfill" in strikes:
            share = strikes["overfill"]["share"]
            return part_of(volume, share, spec.volume_min, spec.volume_step, most=spec.volume_max)
        if "partial_fill" in strikes:
            share = strikes["partial_fill"]["share"]
            volume = part_of(volume, share, spec.volume_min, spec.volume_step)
        return volume

    def _price(self, spec: SymbolSpec, request: Request, strikes: Strikes, quote: Quote) -> Decimal:
        buy = request.type == OrderKind.BUY
        worse = self._floor.slipped(spec, request.volume)
        if spec.execution in (Mode.INSTANT, Mode.REQUEST):
            # The dealer keeps to the deviation: beyond it he would have asked again.
            asked = (quote.ask - request.price) if buy else (request.price - quote.bid)
            worse = min(worse, max(request.deviation * spec.point - asked, ZERO))
        worse += strikes.get("slippage", {}).get("points", 0) * spec.point
        worse = -(-worse // spec.tick_size) * spec.tick_size
        return quote.ask + worse if buy else quote.bid - worse
