"""A desk with money: two accounts, three instruments, quotes, bars and a loose policy pack."""

from __future__ import annotations

import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.db.master_data import add_book, add_instruments
from backend.policies import PACKS, PolicyPack, apply_pack, parse_pack
from tests.kit.postgres import Database, fresh_database
from tests.kit.trading_desk import BOOK, add_bars, an_instrument

LOOSE: dict[str, str] = {
    "order_notional": "100000000",
    "order_quantity": "1000",
    "position_quantity": "1000",
    "position_notional": "100000000",
    "gross_exposure": "100000000",
    "net_exposure": "100000000",
    "leverage": "10000",
    "margin_used_pct": "1000000",
    "risk_per_trade_pct": "1000",
    "daily_loss_soft_pct": "90",
    "daily_loss_hard_pct": "95",
    "drawdown_pct": "95",
    "open_orders": "100000",
    "order_rate_per_minute": "100000",
    "price_collar_bps": "1000",
    "spread_bps": "1000",
    "quote_age_ms": "60000",
    "stop_loss_required": "1",
    "reward_to_risk_min": "1",
}

QUOTES = {
    "EURUSD": ("1.1000", "1.1002"),
    "USDJPY": ("149.98", "150.02"),
    "EURJPY": ("165.00", "165.04"),
}

ACCOUNTS = ("paper-1", "paper-2")

VENUES: dict[str, Any] = {
    "counterparty_share_max": "0.75",
    "counterparty_notional_max": "10000000",
    "counterparty_notional_free": "500000",
    "exploration_orders_share": "0.2",
    "exploration_notional_share": "0.3",
    "exploration_notional_max": "1000000",
    "probability_min": "0.05",
    "reward_bps_max": "20",
    "draws": 128,
    "exploration_window": 500,
    "depth_assumed": "50",
}
"""Bounds of a choice of venue."""


def a_pack(
    limits: Mapping[str, Any] | None = None,
    *,
    without: tuple[str, ...] = (),
    name: str = "tests",
    modes: tuple[str, ...] = ("paper",),
    enrolled: Mapping[str, tuple[str, ...]] | None = None,
    **authority: Any,
) -> PolicyPack:
    """Give a loose pack; `limits` are set at the platform, or by scope as {scope: {id: …}}.

    enrolled: further accounts by strategy.
    """
    table = tomllib.loads((PACKS / "demo.toml").read_text())
    platform = {kind: value for kind, value in LOOSE.items() if kind not in without}
    scoped: dict[str, Any] = {}
    for key, value in (limits or {}).items():
        if isinstance(value, str):
            platform[key] = value
        else:
            scoped[key] = value
    table |= {"name": name, "modes": list(modes), "limits": {"platform": platform, **scoped}}
    if enrolled is not None:
        table["venues"] = {**VENUES, "accounts": {k: list(v) for k, v in enrolled.items()}}
    table["authority"] |= {"human_approval_notional": "100000000", "margin_rate": "0.01"}
    table["authority"] |= authority
    return parse_pack(table, "tests")


@contextmanager
def money_database() -> Generator[Database]:
    """Lend a database with two funded accounts and an active, loose pack."""
    with fresh_database() as database:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local role desk_owner")
            add_instruments(conn, [an_instrument(symbol) for symbol in QUOTES])
            add_book(conn, BOOK)
            conn.execute(
                "insert into public.accounts (account_id, org_id, venue_id, mode, currency,"
                " starting_balance) values ('paper-2', 'demo', 'mt5-paper', 'paper', 'USD', 100000)"
            )
            conn.execute(
                "insert into public.strategies (strategy_id, org_id, account_id, name, mode)"
                " values ('tv-two', 'demo', 'paper-2', 'two', 'paper')"
            )
            quote_all(conn)
            for symbol in QUOTES:
                add_bars(conn, symbol)
            use(conn, a_pack())
        yield database


