"""Orders as authority leaves them, and what a venue may say about their attempts."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import uuid_utils
from psycopg import Connection, sql

from tests.kit.postgres import Database
from tests.kit.signals import POLICY_HASH
from tests.kit.trading_desk import add_quote, ask, furnished_database, rows

WORKER = UUID("019b0000-0000-7000-8000-0000000000d1")
OTHER_WORKER = UUID("019b0000-0000-7000-8000-0000000000d2")
FILLED_AT = datetime(2026, 3, 4, 10, 0, 1, tzinfo=UTC)

_TABLES = (
    "bus.deliveries",
    "bus.shard_leases",
    "execution.account_leases",
    "execution.slices",
    "execution.parents",
    "execution.attempts",
    "execution.reopenings",
    "execution.reconciliations",
    "execution.venue_orders",
    "execution.venue_cash",
    "execution.order_changes",
    "execution.venue_health",
    "governance.halts",
    "governance.halt_acknowledgements",
    "public.orders",
    "public.order_events",
    "public.fills",
    "public.positions",
    "public.intents",
    "public.alert_outcomes",
    "public.decision_deltas",
    "public.compliance_alerts",
    "public.report_snapshots",
    "public.hypotheses",
    "public.latest_quotes",
    "risk.reservations",
    "ledger.entries",
    "ledger.statements",
    "ledger.venue_balances",
    "ops.incidents",
)


def new_id() -> UUID:
    """Give an id as the flow makes them."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


@contextmanager
def order_desk(version: int = 16) -> Generator[Database]:
    """Lend a furnished database whose account has equity; `clear_orders` between tests."""
    with furnished_database(version) as database:
        with psycopg.connect(database.superuser_url) as conn:
            conn.execute("set local session_replication_role = replica")
            conn.execute(
                "insert into public.accounts (account_id, org_id, venue_id, mode, currency, state,"
                " starting_balance) values ('paper-2', 'demo', 'mt5-paper', 'paper', 'USD',"
                " 'active', 100000)"
            )
        with psycopg.connect(database.superuser_url, autocommit=True) as conn:
            clear_orders(conn)
        yield database


def clear_orders(conn: Connection[Any]) -> None:
    """Forget every order and put the accounts back to where they began."""
    conn.execute("set session_replication_role = replica")
    names = (sql.Identifier(*name.split(".")) for name in _TABLES)
    conn.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(names)))
    conn.execute("delete from risk.account_state")
    conn.execute(
        "insert into risk.account_state (account_id, equity, peak_equity, day, day_start_equity,"
        " realized_today, as_of) select a.account_id, 100000, 100000,"
        " (clock_timestamp() at time zone 'UTC')::date, 100000, 0, clock_timestamp()"
        " from public.accounts a"
    )
    conn.execute("update public.accounts set state = 'active'")
    conn.execute("set session_replication_role = origin")
    add_quote(conn)


def an_order(
    conn: Connection[Any],
    quantity: str = "1",
    side: str = "BUY",
    *,
    intent_id: UUID | None = None,
    kind: str = "allocate",
    **changes: Any,
) -> UUID:
    """Put an authorised, unsent order with its intent and reservation into the tables."""
    order_id = new_id()
    intent = intent_id or new_id()
    row: dict[str, Any] = {
        "order_id": order_id,
        "intent_id": intent,
        "child_index": 0,
        "correlation_id": new_id(),
        "org_id": "demo",
        "account_id": "paper-1",
        "strategy_id": "tv-smc",
        "venue_id": "mt5-paper",
        "symbol": "EURUSD",
        "side": side,
        "order_type": "market",
        "quantity": Decimal(quantity),
        "limit_price": None,
        "stop_loss": Decimal("1.0950") if side == "BUY" else Decimal("1.1050"),
        "take_profit": Decimal("1.1100") if side == "BUY" else Decimal("1.0900"),
        "reference_price": Decimal("1.1000"),
        "time_in_force": "IOC",
        "algorithm": "immediate",
        "latency_class": "immediate",
        "mode": "paper",
        "reduce_only": False,
        "deviation_points": 10,
        "policy_hash": POLICY_HASH,
        "expires_at": datetime(2100, 1, 1, tzinfo=UTC),
        **changes,
    }
    if intent_id is None:
        _authorize(conn, row, kind)
    _insert(conn, "public.orders", row)
    return order_id


