"""A record that does not verify halts the desk."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from backend.db.audit.findings import Finding, Verified
from backend.db.gateway import call

CAUSE = "audit_failure"
"""As governance.halt_causes has it; it names the roles whose word is enough."""


def halt_on(conn: Connection[Any], found: Verified) -> bool:
    """Halt the platform if anything was found. Returns whether it is halted for that now."""
    if found.first is None:
        return False
    call(
        conn,
        "governance.halt_automatically",
        [
            {
                "i": 0,
                "scope": "platform",
                "scope_id": "*",
                "cause": CAUSE,
                "reason": in_words(found.first),
                "detail": {"findings": str(len(found.findings)), "seals": str(found.seals)},
            }
        ],
    )
    return True


def in_words(first: Finding) -> str:
    """Say what was found first."""
    what = f"{first.table} {first.key}".strip()
    return f"{what} is {first.difference.value} (seal {first.seal}): {first.detail}"
