"""Intake as its procedures offer it to the webhook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.db.bus import dump


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a post: accepted, duplicate or refused."""

    status: str
    alert_id: UUID | None
    code: str | None


def accept_alert(
    conn: Connection[Any],
    *,
    token_sha256: bytes,
    body: bytes,
    content_type: str | None,
    remote_address: str | None,
    parsed: dict[str, Any] | None,
    reason_code: str | None,
    dedupe_kind: str,
    dedupe_value: str,
    alert_id: UUID,
    received_at: datetime,
) -> Accepted:
    """Store an alert in one round trip; once this returns, it is committed."""
    row = conn.execute(
        "select intake.accept_alert(%s, %s, %s, %s::inet, %s::jsonb, %s, %s, %s, %s, %s)",
        (
            token_sha256,
            body,
            content_type,
            remote_address,
            None if parsed is None else dump(parsed),
            reason_code,
            dedupe_kind,
            dedupe_value,
            alert_id,
            received_at,
        ),
    ).fetchone()
    assert row is not None
    answer = row[0]
    alert = answer.get("alert_id")
    return Accepted(answer["status"], UUID(alert) if alert else None, answer.get("code"))
