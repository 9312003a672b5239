"""What people read. Every query runs under the reader's role: row security cuts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

Row = dict[str, Any]

_SIGNALS = """
select n.signal_id, n.alert_id, n.correlation_id, n.symbol, n.side, n.order_type, n.price,
       n.stop_loss, n.take_profit, n.timeframe, n.session, n.source_time, n.received_at,
       n.strategy_id, n.mode, n.normalized_at, o.outcome, o.code
  from public.signals_normalized n
  left join public.alert_outcomes o on o.correlation_id = n.correlation_id
 where (%(symbol)s::text is null or n.symbol = %(symbol)s)
   and (%(before)s::timestamptz is null or n.normalized_at < %(before)s)
 order by n.normalized_at desc
 limit %(limit)s
"""

_RATIONALES = """
select s.rationale_id, s.signal_id, s.correlation_id, s.symbol, s.side, s.score, s.confidence,
       s.axes, s.contributions, s.conflicts, s.precedents, s.sentence, s.weights_version,
       s.threshold, s.passed, s.scored_at
  from public.strategy_rationales s
 where (%(symbol)s::text is null or s.symbol = %(symbol)s)
   and (%(before)s::timestamptz is null or s.scored_at < %(before)s)
 order by s.scored_at desc
 limit %(limit)s
"""

_ORDERS = """
select o.order_id, o.intent_id, o.correlation_id, o.account_id, o.strategy_id, o.venue_id,
       o.symbol, o.side, o.order_type, o.quantity, o.filled_quantity, o.average_price,
       o.stop_loss, o.take_profit, o.status, o.status_reason, o.mode, o.policy_hash,
       o.venue_order_id, o.created_at, o.updated_at
  from public.orders o
 where (%(symbol)s::text is null or o.symbol = %(symbol)s)
   and (%(status)s::text is null or o.status = %(status)s)
   and (%(before)s::timestamptz is null or o.created_at < %(before)s)
 order by o.created_at desc
 limit %(limit)s
"""

_REVIEWS = """
select r.review_id, r.correlation_id, r.kind, r.subject_id, r.reason_code, r.detail, r.state,
       r.opened_at, r.decided_by, r.decision_reason, r.decided_at
  from public.review_queue r
 where (%(state)s::text is null or r.state = %(state)s)
   and (%(before)s::timestamptz is null or r.opened_at < %(before)s)
 order by r.opened_at desc
 limit %(limit)s
"""


def signals(
    conn: Connection[Any], symbol: str | None, before: datetime | None, limit: int
) -> list[Row]:
    """Return normalised signals with their outcomes, newest first."""
    return _rows(conn, _SIGNALS, {"symbol": symbol, "before": before, "limit": limit})


def rationales(
    conn: Connection[Any], symbol: str | None, before: datetime | None, limit: int
) -> list[Row]:
    """Return scored rationales, newest first."""
    return _rows(conn, _RATIONALES, {"symbol": symbol, "before": before, "limit": limit})


def orders(
    conn: Connection[Any],
    symbol: str | None,
    status: str | None,
    before: datetime | None,
    limit: int,
) -> list[Row]:
    """Return orders, newest first."""
    return _rows(
        conn, _ORDERS, {"symbol": symbol, "status": status, "before": before, "limit": limit}
    )


def reviews(
    conn: Connection[Any], state: str | None, before: datetime | None, limit: int
) -> list[Row]:
    """Return what waits, or waited, for a person, newest first."""
    return _rows(conn, _REVIEWS, {"state": state, "before": before, "limit": limit})


def decision_story(conn: Connection[Any], correlation_id: UUID) -> Row:
    """Return the whole story of one alert; its `alert` is null if the reader may not see it."""
    row = conn.execute("select audit.decision_story(%s)", (correlation_id,)).fetchone()
    assert row is not None
    return row[0]


def _rows(conn: Connection[Any], query: str, parameters: dict[str, Any]) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()
