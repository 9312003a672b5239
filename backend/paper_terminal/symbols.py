"""The instruments of the terminal: digits, contracts and rules, as a retail broker sets them."""

from dataclasses import dataclass
from decimal import Decimal

from backend.paper_terminal.constants import CalcMode, Execution, SwapMode, TradeMode
from backend.paper_terminal.sessions import Week, parse_week

ZERO = Decimal(0)
_FOREX_WEEK = parse_week("mon-fri 00:02-23:58")
_METALS_WEEK = parse_week("mon-fri 01:01-23:58")
_WEDNESDAY = 3


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """Trading rules of one symbol. filling_mode: bitmask FOK 1, IOC 2, BOC 4. Levels in points.

    tick: smallest price step, 0 for one point. tick_value: worth of a tick of one lot in
    currency_profit, for futures and indices. margin_initial: per lot, for futures.
    margin_hedged: contract size of covered lots, where the larger leg is not all that counts.
    swap_long, swap_short: per night and lot; points, money or percent a year, as swap_mode says.
    swap_triple_day: day that is charged three times, Sunday 0; none: every night, weekends too.
    liquidity_lots: what the market takes at once without moving much. book_depth: levels of the
    depth of market, 0 where there is none.
    """

    name: str
    description: str
    path: str
    digits: int
    contract_size: Decimal
    currency_base: str
    currency_profit: str
    calc_mode: CalcMode
    start_price: float
    spread_points: int
    volatility_per_minute: float
    filling_mode: int = 3
    stops_level: int = 10
    freeze_level: int = 0
    volume_min: Decimal = Decimal("0.01")
    volume_max: Decimal = Decimal(500)
    volume_step: Decimal = Decimal("0.01")
    volume_limit: Decimal = ZERO
    liquidity_lots: Decimal = Decimal(50)
    execution: Execution = Execution.MARKET
    trade_mode: TradeMode = TradeMode.FULL
    tick: Decimal = ZERO
    tick_value: Decimal = ZERO
    margin_rate: Decimal = Decimal(1)
    margin_initial: Decimal = ZERO
    margin_hedged: Decimal = ZERO
    margin_larger_leg: bool = True
    swap_mode: SwapMode = SwapMode.POINTS
    swap_long: Decimal = ZERO
    swap_short: Decimal = ZERO
    swap_triple_day: int | None = _WEDNESDAY
    # Bits: market 1, limit 2, stop 4, stop-limit 8, sl 16, tp 32, close-by 64.
    order_mode: int = 127
    # Bits: GTC 1, day 2, specified 4, specified day 8.
    expiration_mode: int = 15
    week: Week = _FOREX_WEEK
    book_depth: int = 0

    @property
    def point(self) -> Decimal:
        """The last digit of a price."""
        return Decimal(1).scaleb(-self.digits)

    @property
    def tick_size(self) -> Decimal:
        """The smallest price step; prices between its multiples are refused."""
        return self.tick or self.point

    @property
    def worth(self) -> Decimal:
        """What one lot gains when the price rises by 1, in currency_profit."""
        return self.tick_value / self.tick_size if self.tick_value else self.contract_size

    @property
    def currency_margin(self) -> str:
        """The currency in which margin is reckoned."""
        forex = self.calc_mode in (CalcMode.FOREX, CalcMode.FOREX_NO_LEVERAGE)
        return self.currency_base if forex else self.currency_profit


def _forex(
    name: str, text: str, digits: int, start: float, spread: int, vol: float, swaps: tuple[str, str]
) -> SymbolSpec:
    return SymbolSpec(
        name=name,
        description=text,
        path=f"Forex\\{name}",
        digits=digits,
        contract_size=Decimal(100_000),
        currency_base=name[:3],
        currency_profit=name[3:6],
        calc_mode=CalcMode.FOREX,
        start_price=start,
        spread_points=spread,
        volatility_per_minute=vol,
        swap_long=Decimal(swaps[0]),
        swap_short=Decimal(swaps[1]),
    )


# The three filling masks differ on purpose: a client that sends one constant is refused somewhere.
DEFAULT_SYMBOLS: dict[str, SymbolSpec] = {
    spec.name: spec
    for spec in (
        _forex("EURUSD", "Euro vs US Dollar", 5, 1.1650, 8, 0.00009, ("-7.2", "2.9")),
        _forex(
            "GBPUSD", "Great Britain Pound vs US Dollar", 5, 1.3350, 12, 0.00011, ("-3.4", "-1.9")
        ),
        _forex("USDJPY", "US Dollar vs Japanese Yen", 3, 152.400, 10, 0.00010, ("9.8", "-18.5")),
        SymbolSpec(
            name="XAUUSD",
            description="Gold vs US Dollar",
            path="Metals\\XAUUSD",
            digits=2,
            contract_size=Decimal(100),
            currency_base="XAU",
            currency_profit="USD",
            calc_mode=CalcMode.CFDLEVERAGE,
            start_price=3350.00,
            spread_points=25,
            volatility_per_minute=0.00022,
            filling_mode=2,
            stops_level=20,
            volume_max=Decimal(100),
            liquidity_lots=Decimal(20),
            swap_long=Decimal("-52.5"),
            swap_short=Decimal("31.5"),
            week=_METALS_WEEK,
        ),
        SymbolSpec(
            name="BTCUSD",
            description="Bitcoin vs US Dollar",
            path="Crypto\\BTCUSD",
            digits=2,
            contract_size=Decimal(1),
            currency_base="BTC",
            currency_profit="USD",
            calc_mode=CalcMode.CFDLEVERAGE,
            start_price=98_000.00,
            spread_points=1500,
            volatility_per_minute=0.00055,
            filling_mode=1,
            stops_level=100,
            volume_max=Decimal(50),
            liquidity_lots=Decimal(10),
            swap_mode=SwapMode.INTEREST_CURRENT,
            swap_long=Decimal(-18),
            swap_short=Decimal(-4),
            # Quoted round the clock, as cryptocurrencies are.
            swap_triple_day=None,
            week=Week(),
        ),
    )
}


def infer_spec(name: str, closes: list[float], decimals: int) -> SymbolSpec:
    """Describe a symbol that is known only from its bars: six letters are a currency pair."""
    digits = min(max(decimals, 0), 8)
    pair = len(name) == 6 and name.isalpha()
    return SymbolSpec(
        name=name,
        description=name,
        path=f"Imported\\{name}",
        digits=digits,
        contract_size=Decimal(100_000) if pair else Decimal(1),
        currency_base=name[:3] if pair else name,
        currency_profit=name[3:6] if pair else "USD",
        calc_mode=CalcMode.FOREX if pair else CalcMode.CFDLEVERAGE,
        start_price=closes[-1],
        spread_points=10,
        volatility_per_minute=0.0001,
    )
