"""Who may be believed: the key registry, and the checks before a message is heard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection

from backend.contracts.denials import Code
from backend.contracts.message import Message, MessageRefused, decode
from backend.contracts.signing import SignatureRefused, VerifyKey, verify
from backend.db import bus


class KeyRegistry:
    """The public keys as last read; shared by every loop of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, tuple[VerifyKey, dict[str, Any]]] = {}

    def refresh(self, conn: Connection[Any]) -> None:
        """Read the registry again; rotation and revocation arrive this way."""
        fresh = {
            row["key_id"]: (VerifyKey(bytes(row["public_key"])), row)
            for row in bus.public_keys(conn)
        }
        with self._lock:
            self._keys = fresh

    def find(self, key_id: str, sender: str, now: datetime) -> VerifyKey | Code:
        """Return the key if it is that sender's and good now, else the reason why not."""
        with self._lock:
            entry = self._keys.get(key_id)
        if entry is None or f"agent.{entry[1]['agent']}" != sender:
            return Code.KEY_UNKNOWN
        key, row = entry
        revoked = row["revoked_at"] is not None and row["revoked_at"] <= now
        if revoked or (row["valid_until"] is not None and row["valid_until"] <= now):
            return Code.KEY_REVOKED
        return key


def hear(
    registry: KeyRegistry, row: Mapping[str, Any], conn: Connection[Any], now: datetime
) -> Message[Any] | MessageRefused:
    """Verify and parse one message; a refusal carries its named reason."""
    key = registry.find(row["key_id"], row["sender"], now)
    if key is Code.KEY_UNKNOWN:
        # A key may be younger than our last look at the registry.
        registry.refresh(conn)
        key = registry.find(row["key_id"], row["sender"], now)
    if isinstance(key, Code):
        return MessageRefused(key, f"key {row['key_id']} of {row['sender']}")
    refused = verify(row, key)
    if isinstance(refused, SignatureRefused):
        return MessageRefused(refused.code, f"signature of {row['sender']} does not hold")
    try:
        return decode(row)
    except MessageRefused as refusal:
        return refusal
