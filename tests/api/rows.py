"""One alert of an organisation with a row in everything that the API lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from tests.kit.signals import NOW, POLICY_HASH


def add_organization(conn: Connection[Any], org_id: str) -> None:
    """Register an organisation beside `demo`."""
    conn.execute(
        "insert into public.organizations (org_id, name, base_currency) values (%s, %s, 'USD')"
        " on conflict do nothing",
        (org_id, org_id),
    )


def tell(conn: Connection[Any], org_id: str = "demo", at: datetime = NOW) -> UUID:
    """Write an alert that became a filled order. Returns its correlation id."""
    names: dict[str, Any] = {"id": uuid4(), "org": org_id, "at": at, "hash": POLICY_HASH}
    for statement in _STORY:
        conn.execute(statement.encode(), names)
    return names["id"]


_STORY = (
    "insert into signals_raw (alert_id, correlation_id, org_id, source_id, received_at, body,"
    " parsed, understood) values (%(id)s, %(id)s, %(org)s, 'tv', %(at)s, 'buy EURUSD', '{}', true)",
    "insert into signals_normalized (signal_id, alert_id, correlation_id, org_id, symbol,"
    " symbol_class, side, order_type, price, timeframe, session, received_at, strategy_id, mode,"
    " normalized_at) values (%(id)s, %(id)s, %(id)s, %(org)s, 'EURUSD', 'fx', 'BUY', 'market',"
    " 1.10000, 'M15', 'london', %(at)s, 'tv-smc', 'paper', %(at)s)",
    "insert into strategy_rationales (rationale_id, signal_id, correlation_id, org_id, symbol,"
    " side, score, confidence, sentence, weights_version, threshold, passed, scored_at) values"
    " (%(id)s, %(id)s, %(id)s, %(org)s, 'EURUSD', 'BUY', 0.7, 0.8, 'BUY scores 0.70.', 'w1',"
    " 0.55, true, %(at)s)",
    "insert into review_queue (review_id, correlation_id, org_id, kind, subject_id, reason_code,"
    " opened_at) values (%(id)s, %(id)s, %(org)s, 'alert', %(id)s, 'TR235', %(at)s)",
    "insert into intents (intent_id, correlation_id, org_id, account_id, strategy_id, venue_id,"
    " symbol, side, order_type, mode, requested_quantity, authorized_quantity, notional,"
    " reference_price, state, policy_hash, created_at) values (%(id)s, %(id)s, %(org)s, 'a', 's',"
    " 'v', 'EURUSD', 'BUY', 'market', 'paper', 0.30, 0.10, 11000.123456789012345678, 1.1,"
    " 'ordered', %(hash)s, %(at)s)",
    "insert into risk_checks (intent_id, limit_kind, scope, scope_id, limit_value, projected,"
    " outcome) values (%(id)s, 'leverage', 'account', 'a', 30, 12.5, 'passed')",
    "insert into orders (order_id, intent_id, child_index, correlation_id, org_id, account_id,"
    " strategy_id, venue_id, symbol, side, order_type, quantity, filled_quantity, average_price,"
    " reference_price, time_in_force, algorithm, latency_class, mode, status, policy_hash,"
    " created_at) values (%(id)s, %(id)s, 0, %(id)s, %(org)s, 'a', 's', 'v', 'EURUSD', 'BUY',"
    " 'market', 0.10, 0.10, 1.10007, 1.1, 'IOC', 'immediate', 'immediate', 'paper', 'filled',"
    " %(hash)s, %(at)s)",
    "insert into order_events (event_id, order_id, from_status, to_status, occurred_at)"
    " values (%(id)s, %(id)s, 'submitted', 'filled', %(at)s)",
    "insert into fills (fill_id, order_id, intent_id, correlation_id, org_id, account_id,"
    " strategy_id, venue_id, venue_trade_id, symbol, side, quantity, price, commission,"
    " realized_pnl, filled_at) values (%(id)s, %(id)s, %(id)s, %(id)s, %(org)s, 'a', 's', 'v',"
    " %(id)s::text, 'EURUSD', 'BUY', 0.10, 1.10007, 0.35, -0.350000000000000001, %(at)s)",
    "insert into decision_traces (trace_id, correlation_id, org_id, agent, clock, seed, outcome,"
    " explanation, latency_us, decided_at) values (%(id)s, %(id)s, %(org)s, 'intake', %(at)s,"
    " 9007199254740993, 'understood', 'It names EURUSD.', 120, %(at)s)",
    "insert into alert_outcomes (correlation_id, org_id, outcome, agent, decided_at,"
    " first_decided_at) values (%(id)s, %(org)s, 'filled', 'execution', %(at)s, %(at)s)",
)
