"""Whom a desk trades for, where and what: written by the owner, never by an agent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.domain.instruments import Instrument, plain
from backend.domain.sessions import Calendar
from backend.values import Mode


@dataclass(frozen=True, slots=True)
class TradingBook:
    """One organisation's account at one venue, with the strategy that trades in it."""

    org_id: str
    org_name: str
    venue_id: str
    account_id: str
    strategy_id: str
    mode: Mode
    currency: str
    starting_balance: Decimal
    login: int
    connection: dict[str, Any]
    """How the bridge reaches the terminal; names of secrets, never secrets."""


def add_instruments(
    conn: Connection[Any], instruments: Iterable[Instrument], calendar: Calendar | None = None
) -> None:
    """Register instruments and their other spellings; known ones stay as they are.

    calendar: trade all of them by this calendar instead of their own.
    """
    for item in instruments:
        conn.execute(
            "insert into public.instruments (symbol, symbol_class, base_currency, quote_currency,"
            " digits, tick_size, pip_size, contract_size, volume_min, volume_max, volume_step,"
            " calendar, state) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (symbol) do nothing",
            (
                item.symbol,
                item.symbol_class,
                item.base_currency,
                item.quote_currency,
                item.digits,
                item.tick_size,
                item.pip_size,
                item.contract_size,
                item.volume_min,
                item.volume_max,
                item.volume_step,
                (calendar or item.calendar).value,
                item.lifecycle.value,
            ),
        )
        for alias in {plain(alias) for alias in item.aliases} - {item.symbol}:
            conn.execute(
                "insert into public.instrument_aliases (alias, symbol) values (%s, %s)"
                " on conflict (alias) do nothing",
                (alias, item.symbol),
            )


def add_book(conn: Connection[Any], book: TradingBook) -> None:
    """Register an organisation, venue, account, books and strategy; the connection is updated."""
    conn.execute(
        "insert into public.organizations (org_id, name, base_currency) values (%s, %s, %s)"
        " on conflict (org_id) do nothing",
        (book.org_id, book.org_name, book.currency),
    )
    conn.execute(
        "insert into public.venues (venue_id, kind, name) values (%s, 'mt5', %s)"
        " on conflict (venue_id) do nothing",
        (book.venue_id, book.venue_id),
    )
    conn.execute(
        "insert into public.accounts (account_id, org_id, venue_id, mode, currency, login,"
        " connection, starting_balance) values (%s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (account_id) do update set connection = excluded.connection",
        (
            book.account_id,
            book.org_id,
            book.venue_id,
            book.mode.value,
            book.currency,
            book.login,
            Jsonb(book.connection),
            book.starting_balance,
        ),
    )
    # Until the venue says what the account holds, the treasury counts what it began with.
    conn.execute(
        "insert into treasury.balances (org_id, currency, cash, equity) values (%s, %s, %s, %s)"
        " on conflict (org_id, currency) do nothing",
        (book.org_id, book.currency, book.starting_balance, book.starting_balance),
    )
    conn.execute(
        "insert into public.strategies (strategy_id, org_id, account_id, name, mode)"
        " values (%s, %s, %s, %s, %s) on conflict (strategy_id) do nothing",
        (book.strategy_id, book.org_id, book.account_id, book.strategy_id, book.mode.value),
    )


def add_source(
    conn: Connection[Any],
    source_id: str,
    book: TradingBook,
    token: str,
    rate_per_minute: int,
    max_age_ms: int,
) -> None:
    """Let alerts in under a token, beside those that the source has; only its hash is stored."""
    conn.execute(
        "insert into intake.sources (source_id, org_id, strategy_id, state, rate_per_minute,"
        " max_age_ms) values (%s, %s, %s, 'active', %s, %s) on conflict (source_id) do nothing",
        (source_id, book.org_id, book.strategy_id, rate_per_minute, max_age_ms),
    )
    conn.execute(
        "insert into intake.source_tokens (token_id, source_id, token_sha256)"
        " values (bus.uuid7(), %s, %s) on conflict (token_sha256) do nothing",
        (source_id, hashlib.sha256(token.encode()).digest()),
    )
