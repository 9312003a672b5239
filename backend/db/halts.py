"""Halts as worker processes see them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.db.gateway import translated


def acknowledge(conn: Connection[Any], process_id: UUID) -> int:
    """Acknowledge standing halts for the agents of a process whose loops came round under them.

    Returns how many acknowledgements were new.
    """
    with translated():
        row = conn.execute("select governance.acknowledge_halts(%s)", (process_id,)).fetchone()
    return 0 if row is None else row[0]
