"""Intake as its procedures offer it to the webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.db.gateway import translated


@dataclass(frozen=True, slots=True)
class Alert:
    """One post as it is stored.

    parsed: the understood form as JSON text, None with a reason_code if nobody understood it.
    alert_id: made before the first try, so that a repeated call says and does the same.
    """

    alert_id: UUID
    token_sha256: bytes
    body: bytes
    content_type: str | None
    remote_address: str | None
    parsed: str | None
    reason_code: str | None
    dedupe_kind: str
    dedupe_value: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a post: accepted, duplicate or refused with a code."""

    status: str
    alert_id: str | None
    code: str | None
    rate_per_minute: int | None
    """How fast the source may post; None if no source has the token."""


_ACCEPT = """
select intake.accept_alert(a.token_sha256, a.body, a.content_type, a.remote_address, a.parsed,
                           a.reason_code, a.dedupe_kind, a.dedupe_value, a.alert_id,
                           a.received_at)
  from unnest(%s::bytea[], %s::bytea[], %s::text[], %s::inet[], %s::jsonb[], %s::text[],
              %s::text[], %s::text[], %s::uuid[], %s::timestamptz[])
       with ordinality as a(token_sha256, body, content_type, remote_address, parsed, reason_code,
                            dedupe_kind, dedupe_value, alert_id, received_at, nr)
"""
_ACCEPT_ONE = "select intake.accept_alert(%s, %s, %s, %s::inet, %s::jsonb, %s, %s, %s, %s, %s)"


def accept_alerts(conn: Connection[Any], alerts: Sequence[Alert]) -> list[Accepted]:
    """Store alerts in one statement, in their order; once this returns, all are committed.

    All or none: whoever catches an error may call again with the same alerts, or one by one.
    """
    rows = [
        (
            alert.token_sha256,
            alert.body,
            alert.content_type,
            alert.remote_address,
            alert.parsed,
            alert.reason_code,
            alert.dedupe_kind,
            alert.dedupe_value,
            alert.alert_id,
            alert.received_at,
        )
        for alert in alerts
    ]
    with translated():
        if len(rows) == 1:
            answers = conn.execute(_ACCEPT_ONE, rows[0]).fetchall()
        else:
            columns = [list(column) for column in zip(*rows, strict=True)]
            answers = conn.execute(_ACCEPT, columns).fetchall()
    return [
        Accepted(
            answer["status"],
            answer.get("alert_id"),
            answer.get("code"),
            answer.get("rate_per_minute"),
        )
        for (answer,) in answers
    ]
