"""Trade requests: what each action does to the book, and the answer it gets."""

from dataclasses import dataclass, replace
from decimal import Decimal

from backend.paper_terminal.book import Book
from backend.paper_terminal.checks import (
    BUY_KINDS,
    PENDING_KINDS,
    check_expiration,
    check_filling,
    check_frozen,
    check_market_price,
    check_pending_price,
    check_stops,
    check_volume,
)
from backend.paper_terminal.conditions import Conditions, part_of
from backend.paper_terminal.constants import (
    Action,
    Filling,
    MarginMode,
    OrderKind,
    OrderState,
    Reason,
    Retcode,
    TimeType,
    TradeMode,
)
from backend.paper_terminal.faults import Faults, Strikes
from backend.paper_terminal.fills import Execution, Fills
from backend.paper_terminal.market import Market, Quote
from backend.paper_terminal.money import Money
from backend.paper_terminal.records import ZERO, Order, Position
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec
from backend.paper_terminal.triggers import market_order

ORDERS_MAX = 200
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Answer:
    """Retcode and what belongs to it; price and volume of the execution, if there was one."""

    retcode: int
    deal: int = 0
    order: int = 0
    volume: Decimal = ZERO
    price: Decimal = ZERO
    # How much worse than the market the quote is that comes with a requote.
    worse_points: int = 0


