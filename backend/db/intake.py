"""Intake as its procedures offer it to the webhook."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.db.gateway import call

ACCEPT = "intake.accept_alerts"


@dataclass(frozen=True, slots=True)
class Alert:
    """One post as it is stored, with the door's reading of it.

    alert_id: made before the first try, so that a repeated call says and does the same.
    parsed: the understood form, None with a reason_code if nobody understood it.
    secrets: SHA-256 in hexadecimal of what in the body may be the source's secret.
    """

    alert_id: UUID
    token_sha256: bytes
    body: bytes
    content_type: str | None
    remote_address: str | None
    received_at: datetime
    parsed: dict[str, Any] | None
    reason_code: str | None
    dedupe_kind: str
    dedupe_value: str
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a post: accepted, duplicate or refused with a code."""

    status: str
    alert_id: str | None
    code: str | None
    source_id: str | None
    rate_per_minute: int | None
    """How fast the source may post; None if it was refused."""


def accept_alerts(conn: Connection[Any], alerts: Sequence[Alert]) -> list[Accepted]:
    """Store alerts in one statement, in their order; once this returns, all are committed.

    All or none: whoever catches an error may call again with the same alerts, or one by one.
    """
    items = [_item(number, alert) for number, alert in enumerate(alerts)]
    found: list[Accepted | None] = [None] * len(items)
    for answer in call(conn, ACCEPT, items):
        found[answer["i"]] = Accepted(
            answer["status"],
            answer.get("alert_id"),
            answer.get("code"),
            answer.get("source_id"),
            answer.get("rate_per_minute"),
        )
    return [answer for answer in found if answer is not None]


def _item(number: int, alert: Alert) -> dict[str, Any]:
    item: dict[str, Any] = {
        "i": number,
        "token_sha256": alert.token_sha256.hex(),
        "body": b64encode(alert.body).decode(),
        "content_type": alert.content_type,
        "remote_address": alert.remote_address,
        "alert_id": alert.alert_id,
        "received_at": alert.received_at,
        "reason_code": alert.reason_code,
        "dedupe_kind": alert.dedupe_kind,
        "dedupe_value": alert.dedupe_value,
        "secrets": alert.secrets,
    }
    if alert.parsed is not None:  # an absent key is null in SQL, a null in JSON is not
        item["parsed"] = alert.parsed
    return item
