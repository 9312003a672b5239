"""Instruments and how to find the one that a broker or an alert means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from backend.contracts.normalization import RULES
from backend.domain.sessions import Calendar

_RULES = RULES.symbols
_NO_SEPARATORS = str.maketrans("", "", _RULES.separators)


class Lifecycle(StrEnum):
    """Whether an instrument may trade yet, or any more."""

    NEW = "new"
    TRADABLE = "tradable"
    WATCHLIST_ONLY = "watchlist_only"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the desk knows about a symbol. Volumes are lots, prices quote currency."""

    symbol: str
    symbol_class: str
    """`fx`, `metal`, `crypto`, `index`, …"""
    base_currency: str
    quote_currency: str
    digits: int
    tick_size: Decimal
    pip_size: Decimal | None
    """None where nobody speaks of pips."""
    contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    calendar: Calendar = Calendar.WEEKDAYS
    lifecycle: Lifecycle = Lifecycle.TRADABLE
    aliases: frozenset[str] = frozenset()
    """Other spellings; one with a colon (`BINANCE:BTCUSDT`) holds at that exchange only."""


@dataclass(frozen=True)
class InstrumentRegistry:
    """Canonical symbols and every spelling that leads to one.

    A spelling that two instruments claim leads nowhere: guessing would trade the wrong one.
    """

    instruments: tuple[Instrument, ...]
    _by_spelling: dict[str, Instrument] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, Instrument] = {}
        disputed: set[str] = set()
        for instrument in self.instruments:
            for spelling in {plain(instrument.symbol), *map(plain, instrument.aliases)}:
                if index.setdefault(spelling, instrument) is not instrument:
                    disputed.add(spelling)
        for spelling in disputed:
            del index[spelling]
        object.__setattr__(self, "_by_spelling", index)

    @classmethod
    def of(cls, instruments: Iterable[Instrument]) -> InstrumentRegistry:
        """Build a registry from any iterable of instruments."""
        return cls(tuple(instruments))

    def resolve(self, symbol_raw: str, exchange: str | None = None) -> Instrument | None:
        """Find the instrument that `EXCH:SYM`, an alias or a broker's spelling means.

        An alias of that very exchange wins. At an exchange of shares a bare ticker means a
        share. A broker's suffix (`EURUSD.m`, `EURUSDpro`, `XAUUSD#`) is dropped only when the
        whole spelling is unknown and the rest is known. None if unknown or ambiguous.
        """
        prefix, colon, symbol = symbol_raw.rpartition(":")
        exchange = canonical_exchange(prefix if colon else exchange)
        if exchange and (named := self._by_spelling.get(plain(f"{exchange}:{symbol}"))):
            return named
        found = self._bare(symbol)
        if (
            found is not None
            and exchange in _RULES.share_exchanges
            and found.symbol_class not in _RULES.share_classes
        ):
            return None
        return found

    def _bare(self, symbol: str) -> Instrument | None:
        written = symbol.strip(" \t\r\n").upper()
        if found := self._by_spelling.get(plain(written)):
            return found
        unmarked = written.lstrip(_RULES.leading_marks)
        if found := self._by_spelling.get(plain(unmarked)):
            return found
        for stem in _stems(unmarked):
            if found := self._by_spelling.get(stem):
                return found
        return None


def canonical_exchange(exchange: str | None) -> str | None:
    """Return an exchange's name in upper case, without the mark of delayed prices."""
    if exchange is None:
        return None
    name = exchange.strip(" \t\r\n").upper()
    for mark in _RULES.exchange_delay_marks:
        name = name.removesuffix(mark)
    return name or None


def plain(spelling: str) -> str:
    """Return a spelling as the registry compares it: upper case, without separators."""
    return spelling.upper().translate(_NO_SEPARATORS)


def _may_be_brokers(suffix: str, mark: str) -> bool:
    """Tell a broker's mark from a second symbol, a date or another kind of instrument."""
    longest = _RULES.suffix_length_max
    if mark in _RULES.spread_marks:
        longest = min(longest, _RULES.pair_length - 1)
    digits = sum(character in "0123456789" for character in suffix)
    return (
        len(suffix) <= longest
        and digits <= _RULES.suffix_digits_max
        and suffix not in _RULES.foreign_suffixes
    )


def _stems(written: str) -> Iterable[str]:
    """Yield what is left of a spelling without a broker's suffix, the surest reading first."""
    cut = max(written.rfind(mark) for mark in _RULES.suffix_marks)
    if cut > 0:
        stem, suffix = plain(written[:cut]), written[cut + 1 :]
        known = not suffix or suffix in _RULES.suffixes
        pair = len(stem) >= _RULES.pair_length and _may_be_brokers(suffix, written[cut])
        if len(stem) >= _RULES.stem_length_min and (known or pair):
            yield stem
    whole = plain(written)
    for suffix in _RULES.glued_suffixes:
        if whole.endswith(suffix) and len(whole) - len(suffix) >= _RULES.pair_length:
            yield whole.removesuffix(suffix)
