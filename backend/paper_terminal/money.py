"""Profit, margin and the account's totals, in the account's currency."""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from backend.paper_terminal.constants import CalcMode, SwapMode
from backend.paper_terminal.market import Market
from backend.paper_terminal.records import ZERO, Position
from backend.paper_terminal.symbols import SymbolSpec

_PIVOT = "USD"
_BANKING_YEAR = 360
# Per symbol and direction: volume, and volume times opening price.
Legs = dict[tuple[str, int], tuple[Decimal, Decimal]]


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
        worth = spec.worth * self.rate(spec.currency_profit, self.currency) * sign
        return self.cents((price_close - price_open) * volume * worth)

    def value(self, symbol: str, volume: Decimal, price: Decimal) -> Decimal:
        """Give what a volume is worth at a price, in the account's currency."""
        spec = self._market.specs[symbol]
        return volume * spec.worth * price * self.rate(spec.currency_profit, self.currency)

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
        rate = self.rate(spec.currency_margin, self.currency) * spec.margin_rate
        return self.cents(volume * self._margin_of_lot(spec, price) * rate)

    def _margin_of_lot(self, spec: SymbolSpec, price: Decimal) -> Decimal:
        """Give the margin of one lot in the margin currency, by the symbol's calculation mode."""
        match spec.calc_mode:
            case CalcMode.FOREX:
                return spec.contract_size / self._leverage
            case CalcMode.FOREX_NO_LEVERAGE:
                return spec.contract_size
            case CalcMode.CFDLEVERAGE:
                return spec.contract_size * price / self._leverage
            case CalcMode.CFDINDEX:
                return spec.worth * price
            case CalcMode.FUTURES | CalcMode.EXCH_FUTURES:
                return spec.margin_initial
        return spec.contract_size * price

    def margin_of(self, legs: Legs) -> Decimal:
        """Give the margin of a book, both directions of a symbol set against one another."""
        total = ZERO
        for symbol in {symbol for symbol, _ in legs}:
            spec = self._market.specs[symbol]
            sides = [legs[symbol, side] for side in (0, 1) if (symbol, side) in legs]
            needs = [self.margin(spec, volume, paid / volume) for volume, paid in sides]
            if len(sides) == 1 or spec.margin_larger_leg:
                total += max(needs)
            else:
                total += self._margin_of_pair(spec, sides)
        return total

    def _margin_of_pair(self, spec: SymbolSpec, sides: list[tuple[Decimal, Decimal]]) -> Decimal:
        """Charge what is uncovered in full, what is covered by its own contract size."""
        (long, paid_long), (short, paid_short) = sides
        larger = (long, paid_long) if long >= short else (short, paid_short)
        open_lots, covered = abs(long - short), min(long, short)
        need = self.margin(spec, open_lots, larger[1] / larger[0]) if open_lots else ZERO
        average = (paid_long + paid_short) / (long + short)
        hedged = replace(spec, contract_size=spec.margin_hedged)
        return need + self.margin(hedged, covered, average)

    def overnight(self, held: Position, nights: int) -> Decimal:
        """Give the swap of a position for some nights, negative where it costs."""
        spec = self._market.specs[held.symbol]
        swap = spec.swap_long if held.type == 0 else spec.swap_short
        if not swap or not nights:
            return ZERO
        rate = self.rate(spec.currency_profit, self.currency)
        price = held.price_open
        match spec.swap_mode:
            case SwapMode.POINTS:
                lot = swap * spec.point * spec.worth * rate
            case SwapMode.CURRENCY_DEPOSIT:
                lot = swap
            case SwapMode.INTEREST_CURRENT | SwapMode.INTEREST_OPEN:
                if spec.swap_mode is SwapMode.INTEREST_CURRENT:
                    price = self.closing_price(held)
                lot = price * spec.worth * rate * swap / 100 / _BANKING_YEAR
            case _:
                return ZERO
        return self.cents(lot * held.volume * nights)

    def account(self, balance: Decimal, positions: list[Position], legs: Legs) -> AccountState:
        """Add everything up; the profit is the sum of the positions' rounded profits."""
        profit = ZERO
        factors: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
        for held in positions:
            leg = (held.symbol, held.type)
            if leg not in factors:
                factors[leg] = self._factors(*leg)
            price, worth = factors[leg]
            profit += self.cents((price - held.price_open) * held.volume * worth) + held.swap
        return self._state(balance, profit, legs)

    def estimate(self, balance: Decimal, swaps: Decimal, legs: Legs) -> AccountState:
        """Add everything up per symbol and direction: at most half a cent a position off."""
        profit = swaps
        for leg, (volume, paid) in legs.items():
            price, worth = self._factors(*leg)
            profit += self.cents((price * volume - paid) * worth)
        return self._state(balance, profit, legs)

    def _factors(self, symbol: str, side: int) -> tuple[Decimal, Decimal]:
        """Give the price that closes a direction and what a point of one lot is worth in it."""
        spec, quote = self._market.specs[symbol], self._market.quote(symbol)
        worth = spec.worth * self.rate(spec.currency_profit, self.currency)
        return (quote.bid, worth) if side == 0 else (quote.ask, -worth)

    def _state(self, balance: Decimal, profit: Decimal, legs: Legs) -> AccountState:
        equity = balance + profit
        margin = self.margin_of(legs)
        level = (equity / margin * 100).quantize(Decimal("0.01")) if margin else ZERO
        return AccountState(balance, profit, equity, margin, equity - margin, level)
