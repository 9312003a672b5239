"""What treasury operators see and do: what waits for votes, what was voted, casting a vote."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from backend.db.gateway import jsonb, translated
from backend.db.reads import After, Row

_PENDING = """
select p.proposal_id, p.org_id, p.kind, p.subject, p.payload, p.evidence, p.proposed_by,
       p.opened_at, p.expires_at, p.correlation_id, p.humans_needed, p.humans_approved,
       p.personas_needed, p.personas_approved, p.refused, p.waits_for, p.why
  from treasury.pending_votes p
 where (%(at)s::timestamptz is null or (p.opened_at, p.proposal_id) < (%(at)s, %(id)s))
 order by p.opened_at desc, p.proposal_id desc
 limit %(limit)s
"""

_HISTORY = """
select v.vote_id, v.cast_at, v.proposal_id, v.org_id, v.kind, v.subject, v.proposed_by, v.voter,
       v.display_name, v.voter_kind, v.decision, v.reason, v.revision, v.counts, v.state,
       v.decided_at, v.correlation_id
  from treasury.vote_history v
 where (%(at)s::timestamptz is null or (v.cast_at, v.vote_id) < (%(at)s, %(id)s))
 order by v.cast_at desc, v.vote_id desc
 limit %(limit)s
"""


def pending_votes(conn: Connection[Any], after: After | None, limit: int) -> list[Row]:
    """Return what waits for votes, newest first."""
    return _rows(conn, _PENDING, after, limit)


def vote_history(conn: Connection[Any], after: After | None, limit: int) -> list[Row]:
    """Return votes, those that were superseded too, newest first."""
    return _rows(conn, _HISTORY, after, limit)


def cast_vote(conn: Connection[Any], proposal_id: UUID, decision: str, reason: str) -> Row:
    """Vote as the session's person. Raises DenialRaised."""
    item = {"i": 0, "proposal_id": str(proposal_id), "decision": decision, "reason": reason}
    with translated():
        row = conn.execute("select governance.cast_votes(%s)", (jsonb([item]),)).fetchone()
    assert row is not None
    return {"proposal_id": str(proposal_id), "state": row[0][0]["state"]}


def _rows(
    conn: Connection[Any], query: LiteralString, after: After | None, limit: int
) -> list[Row]:
    at, row_id = after or (None, None)
    with translated(), conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"at": at, "id": row_id, "limit": limit}).fetchall()
