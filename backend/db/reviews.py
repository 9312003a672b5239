"""What a person needs to see to decide a review. Row security cuts it to their organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

Row = dict[str, Any]

_LIST = """
select q.review_id, q.kind, q.reason_code, q.detail, q.state, q.opened_at, q.decided_by,
       q.decided_at, g.symbol, g.side, g.timeframe, g.strategy_id, r.score, r.confidence,
       a.source_id
  from public.review_queue q
  left join public.signals_normalized g on q.kind = 'signal' and g.signal_id = q.subject_id
  left join public.signals_raw a on q.kind = 'alert' and a.alert_id = q.subject_id
  left join public.strategy_rationales r on r.signal_id = g.signal_id
 where (q.state = 'open') = %(open)s
 order by q.opened_at desc, q.review_id desc
 limit %(limit)s
"""

_COUNT = "select count(*) from public.review_queue q where q.state = 'open'"

_ONE = """
select q.review_id, q.correlation_id, q.kind, q.reason_code, q.detail, q.state, q.opened_at,
       q.decided_by, q.decision_reason, q.decided_at,
       g.symbol, g.side, g.order_type, g.timeframe, g.session, g.strategy_id, g.mode, g.price,
       g.stop_loss, g.take_profit, g.quantity,
       r.rationale_id, r.score, r.confidence, r.threshold, r.axes, r.contributions, r.conflicts,
       r.unknown, r.sentence, r.weights_version, r.scored_at,
       a.body, a.content_type, a.source_id, a.received_at, a.remote_address,
       q.kind = 'signal' or coalesce(d.understood, a.understood, false) as may_go_on,
       (select jsonb_agg(jsonb_build_object(
                 'rationale_id', p.rationale_id, 'symbol', p.symbol, 'side', p.side,
                 'scored_at', p.scored_at, 'ended', p.ended, 'outcome_r', p.outcome_r::text)
                 order by array_position(r.precedents, p.rationale_id))
          from public.precedents p where p.rationale_id = any (r.precedents)) as precedents
  from public.review_queue q
  left join public.signals_normalized g on q.kind = 'signal' and g.signal_id = q.subject_id
  left join public.strategy_rationales r on r.signal_id = g.signal_id
  left join public.signals_raw a
    on a.alert_id = coalesce(g.alert_id, case when q.kind = 'alert' then q.subject_id end)
  left join intake.readings d on d.alert_id = a.alert_id
 where q.review_id = %s
"""


def reviews(conn: Connection[Any], *, waiting: bool, limit: int) -> list[Row]:
    """Return what waits for a person, or what no longer does, newest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LIST, {"open": waiting, "limit": limit}).fetchall()


def count_waiting(conn: Connection[Any]) -> int:
    """Count what waits for a person."""
    row = conn.execute(_COUNT).fetchone()
    assert row is not None
    return row[0]


def review(conn: Connection[Any], review_id: UUID) -> Row | None:
    """Return one review with its score, its alert's bytes and its precedents' outcomes."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_ONE, (review_id,)).fetchone()