def use(conn: Connection[Any], pack: PolicyPack) -> PolicyPack:
    """Make a pack the active one, as its owner."""
    apply_pack(conn, pack, applied_by="tests")
    return pack


def quote_all(conn: Connection[Any], age_s: float = 0) -> None:
    """Set every instrument's last quote."""
    for symbol, (bid, ask) in QUOTES.items():
        conn.execute(
            "insert into public.latest_quotes (venue_id, symbol, bid, ask, quoted_at, received_at)"
            " select 'mt5-paper', %s, %s, %s, at, at"
            "   from (select clock_timestamp() - %s * interval '1 second') as t(at)"
            " on conflict (venue_id, symbol) do update set bid = excluded.bid,"
            " ask = excluded.ask, received_at = excluded.received_at",
            (symbol, bid, ask, age_s),
        )


def an_intent(**changes: Any) -> dict[str, Any]:
    """Give an item for `risk.authorize_intents`: buy one lot of EURUSD for paper-1."""
    item = {
        "intent_id": str(uuid4()),
        "kind": "allocate",
        "correlation_id": str(uuid4()),
        "org_id": "demo",
        "account_id": "paper-1",
        "strategy_id": "tv-smc",
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
        "side": "BUY",
        "order_type": "market",
        "mode": "paper",
        "quantity": "1",
        "reference_price": "1.1001",
        "stop_loss": "1.0951",
        "take_profit": "1.1101",
        "reduce_only": False,
        "latency_class": "immediate",
        "exposure_deltas": [],
        "reason_codes": ["TEST"],
        **changes,
    }
    if item["side"] == "SELL" and "stop_loss" not in changes:
        item |= {"stop_loss": "1.1051", "take_profit": "1.0901"}
    if item["account_id"] == "paper-2" and "strategy_id" not in changes:
        item["strategy_id"] = "tv-two"
    return item


def authorize(conn: Connection[Any], *items: dict[str, Any]) -> list[dict[str, Any]]:
    """Authorise a batch; the answers in its order."""
    return call(conn, "risk.authorize_intents", *items)


def authorize_one(conn: Connection[Any], **changes: Any) -> dict[str, Any]:
    """Authorise one intent."""
    return authorize(conn, an_intent(**changes))[0]


def call(conn: Connection[Any], procedure: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """Call a batch procedure; answers are sorted by item."""
    numbered = [{"i": index, **item} for index, item in enumerate(items)]
    row = conn.execute(f"select {procedure}(%s)", (Jsonb(numbered),)).fetchone()
    assert row is not None
    return sorted(row[0], key=lambda answer: answer["i"])


def hold(conn: Connection[Any], symbol: str, quantity: str, account_id: str = "paper-1") -> None:
    """Give an account a position."""
    conn.execute(
        "insert into public.positions (account_id, symbol, org_id, quantity, average_price)"
        " values (%s, %s, 'demo', %s, 1.1) on conflict (account_id, symbol)"
        " do update set quantity = excluded.quantity",
        (account_id, symbol, Decimal(quantity)),
    )


def children_of(intent_id: str, *quantities: str) -> dict[str, Any]:
    """Give an item for `execution.open_orders`."""
    return {
        "intent_id": intent_id,
        "children": [
            {
                "order_id": str(uuid4()),
                "child_index": index,
                "quantity": quantity,
                "limit_price": None,
                "time_in_force": "IOC",
                "algorithm": "immediate",
                "deviation_points": 10,
                "expires_at": "2099-01-01T00:00:00Z",
            }
            for index, quantity in enumerate(quantities)
        ],
    }


def code_of(error: psycopg.Error) -> str | None:
    """Name the code that a procedure raised."""
    return error.sqlstate


def scalar(conn: Connection[Any], query: str, *arguments: Any) -> Any:
    """Return the first column of the first row."""
    row = conn.execute(query.encode(), arguments).fetchone()
    return None if row is None else row[0]


def some_id() -> UUID:
    """Give a fresh id."""
    return uuid4()
