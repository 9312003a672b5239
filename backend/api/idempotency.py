"""Every POST carries an Idempotency-Key: the same key does the same thing once.

Key, state change and stored answer commit together; a key with another body is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from backend.api.auth import Person
from backend.api.problems import Problem


def once(
    conn: Connection[Any],
    person: Person,
    key: str,
    route: str,
    body: Jsonb,
    work: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Run work unless this key has its answer already. Raises Problem 409 on another body."""
    held = _hold(conn, person, key, route, body)
    if held["conflict"]:
        raise Problem(409, "idempotency.other_body", "this key was used with another request")
    if held["reply"] is not None:
        return held["reply"]
    reply = work()
    conn.execute("select ops.keep_reply(%s, %s, %s)", (person.name, key, Jsonb(reply)))
    return reply


def _hold(
    conn: Connection[Any], person: Person, key: str, route: str, body: Jsonb
) -> dict[str, Any]:
    row = conn.execute(
        "select ops.hold_key(%s, %s, %s, %s)", (person.name, key, route, body)
    ).fetchone()
    assert row is not None
    return row[0]
