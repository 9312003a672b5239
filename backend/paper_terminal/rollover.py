"""Swaps: what open positions pay or get when the server's day ends."""

from __future__ import annotations

from dataclasses import replace

from backend.paper_terminal.book import Book
from backend.paper_terminal.floor import Floor
from backend.paper_terminal.symbols import SymbolSpec

_DAY_MS = 86_400_000
_THURSDAY = 4  # 1970-01-01, counted from Sunday 0
_WEEKEND = frozenset({0, 6})


def next_midnight_ms(book: Book, symbol: str) -> int | None:
    """Give the next end of day that a symbol's positions have not paid for, None without any."""
    if (symbol, 0) not in book.legs and (symbol, 1) not in book.legs:
        return None
    opened = [held.time_msc for held in book.positions.values() if held.symbol == symbol]
    paid = max(min(opened), book.rolled.get(symbol, 0))
    return (paid // _DAY_MS + 1) * _DAY_MS


def charge_swaps(floor: Floor, symbol: str, midnight_ms: int) -> None:
    """Charge the night that ends at a server midnight; what was opened later is not asked."""
    nights = nights_of(floor.market.specs[symbol], midnight_ms)
    floor.book.rolled[symbol] = midnight_ms
    for held in list(floor.book.positions.values()):
        if held.symbol != symbol or held.time_msc >= midnight_ms:
            continue
        swap = floor.money.overnight(held, nights)
        if swap:
            floor.book.put_position(replace(held, swap=held.swap + swap))


def nights_of(spec: SymbolSpec, midnight_ms: int) -> int:
    """Give how many nights the end of a day counts: settlement skips weekends."""
    ended = (midnight_ms // _DAY_MS - 1 + _THURSDAY) % 7
    if spec.swap_triple_day is None:
        return 1
    if ended in _WEEKEND:
        return 0
    return 3 if ended == spec.swap_triple_day else 1