def _authorize(conn: Connection[Any], order: Mapping[str, Any], kind: str) -> None:
    notional = order["quantity"] * 100_000 * order["reference_price"]
    shared = ("intent_id", "correlation_id", "org_id", "account_id", "strategy_id", "venue_id")
    told = ("symbol", "side", "order_type", "mode", "reference_price", "reduce_only")
    intent = {name: order[name] for name in (*shared, *told, "policy_hash", "expires_at")}
    intent |= {
        "requested_quantity": order["quantity"],
        "authorized_quantity": order["quantity"],
        "notional": notional,
        "state": "ordered",
        "kind": kind,
    }
    _insert(conn, "public.intents", intent)
    reservation = {name: order[name] for name in ("intent_id", "account_id", "symbol", "side")}
    reservation |= {
        "quantity": order["quantity"],
        "remaining_quantity": order["quantity"],
        "notional": notional,
        "remaining_notional": notional,
    }
    _insert(conn, "risk.reservations", reservation)


def _insert(conn: Connection[Any], table: str, row: Mapping[str, Any]) -> None:
    conn.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(sql.Placeholder() * len(row)),
        ),
        list(row.values()),
    )


def open_attempt(
    conn: Connection[Any],
    order_id: UUID,
    worker_id: UUID = WORKER,
    attempt_id: UUID | None = None,
) -> dict[str, Any]:
    """Open an attempt as the execution agent does."""
    item = {"order_id": order_id, "attempt_id": attempt_id or new_id(), "worker_id": worker_id}
    (answer,) = ask(conn, "execution.open_attempts", item)
    return answer


def a_fill(
    quantity: str = "1", price: str = "1.1000", trade: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Give a fill as the agent books it."""
    return {
        "fill_id": str(uuid4()),
        "venue_trade_id": trade or uuid4().hex[:16],
        "quantity": quantity,
        "price": price,
        "commission": "3.5",
        "filled_at": FILLED_AT.isoformat(),
        "slippage_bps": "0",
        "latency_ms": 4,
        "liquidity_flag": "TAKER",
        "attribution": {"total": "-3.5"},
        **changes,
    }


def a_report(status: str = "filled", *fills: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Give a venue's answer in the bridge's words."""
    return {
        "status": status,
        "final": False,
        "code": None,
        "retcode": 10009,
        "message": status,
        "venue_order_id": "77",
        "received_at": FILLED_AT.isoformat(),
        "latency_ms": 4,
        "fills": list(fills),
        **changes,
    }


def record(
    conn: Connection[Any],
    attempt: Mapping[str, Any],
    report: Mapping[str, Any],
    procedure: str = "execution.record_reports",
    **changes: Any,
) -> dict[str, Any]:
    """Record a report as the execution agent does."""
    item = {
        "attempt_id": attempt["attempt_id"],
        "worker_id": attempt["worker_id"],
        "epoch": attempt["epoch"],
        "settle_ms": 15_000,
        "report": report,
        **changes,
    }
    (answer,) = ask(conn, procedure, item)
    return answer


def age_attempt(conn: Connection[Any], attempt: Mapping[str, Any], seconds: int) -> None:
    """Let an attempt have been opened that long ago."""
    conn.execute(
        "update execution.attempts set opened_at = opened_at - %s * interval '1 second'"
        " where attempt_id = %s",
        (seconds, attempt["attempt_id"]),
    )


def give_shard(conn: Connection[Any], account_id: str, worker_id: UUID) -> None:
    """Make a worker the owner of an account's shard on the bus."""
    conn.execute(
        "insert into bus.shard_leases (agent, shard, worker_id, epoch)"
        " values ('execution', bus.shard_of(%s), %s, 1)"
        " on conflict (agent, shard) do update set worker_id = excluded.worker_id,"
        " epoch = bus.shard_leases.epoch + 1",
        (account_id, worker_id),
    )


def status_of(inside: Connection[Any], order_id: object) -> str:
    """Return an order's state."""
    return rows(inside, "select status from orders where order_id = %s", (order_id,))[0][0]


def outcome_of(inside: Connection[Any], order_id: object) -> tuple[str, str | None] | None:
    """Return how an order's alert ended, and its code."""
    found = rows(
        inside,
        "select a.outcome, a.code from orders o join alert_outcomes a using (correlation_id)"
        " where o.order_id = %s",
        (order_id,),
    )
    return found[0] if found else None


def steps(inside: Connection[Any], order_id: object) -> list[str]:
    """Return the states that an order went through."""
    found = rows(
        inside,
        "select to_status from order_events where order_id = %s order by occurred_at, event_id",
        (order_id,),
    )
    return [status for (status,) in found]
