"""Profit, margin and the account's totals, in the account's currency."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from backend.paper_terminal.market import Market
from backend.paper_terminal.records import ZERO, Position
from backend.paper_terminal.symbols import CALC_FOREX, SymbolSpec

_PIVOT = "USD"


class NoConversion(LookupError):
    """No pair of the terminal leads from one currency to the other."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """Totals of the account. margin_level in percent, 0 when nothing is at risk."""

    balance: Decimal
    profit: Decimal
    equity: Decimal
    margin: Decimal
    margin_free: Decimal
    margin_level: Decimal


class Money:
    """Values positions against the market of the moment."""

    def __init__(self, market: Market, currency: str, leverage: int) -> None:
        self._market = market
        self.currency = currency
        self._cent = Decimal(1) if currency == "JPY" else Decimal("0.01")
        self._leverage = leverage

    def cents(self, amount: Decimal) -> Decimal:
        """Round to the account currency's smallest unit."""
        return amount.quantize(self._cent, ROUND_HALF_UP)

    def rate(self, source: str, target: str) -> Decimal:
        """Give the price of one unit of source in target. Raises NoConversion."""
        if source == target:
            return Decimal(1)
        direct = self._pair(source, target)
        if direct is None and _PIVOT not in (source, target):
            first, second = self._pair(source, _PIVOT), self._pair(_PIVOT, target)
            direct = first * second if first is not None and second is not None else None
        if direct is None:
            raise NoConversion(f"{source} to {target}")
        return direct

    def _pair(self, source: str, target: str) -> Decimal | None:
        for spec in self._market.specs.values():
            if (spec.currency_base, spec.currency_profit) == (source, target):
                return self._market.quote(spec.name).bid
            if (spec.currency_base, spec.currency_profit) == (target, source):
                return 1 / self._market.quote(spec.name).ask
        return None

    def profit(
        self,
        symbol: str,
        sign: int,
        volume: Decimal,
        price_open: Decimal,
        price_close: Decimal,
    ) -> Decimal:
        """Give the profit of a position closed at a price, rounded to cents."""
        spec = self._market.specs[symbol]
        worth = spec.contract_size * self.rate(spec.currency_profit, self.currency) * sign
        return self.cents((price_close - price_open) * volume * worth)

    def floating(self, position: Position) -> Decimal:
        """Give the unrealised profit of a position."""
        return self.profit(
            position.symbol,
            1 if position.type == 0 else -1,
            position.volume,
            position.price_open,
            self.closing_price(position),
        )

    def closing_price(self, position: Position) -> Decimal:
        """Give the price at which a position could be closed now."""
        quote = self._market.quote(position.symbol)
        return quote.bid if position.type == 0 else quote.ask

    def margin(self, spec: SymbolSpec, volume: Decimal, price: Decimal) -> Decimal:
        """Give the margin of an unhedged position, rounded to cents."""
        notional = volume * spec.contract_size
        if spec.calc_mode == CALC_FOREX:
            rate = self.rate(spec.currency_base, self.currency)
        else:
            rate = price * self.rate(spec.currency_profit, self.currency)
        return self.cents(notional * rate / self._leverage)

    def margin_of(self, positions: list[Position]) -> Decimal:
        """Give the margin of a book: per symbol only the larger of both directions counts."""
        volumes: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        paid: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for position in positions:
            leg = (position.symbol, position.type)
            volumes[leg] += position.volume
            paid[leg] += position.volume * position.price_open
        largest: dict[str, Decimal] = {}
        for (symbol, side), volume in volumes.items():
            price = paid[symbol, side] / volume
            need = self.margin(self._market.specs[symbol], volume, price)
            largest[symbol] = max(need, largest.get(symbol, ZERO))
        return sum(largest.values(), start=ZERO)

    def _floating_total(self, positions: list[Position]) -> Decimal:
        """Add up what `floating` gives for each, looking up prices and rates once per symbol."""
        total = ZERO
        factors: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        for held in positions:
            leg = (held.symbol, held.type)
            if leg not in factors:
                spec = self._market.specs[held.symbol]
                worth = spec.contract_size * self.rate(spec.currency_profit, self.currency)
                factors[leg] = (
                    self.closing_price(held),
                    worth if held.type == 0 else -worth,
                )
            price, factor = factors[leg]
            total += self.cents((price - held.price_open) * held.volume * factor) + held.swap
        return total

    def account(self, balance: Decimal, positions: list[Position]) -> AccountState:
        """Add everything up."""
        profit = self._floating_total(positions)
        equity = balance + profit
        margin = self.margin_of(positions)
        level = (equity / margin * 100).quantize(Decimal("0.01")) if margin else ZERO
        return AccountState(balance, profit, equity, margin, equity - margin, level)
