"""Personas' votes, held against the keys that signed them: Postgres cannot check a signature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from backend.contracts.ballots import key_of, vote_holds
from backend.contracts.signing import VerifyKey
from backend.db.audit.findings import Difference, Finding

_VOTES = """
select v.vote_id, v.proposal_id, v.voter, v.decision, v.reason, v.sig, v.cast_at
  from public.votes v
 where v.voter_kind = 'persona'
 order by v.cast_at, v.vote_id
"""


def unsigned_votes(conn: Connection[Any], seal: int) -> Iterator[Finding]:
    """Find the votes of personas that no key of theirs signed while it was good.

    seal: the number that the findings are filed under; a vote is looked at whether sealed or not.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        keys = {row["key_id"]: row for row in cursor.execute("select * from bus.public_keys()")}
        for vote in cursor.execute(_VOTES).fetchall():
            wrong = _wrong(vote, keys.get(key_of(vote["sig"])))
            if wrong:
                key = str(vote["vote_id"])
                yield Finding(seal, "public.votes", key, Difference.BROKEN, wrong)


def _wrong(vote: dict[str, Any], key: dict[str, Any] | None) -> str | None:
    if not vote["sig"]:
        return f"{vote['voter']} did not sign it"
    if key is None:
        return "it is signed with a key that nobody registered"
    if vote["voter"] != f"{key['agent']}_agent":
        return f"it is signed with a key of {key['agent']}"
    if not key["valid_from"] <= vote["cast_at"] or (
        key["valid_until"] is not None and vote["cast_at"] >= key["valid_until"]
    ):
        return f"key {key['key_id']} was not valid when it was cast"
    if key["revoked_at"] is not None and vote["cast_at"] >= key["revoked_at"]:
        return f"key {key['key_id']} was revoked before it was cast"
    if not vote_holds(vote, VerifyKey(bytes(key["public_key"]))):
        return f"it is not what {vote['voter']} signed"
    return None
