"""Instruments and how to find the one that a broker or an alert means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from backend.domain.sessions import Calendar


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
    pip_size: Decimal
    contract_size: Decimal
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    calendar: Calendar = Calendar.WEEKDAYS
    lifecycle: Lifecycle = Lifecycle.TRADABLE
    aliases: frozenset[str] = frozenset()


_SEPARATORS = re.compile(r"[\s/_\-]")
_SUFFIX = re.compile(r"(?:[.#!+][A-Z0-9]{0,8}|(?<=[A-Z0-9]{6})(?:M|C|PRO|ECN|RAW|STD|MICRO|MINI))")
_LEADING_MARK = re.compile(r"^[#^.]")


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
            for spelling in {_plain(instrument.symbol), *map(_plain, instrument.aliases)}:
                if index.setdefault(spelling, instrument) is not instrument:
                    disputed.add(spelling)
        for spelling in disputed:
            del index[spelling]
        object.__setattr__(self, "_by_spelling", index)

    @classmethod
    def of(cls, instruments: Iterable[Instrument]) -> InstrumentRegistry:
        """Build a registry from any iterable of instruments."""
        return cls(tuple(instruments))

    def resolve(self, symbol_raw: str) -> Instrument | None:
        """Find the instrument that `EXCH:SYM`, an alias or a broker's spelling means.

        A broker's suffix (`EURUSD.m`, `EURUSDpro`, `XAUUSD#`) is dropped only when the
        whole spelling is unknown and the rest is known. None if unknown or ambiguous.
        """
        spelling = _plain(symbol_raw.rsplit(":", 1)[-1])
        if found := self._by_spelling.get(spelling):
            return found
        unmarked = _LEADING_MARK.sub("", spelling)
        if found := self._by_spelling.get(unmarked):
            return found
        for match in _SUFFIX.finditer(unmarked):
            if match.end() == len(unmarked) and match.start() >= 3:
                return self._by_spelling.get(unmarked[: match.start()])
        return None


def _plain(spelling: str) -> str:
    return _SEPARATORS.sub("", spelling.strip().upper())
