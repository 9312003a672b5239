"""Trade requests: to whom each action goes, and what is done with positions themselves."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from backend.paper_terminal.checks import check_position_frozen, check_stops
from backend.paper_terminal.constants import Action, OrderState, Retcode
from backend.paper_terminal.deals import Deals
from backend.paper_terminal.faults import Strikes
from backend.paper_terminal.fills import Execution
from backend.paper_terminal.floor import Answer, Floor
from backend.paper_terminal.orders import market_order
from backend.paper_terminal.pendings import Pendings
from backend.paper_terminal.records import ZERO, Position
from backend.paper_terminal.requests import Request
from backend.paper_terminal.symbols import SymbolSpec

_COMMENT_MAX = 31


class Trading:
    """Decides requests. The caller holds the lock and has brought the market up to now."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._deals = Deals(floor)
        self._pendings = Pendings(floor)

    def rules_of(self, symbol: str) -> SymbolSpec:
        """Give the rules of a symbol as they are now. Raises KeyError if there is none."""
        return self._floor.rules_of(symbol)

    def send(self, request: Request, strikes: Strikes) -> Answer:
        """Execute a request and commit; what is acknowledged is on disk."""
        if self._floor.conditions.too_many(self._floor.market.server_ms()):
            return Answer(Retcode.TOO_MANY_REQUESTS)
        if "reject" in strikes:
            return Answer(strikes["reject"]["retcode"])
        if "requote" in strikes:
            return Answer(Retcode.REQUOTE, worse_points=strikes["requote"]["points"])
        if "overwrite_comment" in strikes:
            text = strikes["overwrite_comment"]["text"][:_COMMENT_MAX]
            request = replace(request, comment=text)
        answer = self._decide(request, strikes, dry=False)
        if self._floor.book.dirty:
            self._floor.book.commit()
        return answer

    def check(self, request: Request) -> tuple[Answer, Decimal]:
        """Tell what would refuse a request, and the margin that it would need."""
        return self._decide(request, {}, dry=True), self._margin_needed(request)

    def _decide(self, request: Request, strikes: Strikes, dry: bool) -> Answer:
        match request.action:
            case Action.DEAL:
                return self._deals.decide(request, strikes, dry)
            case Action.PENDING:
                return self._pendings.place(request, dry)
            case Action.SLTP:
                return self._stops(request, dry)
            case Action.MODIFY:
                return self._pendings.modify(request, dry)
            case Action.REMOVE:
                return self._pendings.remove(request, dry)
            case Action.CLOSE_BY:
                return self._close_by(request, dry)
        return Answer(Retcode.INVALID)

    def _margin_needed(self, request: Request) -> Decimal:
        spec = self._floor.market.specs.get(request.symbol)
        if spec is None or request.action not in (Action.DEAL, Action.PENDING):
            return ZERO
        quote = self._floor.market.quote(spec.name)
        return self._floor.money.margin(spec, request.volume, request.price or quote.ask)

    def _stops(self, request: Request, dry: bool) -> Answer:
        floor = self._floor
        held = floor.book.positions.get(request.position)
        if held is None and not request.position:
            held = floor.fills.netted(request.symbol)
        if held is None:
            return Answer(Retcode.POSITION_CLOSED)
        spec = floor.tradable(held.symbol)
        if isinstance(spec, Answer):
            return spec
        if (held.sl, held.tp) == (request.sl, request.tp):
            return Answer(Retcode.NO_CHANGES)
        reference = floor.money.closing_price(held)
        refusal = check_stops(
            spec, held.type == 0, request.sl, request.tp, reference
        ) or check_position_frozen(spec, held, floor.market.quote(spec.name))
        if refusal:
            return Answer(refusal)
        if not dry:
            now_ms = floor.market.server_ms()
            floor.book.put_position(
                replace(held, sl=request.sl, tp=request.tp, time_update_msc=now_ms)
            )
        return Answer(Retcode.DONE)

    def _close_by(self, request: Request, dry: bool) -> Answer:
        floor = self._floor
        held = floor.book.positions.get(request.position)
        other = floor.book.positions.get(request.position_by)
        if not floor.hedging:
            return Answer(Retcode.INVALID)
        if held is None or other is None:
            return Answer(Retcode.POSITION_CLOSED)
        if held.symbol != other.symbol or held.type == other.type:
            return Answer(Retcode.INVALID)
        spec = floor.tradable(held.symbol)
        if isinstance(spec, Answer):
            return spec
        quote = floor.market.quote(spec.name)
        for one in (held, other):
            if frozen := check_position_frozen(spec, one, quote):
                return Answer(frozen)
        return Answer(Retcode.DONE) if dry else self._net(request, held, other)

    def _net(self, request: Request, held: Position, other: Position) -> Answer:
        floor = self._floor
        done = Execution(
            order_ticket=floor.book.ticket(),
            symbol=held.symbol,
            type=1 - held.type,
            volume=min(held.volume, other.volume),
            price=other.price_open,
            sl=ZERO,
            tp=ZERO,
            magic=request.magic,
            comment=request.comment,
            reason=request.reason,
            time_msc=floor.market.server_ms(),
        )
        deal = floor.fills.close_by(held, other, done)
        by = other.identifier
        order = market_order(done, OrderState.FILLED, held.identifier, position_by_id=by)
        floor.book.finish_order(order)
        return Answer(Retcode.DONE, deal.ticket, done.order_ticket, done.volume, done.price)
