"""Whom to believe: the keys that sealed, and who vouches for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from backend.contracts.signing import VerifyKey
from backend.domain.audit.seals import KEY_PURPOSE


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A key as the database holds it."""

    key_id: str
    public_bytes: bytes
    vouched_by: str | None
    vouch: str | None


def registered(conn: Connection[Any]) -> list[RegisteredKey]:
    """Return all keys that ever sealed, oldest first."""
    rows = conn.execute(
        "select k.key_id, k.public_key, k.vouched_by, k.vouch from audit.seal_keys k"
        " order by k.registered_at, k.key_id"
    ).fetchall()
    return [RegisteredKey(key_id, bytes(public), by, vouch) for key_id, public, by, vouch in rows]


def trusted(keys: list[RegisteredKey], pinned: bytes | None) -> tuple[dict[str, VerifyKey], str]:
    """Return the keys that may have sealed, and what is wrong with the others, in words.

    pinned: the public key that is known from elsewhere. Without one the first key is believed.
    """
    roots = [key for key in keys if key.vouched_by is None]
    start = pinned or (roots[0].public_bytes if roots else None)
    believed: dict[str, VerifyKey] = {}
    if start is not None:
        verify_key = VerifyKey(start)
        believed[verify_key.key_id] = verify_key
    waiting = [key for key in keys if key.key_id not in believed]
    while found := [key for key in waiting if _is_vouched(key, believed)]:
        believed |= {key.key_id: VerifyKey(key.public_bytes) for key in found}
        waiting = [key for key in waiting if key.key_id not in believed]
    # A pinned key says nothing about those before it: the chain of seals does.
    before = _forebears(keys, start) if pinned else set[str]()
    strangers = sorted(key.key_id for key in waiting if key.key_id not in before)
    return believed, f"nobody vouches for {', '.join(strangers)}" if strangers else ""


def _is_vouched(key: RegisteredKey, believed: dict[str, VerifyKey]) -> bool:
    if key.vouched_by not in believed or VerifyKey(key.public_bytes).key_id != key.key_id:
        return False
    voucher = believed[key.vouched_by]
    return voucher.verify_bytes(KEY_PURPOSE, key.public_bytes, key.vouch) is None


def _forebears(keys: list[RegisteredKey], public: bytes | None) -> set[str]:
    by_id = {key.key_id: key for key in keys}
    current = next((key for key in keys if key.public_bytes == public), None)
    found: set[str] = set()
    while current is not None and current.vouched_by and current.vouched_by not in found:
        found.add(current.vouched_by)
        current = by_id.get(current.vouched_by)
    return found