class Trading:
    """Decides requests. The caller holds the lock and has brought the market up to now."""

    def __init__(
        self,
        book: Book,
        market: Market,
        money: Money,
        fills: Fills,
        conditions: Conditions,
        faults: Faults,
        mode: MarginMode,
    ) -> None:
        self._book = book
        self._market = market
        self._money = money
        self._fills = fills
        self._conditions = conditions
        self._faults = faults
        self._strikes: Strikes = {}
        self._mode = mode

    def rules_of(self, symbol: str) -> SymbolSpec:
        """Give the rules of a symbol as they are now. Raises KeyError if there is none."""
        spec = self._market.specs[symbol]
        changed = self._faults.in_force("trade_mode", symbol)
        if changed is None:
            return spec
        return replace(spec, trade_mode=TradeMode[changed["mode"].upper()])

    def send(self, request: Request, strikes: Strikes) -> Answer:
        """Execute a request and commit; what is acknowledged is on disk."""
        if "reject" in strikes:
            return Answer(strikes["reject"]["retcode"])
        if "requote" in strikes:
            return Answer(Retcode.REQUOTE, worse_points=strikes["requote"]["points"])
        if "overwrite_comment" in strikes:
            request = replace(request, comment=strikes["overwrite_comment"]["text"][:31])
        self._strikes = strikes
        answer = self._decide(request, dry=False)
        if self._book.dirty:
            self._book.commit()
        return answer

    def check(self, request: Request) -> tuple[Answer, Decimal]:
        """Tell what would refuse a request, and the margin that it would need."""
        return self._decide(request, dry=True), self._margin_needed(request)

    def _decide(self, request: Request, dry: bool) -> Answer:
        actions = {
            Action.DEAL: self._deal,
            Action.PENDING: self._pending,
            Action.SLTP: self._stops,
            Action.MODIFY: self._modify,
            Action.REMOVE: self._remove,
            Action.CLOSE_BY: self._close_by,
        }
        try:
            handler = actions[Action(request.action)]
        except ValueError:
            return Answer(Retcode.INVALID)
        return handler(request, dry)

    def _margin_needed(self, request: Request) -> Decimal:
        spec = self._market.specs.get(request.symbol)
        if spec is None or request.action not in (Action.DEAL, Action.PENDING):
            return ZERO
        quote = self._market.quote(spec.name)
        return self._money.margin(spec, request.volume, request.price or quote.ask)

    def _spec(self, symbol: str) -> SymbolSpec | Answer:
        if symbol not in self._market.specs:
            return Answer(Retcode.INVALID)
        spec = self.rules_of(symbol)
        if not self._market.is_open(symbol):
            return Answer(Retcode.MARKET_CLOSED)
        return spec

    # DEAL

    def _deal(self, request: Request, dry: bool) -> Answer:
        spec = self._spec(request.symbol)
        if isinstance(spec, Answer):
            return spec
        if request.type not in (OrderKind.BUY, OrderKind.SELL):
            return Answer(Retcode.INVALID_ORDER)
        quote = self._market.quote(spec.name)
        buy = request.type == OrderKind.BUY
        price = quote.ask if buy else quote.bid
        held = self._position_to_close(request)
        if isinstance(held, Answer):
            return held
        refusal = (
            check_volume(spec, request.volume)
            or check_filling(spec, request.type_filling, pending=False)
            or check_market_price(spec, request, price)
            or check_stops(spec, buy, request.sl, request.tp, quote.bid if buy else quote.ask)
            or self._check_money(spec, request, price, held)
        )
        if refusal or dry:
            return Answer(refusal or Retcode.DONE)
        return self._execute(spec, request, price, quote, held)

    def _position_to_close(self, request: Request) -> Position | Answer | None:
        if not request.position:
            return None
        held = self._book.positions.get(request.position)
        if held is None:
            return Answer(Retcode.POSITION_CLOSED)
        if held.symbol != request.symbol:
            return Answer(Retcode.INVALID)
        if self._mode is not MarginMode.HEDGING:
            return None  # A netting account has one position: the deal nets against it anyway.
        if held.type == request.type:
            return Answer(Retcode.INVALID)
        if request.volume > held.volume:
            return Answer(Retcode.INVALID_CLOSE_VOLUME)
        return held

    def _check_money(
        self, spec: SymbolSpec, request: Request, price: Decimal, held: Position | None
    ) -> Retcode | None:
        """Refuse what the free margin does not carry; closing is always allowed."""
        volume = request.volume
        netted = self._fills.netted(spec.name)
        if netted is not None and netted.type != request.type:
            volume -= 2 * netted.volume
        if held is not None or volume <= 0:
            return None
        state = self._money.estimate(self._book.balance, self._book.legs)
        need = self._money.margin(spec, volume, price)
        return Retcode.NO_MONEY if need > state.margin_free else None

    def _execute(
        self,
        spec: SymbolSpec,
        request: Request,
        price: Decimal,
        quote: Quote,
        held: Position | None,
    ) -> Answer:
        volume = request.volume
        if request.type_filling == Filling.IOC:
            volume = self._conditions.filled_part(volume, spec.volume_min, spec.volume_step)
        if "partial_fill" in self._strikes and request.type_filling != Filling.FOK:
            share = self._strikes["partial_fill"]["share"]
            volume = part_of(request.volume, share, spec.volume_min, spec.volume_step)
        slipped = self._conditions.slippage_points()
        slipped += self._strikes.get("slippage", {}).get("points", 0)
        sign = 1 if request.type == OrderKind.BUY else -1
        done = Execution(
            order_ticket=self._book.ticket(),
            symbol=spec.name,
            type=request.type,
            volume=volume,
            price=price + sign * slipped * spec.point,
            sl=request.sl,
            tp=request.tp,
            magic=request.magic,
            comment=request.comment,
            reason=Reason.EXPERT,
            time_msc=max(self._market.server_ms(), quote.server_ms),
        )
        deal = self._fills.reduce(held, done) if held else self._fills.apply(done)
        partial = volume < request.volume
        state = OrderState.PARTIAL if partial else OrderState.FILLED
        self._book.finish_order(
            market_order(done, state, deal.position_id, request.volume, request.type_filling)
        )
        retcode = Retcode.DONE_PARTIAL if partial else Retcode.DONE
        return Answer(retcode, deal.ticket, done.order_ticket, volume, done.price)

    # PENDING

    def _pending(self, request: Request, dry: bool) -> Answer:
        spec = self._spec(request.symbol)
        if isinstance(spec, Answer):
            return spec
        if request.type not in PENDING_KINDS:
            return Answer(Retcode.INVALID_ORDER)
        refusal = (
            check_volume(spec, request.volume)
            or check_filling(spec, request.type_filling, pending=True)
            or self._check_levels(spec, request, request.type)
        )
        if refusal is None and len(self._book.orders) >= ORDERS_MAX:
            refusal = Retcode.LIMIT_ORDERS
        if refusal or dry:
            return Answer(refusal or Retcode.DONE)
        now_ms = self._market.server_ms()
        order = Order(
            ticket=self._book.ticket(),
            symbol=spec.name,
            type=request.type,
            type_time=request.type_time,
            type_filling=request.type_filling,
            state=OrderState.PLACED,
            magic=request.magic,
            position_id=0,
            position_by_id=0,
            reason=Reason.EXPERT,
            volume_initial=request.volume,
            volume_current=request.volume,
            price_open=request.price,
            sl=request.sl,
            tp=request.tp,
            comment=request.comment,
            time_setup_msc=now_ms,
            time_done_msc=0,
            time_expiration=_expires_s(request, now_ms // 1000),
        )
        self._book.put_order(order)
        return Answer(Retcode.DONE, order=order.ticket, volume=request.volume, price=request.price)

    def _check_levels(self, spec: SymbolSpec, request: Request, kind: int) -> Retcode | None:
        buy = kind in BUY_KINDS
        return (
            check_pending_price(spec, kind, request.price, self._market.quote(spec.name))
            or check_stops(spec, buy, request.sl, request.tp, request.price)
            or check_expiration(request, self._market.server_ms() // 1000)
        )

    def _modify(self, request: Request, dry: bool) -> Answer:
        order = self._working(request)
        if isinstance(order, Answer):
            return order
        spec = self._spec(order.symbol)
        if isinstance(spec, Answer):
            return spec
        frozen = check_frozen(spec, order.type, order.price_open, self._market.quote(spec.name))
        refusal = frozen or self._check_levels(spec, request, order.type)
        if refusal:
            return Answer(refusal)
        changed = replace(
            order,
            price_open=request.price,
            sl=request.sl,
            tp=request.tp,
            type_time=request.type_time,
            time_expiration=_expires_s(request, order.time_setup_msc // 1000),
        )
        if changed == order:
            return Answer(Retcode.NO_CHANGES, order=order.ticket)
        if not dry:
            self._book.put_order(changed)
        return Answer(Retcode.DONE, order=order.ticket, price=request.price)

    def _remove(self, request: Request, dry: bool) -> Answer:
        order = self._working(request)
        if isinstance(order, Answer):
            return order
        spec = self._spec(order.symbol)
        if isinstance(spec, Answer):
            return spec
        # The price has as good as reached it: the server no longer lets it go.
        quote = self._market.quote(spec.name)
        if frozen := check_frozen(spec, order.type, order.price_open, quote):
            return Answer(frozen, order=order.ticket)
        if not dry:
            done_ms = self._market.server_ms()
            self._book.finish_order(
                replace(order, state=OrderState.CANCELED, time_done_msc=done_ms)
            )
        return Answer(Retcode.DONE, order=order.ticket)

    def _working(self, request: Request) -> Order | Answer:
        order = self._book.orders.get(request.order)
        if order is not None:
            return order
        known = request.order in self._book.history
        return Answer(Retcode.ORDER_CHANGED if known else Retcode.INVALID, order=request.order)

    # Positions

    def _stops(self, request: Request, dry: bool) -> Answer:
        held = self._book.positions.get(request.position)
        if held is None:
            held = self._fills.netted(request.symbol) if not request.position else None
        if held is None:
            return Answer(Retcode.POSITION_CLOSED)
        spec = self._spec(held.symbol)
        if isinstance(spec, Answer):
            return spec
        if (held.sl, held.tp) == (request.sl, request.tp):
            return Answer(Retcode.NO_CHANGES)
        reference = self._money.closing_price(held)
        refusal = check_stops(spec, held.type == 0, request.sl, request.tp, reference)
        if refusal:
            return Answer(refusal)
        if not dry:
            now_ms = self._market.server_ms()
            self._book.put_position(
                replace(held, sl=request.sl, tp=request.tp, time_update_msc=now_ms)
            )
        return Answer(Retcode.DONE)

    def _close_by(self, request: Request, dry: bool) -> Answer:
        held = self._book.positions.get(request.position)
        other = self._book.positions.get(request.position_by)
        if self._mode is not MarginMode.HEDGING:
            return Answer(Retcode.INVALID)
        if held is None or other is None:
            return Answer(Retcode.POSITION_CLOSED)
        if held.symbol != other.symbol or held.type == other.type:
            return Answer(Retcode.INVALID)
        spec = self._spec(held.symbol)
        if isinstance(spec, Answer) or dry:
            return spec if isinstance(spec, Answer) else Answer(Retcode.DONE)
        done = Execution(
            order_ticket=self._book.ticket(),
            symbol=held.symbol,
            type=1 - held.type,
            volume=min(held.volume, other.volume),
            price=other.price_open,
            sl=ZERO,
            tp=ZERO,
            magic=request.magic,
            comment=request.comment,
            reason=Reason.EXPERT,
            time_msc=self._market.server_ms(),
        )
        deal = self._fills.close_by(held, other, done)
        by = other.identifier
        order = market_order(done, OrderState.FILLED, held.identifier, position_by_id=by)
        self._book.finish_order(order)
        return Answer(Retcode.DONE, deal.ticket, done.order_ticket, done.volume, done.price)


def _expires_s(request: Request, placed_s: int) -> int:
    """Give the server second at which an order ends, 0 for never."""
    if request.type_time == TimeType.DAY:
        return (placed_s // _DAY_S + 1) * _DAY_S
    if request.type_time == TimeType.SPECIFIED_DAY:
        return (request.expiration // _DAY_S + 1) * _DAY_S
    return request.expiration
