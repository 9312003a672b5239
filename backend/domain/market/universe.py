"""The five instruments that a fresh desk knows, and how their prices usually behave.

Contract terms are those of a common retail MetaTrader account; sigmas and spreads are rounded
from the public bars this project is tested with. A real account brings its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from backend.domain.instruments import Instrument, InstrumentRegistry
from backend.domain.sessions import Calendar


def _instrument(
    symbol: str, symbol_class: str, digits: int, contract_size: str, *aliases: str
) -> Instrument:
    tick = Decimal(1).scaleb(-digits)
    pip = {"fx": tick * 10, "metal": tick * 10, "crypto": Decimal(1)}[symbol_class]
    return Instrument(
        symbol=symbol,
        symbol_class=symbol_class,
        base_currency=symbol[:3],
        quote_currency=symbol[3:],
        digits=digits,
        tick_size=tick,
        pip_size=pip,
        contract_size=Decimal(contract_size),
        volume_min=Decimal("0.01"),
        volume_max=Decimal(50),
        volume_step=Decimal("0.01"),
        calendar=Calendar.ALWAYS if symbol_class == "crypto" else Calendar.WEEKDAYS,
        aliases=frozenset(aliases),
    )


UNIVERSE: tuple[Instrument, ...] = (
    _instrument("EURUSD", "fx", 5, "100000", "6E1!"),
    _instrument("GBPUSD", "fx", 5, "100000", "CABLE"),
    _instrument("USDJPY", "fx", 3, "100000"),
    _instrument("XAUUSD", "metal", 2, "100", "GOLD", "GC1!"),
    _instrument("BTCUSD", "crypto", 2, "1", "BTCUSDT", "XBTUSD", "BTCUSDT.P", "BTCUSD.P"),
)
"""Instruments of a fresh desk."""


def default_registry() -> InstrumentRegistry:
    """Return a registry of the fresh desk's instruments."""
    return InstrumentRegistry.of(UNIVERSE)


@dataclass(frozen=True, slots=True)
class PriceModel:
    """How a symbol's generated prices behave. Spread is price units."""

    start_price: float
    daily_sigma: float
    """Standard deviation of a day's log return."""
    spread: Decimal
    volume_per_minute: float


MODELS: Mapping[str, PriceModel] = MappingProxyType(
    {
        "EURUSD": PriceModel(1.0850, 0.0050, Decimal("0.00010"), 60),
        "GBPUSD": PriceModel(1.2650, 0.0055, Decimal("0.00014"), 55),
        "USDJPY": PriceModel(151.50, 0.0060, Decimal("0.012"), 65),
        "XAUUSD": PriceModel(2650.0, 0.0100, Decimal("0.25"), 120),
        "BTCUSD": PriceModel(64000.0, 0.0280, Decimal("12.00"), 30),
    }
)
"""Price models of the fresh desk's instruments."""
