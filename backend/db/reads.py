"""What people read. Every query runs under the reader's role: row security cuts it.

Lists are ordered by an instant and an id, newest first, and go on after a pair of these.
`numeric` columns come as Decimal, which the API writes as strings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from backend.db.gateway import translated

Row = dict[str, Any]
After = tuple[datetime, UUID]
"""The last row seen: its instant and its id."""

_SIGNALS = """
select n.signal_id, n.alert_id, n.correlation_id, n.symbol, n.side, n.order_type, n.price,
       n.stop_loss, n.take_profit, n.timeframe, n.session, n.session_tags, n.source_time,
       n.received_at, n.strategy_id, n.mode, n.normalized_at, o.outcome, o.code
  from public.signals_normalized n
  left join public.alert_outcomes o on o.correlation_id = n.correlation_id
 where (%(symbol)s::text is null or n.symbol = %(symbol)s)
   and (%(at)s::timestamptz is null or (n.normalized_at, n.signal_id) < (%(at)s, %(id)s))
 order by n.normalized_at desc, n.signal_id desc
 limit %(limit)s
"""

_RATIONALES = """
select s.rationale_id, s.signal_id, s.correlation_id, s.symbol, s.side, s.score, s.confidence,
       s.axes, s.contributions, s.conflicts, s.precedents, s.sentence, s.weights_version,
       s.threshold, s.passed, s.scored_at
  from public.strategy_rationales s
 where (%(symbol)s::text is null or s.symbol = %(symbol)s)
   and (%(at)s::timestamptz is null or (s.scored_at, s.rationale_id) < (%(at)s, %(id)s))
 order by s.scored_at desc, s.rationale_id desc
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
   and (%(at)s::timestamptz is null or (o.created_at, o.order_id) < (%(at)s, %(id)s))
 order by o.created_at desc, o.order_id desc
 limit %(limit)s
"""

_REVIEWS = """
select r.review_id, r.correlation_id, r.kind, r.subject_id, r.reason_code, r.detail, r.state,
       r.opened_at, r.decided_by, r.decision_reason, r.decided_at
  from public.review_queue r
 where (%(state)s::text is null or r.state = %(state)s)
   and (%(at)s::timestamptz is null or (r.opened_at, r.review_id) < (%(at)s, %(id)s))
 order by r.opened_at desc, r.review_id desc
 limit %(limit)s
"""


_STRUCTURES = """
select s.structure_id, s.symbol, s.timeframe, s.kind, s.direction, s.event_at, s.known_at,
       s.lower, s.upper, s.votes, s.agree, s.readers, s.confirmed, s.measures, s.conviction,
       s.high, s.outlier, s.outlier_score, s.model, s.policy_hash, s.verdict, s.judged_by,
       s.judged_reason, s.judged_at
  from public.structures s
 where (%(symbol)s::text is null or s.symbol = %(symbol)s)
   and (not %(odd)s or s.outlier and s.verdict is null)
   and (%(at)s::timestamptz is null or (s.known_at, s.structure_id) < (%(at)s, %(id)s))
 order by s.known_at desc, s.structure_id desc
 limit %(limit)s
"""


def structures(
    conn: Connection[Any], symbol: str | None, odd: bool, after: After | None, limit: int
) -> list[Row]:
    """Return structures with their readers' votes, newest first."""
    return _rows(conn, _STRUCTURES, after, limit, symbol=symbol, odd=odd)


def signals(
    conn: Connection[Any], symbol: str | None, after: After | None, limit: int
) -> list[Row]:
    """Return normalised signals with their outcomes, newest first."""
    return _rows(conn, _SIGNALS, after, limit, symbol=symbol)


def rationales(
    conn: Connection[Any], symbol: str | None, after: After | None, limit: int
) -> list[Row]:
    """Return scored rationales, newest first."""
    return _rows(conn, _RATIONALES, after, limit, symbol=symbol)


def orders(
    conn: Connection[Any],
    symbol: str | None,
    status: str | None,
    after: After | None,
    limit: int,
) -> list[Row]:
    """Return orders, newest first."""
    return _rows(conn, _ORDERS, after, limit, symbol=symbol, status=status)


def reviews(conn: Connection[Any], state: str | None, after: After | None, limit: int) -> list[Row]:
    """Return what waits, or waited, for a person, newest first."""
    return _rows(conn, _REVIEWS, after, limit, state=state)


def decision_story(conn: Connection[Any], correlation_id: UUID) -> Row:
    """Return the whole story of one alert; its `alert` is null if the reader may not see it."""
    return _scalar(conn, "select audit.decision_story(%s)", (correlation_id,))


def decide_review(conn: Connection[Any], review_id: UUID, decision: str, reason: str) -> Row:
    """Approve or refuse a review as the session's person. Raises DenialRaised."""
    return _scalar(conn, "select intake.decide_review(%s, %s, %s)", (review_id, decision, reason))


def _scalar(conn: Connection[Any], statement: LiteralString, arguments: tuple[Any, ...]) -> Row:
    with translated():
        row = conn.execute(statement, arguments).fetchone()
    assert row is not None
    return row[0]


def _rows(
    conn: Connection[Any],
    query: LiteralString,
    after: After | None,
    limit: int,
    **filters: str | bool | None,
) -> list[Row]:
    at, row_id = after or (None, None)
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {**filters, "at": at, "id": row_id, "limit": limit}).fetchall()
