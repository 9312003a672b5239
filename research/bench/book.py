"""The book that the pgbench-driven benches trade: one organisation, 16 funded accounts, a quote."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from psycopg import Connection

from backend.db.master_data import TradingBook, add_book, add_instruments
from backend.domain.market.universe import UNIVERSE
from backend.domain.sessions import Calendar
from backend.policies import apply_pack, load_pack
from backend.settings import CHECKOUT
from backend.values import Mode

ACCOUNTS = 16
BALANCE = Decimal(1_000_000)
SYMBOL = "EURUSD"

_QUOTE = """
insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)
values ('bench', 'EURUSD', 1.1000, 1.1002, clock_timestamp(), clock_timestamp())
on conflict (venue_id, symbol) do update
   set quoted_at = excluded.quoted_at, received_at = excluded.received_at
"""


def furnish_book(conn: Connection[Any]) -> None:
    """Make the book under the bench's policies; the session must act as desk_owner."""
    add_instruments(conn, [i for i in UNIVERSE if i.symbol == SYMBOL], Calendar.ALWAYS)
    for number in range(ACCOUNTS):
        add_book(
            conn,
            TradingBook(
                org_id="bench",
                org_name="Bench",
                venue_id="bench",
                account_id=f"bench-{number}",
                strategy_id=f"bench-{number}",
                mode=Mode.PAPER,
                currency="USD",
                starting_balance=BALANCE,
                login=number + 1,
                connection={},
            ),
        )
    renew_quote(conn)
    apply_pack(conn, load_pack(CHECKOUT / "policies" / "bench.toml"), applied_by="desk bench")


def renew_quote(conn: Connection[Any]) -> None:
    """Let the quote be of this moment."""
    conn.execute(_QUOTE)
