"""The trading floor: what every request meets before it is decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from backend.paper_terminal.book import Book
from backend.paper_terminal.conditions import Conditions
from backend.paper_terminal.constants import MarginMode, Retcode, TradeMode
from backend.paper_terminal.depth import DepthReplay, Ladder
from backend.paper_terminal.faults import Faults
from backend.paper_terminal.fills import Fills
from backend.paper_terminal.market import Market, Quote
from backend.paper_terminal.money import AccountState, Money
from backend.paper_terminal.records import ZERO
from backend.paper_terminal.symbols import SymbolSpec

_VOLATILITY_BARS = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What the account may have at once, 0 for no limit; fifo: oldest positions close first."""

    orders: int = 200
    positions: int = 0
    fifo: bool = False


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


@dataclass(frozen=True, slots=True)
class Floor:
    """Book, market, money and rules, together."""

    book: Book
    market: Market
    money: Money
    fills: Fills
    conditions: Conditions
    faults: Faults
    mode: MarginMode
    limits: Limits
    depths: dict[str, DepthReplay] = field(default_factory=dict)

    @property
    def hedging(self) -> bool:
        """Tell whether positions of one symbol stand side by side."""
        return self.mode is MarginMode.HEDGING

    def rules_of(self, symbol: str) -> SymbolSpec:
        """Give the rules of a symbol as they are now. Raises KeyError if there is none."""
        spec = self.market.specs[symbol]
        changed = self.faults.in_force("trade_mode", symbol)
        if changed is None:
            return spec
        return replace(spec, trade_mode=TradeMode[changed["mode"].upper()])

    def tradable(self, symbol: str) -> SymbolSpec | Answer:
        """Give the rules of a symbol that trades now, or why there is no trading in it."""
        if symbol not in self.market.specs:
            return Answer(Retcode.INVALID)
        spec = self.rules_of(symbol)
        if spec.trade_mode is TradeMode.DISABLED:
            return Answer(Retcode.TRADE_DISABLED)
        return spec if self.market.is_open(symbol) else Answer(Retcode.MARKET_CLOSED)

    def estimate(self) -> AccountState:
        """Add the account up, at most half a cent a position off."""
        return self.money.estimate(self.book.balance, self.book.swaps, self.book.legs)

    def ladder(self, symbol: str) -> Ladder | None:
        """Give the book of a symbol as it is now, None where there is no recorded one."""
        replay = self.depths.get(symbol)
        return None if replay is None else replay.ladder(self.market.now_step(symbol))

    def market_price(self, spec: SymbolSpec, buy: bool, volume: Decimal, quote: Quote) -> Decimal:
        """Give the price at which a volume is filled at once: through the book, or slipped."""
        ladder = self.ladder(spec.name)
        taken = [] if ladder is None else ladder.take(buy, volume)
        if taken:
            value = sum((price * part for price, part in taken), ZERO)
            return (value / sum((part for _, part in taken), ZERO)).quantize(spec.tick_size)
        worse = self.slipped(spec, volume)
        return quote.ask + worse if buy else quote.bid - worse

    def slipped(self, spec: SymbolSpec, volume: Decimal) -> Decimal:
        """Draw how much worse than the quote a market order is filled, as a price."""
        volatility = 0.0
        if self.conditions.needs_volatility:
            volatility = self.market.volatility_points(spec.name, _VOLATILITY_BARS)
        return self.conditions.slippage_points(spec, volume, volatility) * spec.point
