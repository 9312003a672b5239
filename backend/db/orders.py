"""What people ask of orders: other terms, or their end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from psycopg import Connection

from backend.db.gateway import call


def cancel_order(conn: Connection[Any], order_id: UUID, reason: str) -> dict[str, Any]:
    """Ask for an order's end. Raises DenialRaised if it does not work."""
    item = {"i": 0, "order_id": str(order_id), "reason": reason}
    return call(conn, "execution.cancel_orders", [item])[0]


def modify_order(
    conn: Connection[Any], order_id: UUID, wanted: dict[str, Any], reason: str
) -> dict[str, Any]:
    """Ask for other terms. The answer's `code` says why not, if not."""
    item = {"i": 0, "order_id": str(order_id), "wanted": wanted, "reason": reason}
    return call(conn, "execution.modify_orders", [item])[0]
