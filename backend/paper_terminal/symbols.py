"""The instruments of the terminal: digits, contracts and rules, as a retail broker sets them."""

from dataclasses import dataclass
from decimal import Decimal

from backend.paper_terminal.constants import Execution, TradeMode

CALC_FOREX = 0
CALC_CFD_LEVERAGE = 4


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """Trading rules of one symbol. filling_mode: bitmask FOK 1, IOC 2. Levels in points."""

    name: str
    description: str
    path: str
    digits: int
    contract_size: Decimal
    currency_base: str
    currency_profit: str
    calc_mode: int
    start_price: float
    spread_points: int
    volatility_per_minute: float
    filling_mode: int = 3
    stops_level: int = 10
    freeze_level: int = 0
    volume_min: Decimal = Decimal("0.01")
    volume_max: Decimal = Decimal(500)
    volume_step: Decimal = Decimal("0.01")
    execution: Execution = Execution.MARKET
    trade_mode: TradeMode = TradeMode.FULL
    # A broker that quotes round the clock, as with cryptocurrencies.
    always_open: bool = False

    @property
    def point(self) -> Decimal:
        """The smallest price step."""
        return Decimal(1).scaleb(-self.digits)


def _forex(name: str, text: str, digits: int, start: float, spread: int, vol: float) -> SymbolSpec:
    return SymbolSpec(
        name=name,
        description=text,
        path=f"Forex\\{name}",
        digits=digits,
        contract_size=Decimal(100_000),
        currency_base=name[:3],
        currency_profit=name[3:6],
        calc_mode=CALC_FOREX,
        start_price=start,
        spread_points=spread,
        volatility_per_minute=vol,
    )


# The three filling masks differ on purpose: a client that sends one constant is refused somewhere.
DEFAULT_SYMBOLS: dict[str, SymbolSpec] = {
    spec.name: spec
    for spec in (
        _forex("EURUSD", "Euro vs US Dollar", 5, 1.1650, 8, 0.00009),
        _forex("GBPUSD", "Great Britain Pound vs US Dollar", 5, 1.3350, 12, 0.00011),
        _forex("USDJPY", "US Dollar vs Japanese Yen", 3, 152.400, 10, 0.00010),
        SymbolSpec(
            name="XAUUSD",
            description="Gold vs US Dollar",
            path="Metals\\XAUUSD",
            digits=2,
            contract_size=Decimal(100),
            currency_base="XAU",
            currency_profit="USD",
            calc_mode=CALC_CFD_LEVERAGE,
            start_price=3350.00,
            spread_points=25,
            volatility_per_minute=0.00022,
            filling_mode=2,
            stops_level=20,
            volume_max=Decimal(100),
        ),
        SymbolSpec(
            name="BTCUSD",
            description="Bitcoin vs US Dollar",
            path="Crypto\\BTCUSD",
            digits=2,
            contract_size=Decimal(1),
            currency_base="BTC",
            currency_profit="USD",
            calc_mode=CALC_CFD_LEVERAGE,
            start_price=98_000.00,
            spread_points=1500,
            volatility_per_minute=0.00055,
            filling_mode=1,
            stops_level=100,
            volume_max=Decimal(50),
            always_open=True,
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
        calc_mode=CALC_FOREX if pair else CALC_CFD_LEVERAGE,
        start_price=closes[-1],
        spread_points=10,
        volatility_per_minute=0.0001,
    )
