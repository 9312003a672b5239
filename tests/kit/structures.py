"""Structures as the job records them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection


def add_structure(conn: Connection[Any], symbol: str = "EURUSD", outlier: bool = False) -> UUID:
    """Write a structure that readers voted on; an outlier waits for a person."""
    structure_id = uuid4()
    conn.execute(
        "insert into public.structures (structure_id, symbol, timeframe, kind, direction,"
        " event_at, known_at, lower, upper, votes, agree, readers, confirmed, conviction, high,"
        " outlier_score, outlier, model, policy_hash)"
        " values (%s, %s, 'M15', 'fvg', 1, now(), now(), 1.1, 1.2,"
        ' \'[{"reader": "statistical", "vote": "agree", "reason": "+3 deviations"}]\', 3, 4,'
        " '{imbalance}', 0.5, false, 0.6, %s, 'forest-test', 'hash')",
        (structure_id, symbol, outlier),
    )
    return structure_id
